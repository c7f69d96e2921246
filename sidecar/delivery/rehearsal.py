"""How long a hand-over takes, for rehearsals that nobody can tell from one by the time they take (docs/adr/0010)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: One slow hand-over must not make each rehearsal after it hold the queue.
_LONGEST_S = 2.0


class Pace:
    """Remembers how long the last hand-over took that ended well."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._last_s = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._last_s = min(_LONGEST_S, time.monotonic() - began)

    def keep(self) -> None:
        """Wait as long as that."""
        self._sleep(self._last_s)
