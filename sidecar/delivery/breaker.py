"""A circuit breaker: a provider that failed again and again is left alone for a while, so that nobody waits for it."""

from __future__ import annotations

from dataclasses import dataclass

#: So many failures with no success between them open it.
FAILURES = 3
#: After so long one message tries again, and its outcome decides.
PAUSE_S = 30.0


@dataclass
class Breaker:
    """One provider's, in one worker process. `now` is any clock's seconds that only go forward."""

    failures: int = 0
    #: Since when it is open; half-open from `PAUSE_S` later on.
    opened_at: float | None = None

    def is_open(self, now: float) -> bool:
        return self.opened_at is not None and now - self.opened_at < PAUSE_S

    def failed(self, now: float) -> bool:
        """Count a failure; whether it opened the breaker, or kept a half-open one open."""
        self.failures += 1
        if self.failures < FAILURES or self.is_open(now):
            return False
        self.opened_at = now
        return True

    def succeeded(self) -> bool:
        """Close it; whether it was open."""
        was_open = self.opened_at is not None
        self.failures, self.opened_at = 0, None
        return was_open
