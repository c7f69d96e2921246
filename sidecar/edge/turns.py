"""How many requests a process works on at once, and how many may wait aside without keeping the others from it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_Application = Callable[["WSGIEnvironment", "StartResponse"], "Iterable[bytes]"]
#: What is left for everybody else while logins are walked: Keycloak calls our token endpoint on the way of each.
_KEPT = 2


class Turns:
    """A process works on `working` requests at once (three at least), and `waiting` more may wait aside.

    `walking`: how many of the working ones may walk a login. The process needs a thread for each that works or waits
    (`threads`): with fewer, Keycloak's call for a login under way could come behind those that wait for it to end.
    """

    def __init__(self, *, working: int, waiting: int) -> None:
        self.walking = max(1, working - _KEPT)
        self.waiting = waiting
        self._turns = threading.Semaphore(self.walking + _KEPT)

    @property
    def threads(self) -> int:
        return self.walking + _KEPT + self.waiting

    def around(self, application: _Application) -> Any:
        """The WSGI application, each of whose requests takes a turn until it has its answer."""

        def taking_turns(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            with self._turns:
                return application(environ, start_response)

        return taking_turns

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leave the turn to others inside the block, and go on after it when there is one again."""
        self._turns.release()
        try:
            yield
        finally:
            self._turns.acquire()
