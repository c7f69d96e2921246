"""How long to wait, in words."""

from __future__ import annotations

from sidecar.errors import RateLimited
from sidecar.words import Words


def wait_text(words: Words, limited: RateLimited) -> str:
    """Whole minutes, rounded up; the budget's name stays inside, for it would tell how to go round it."""
    return words.plural("passwordlessErrorWaitMinutes", -(-limited.retry_after_s // 60))
