"""Make one thing fail once: a statement, a commit, or a function, before it does its work or after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from sidecar.store import prepared

#: Stands in every injected error: no answer may show it.
DETAIL = "opensesame-detail"
ERRORS: tuple[Callable[[], Exception], ...] = (
    lambda: OperationalError(DETAIL, None, ConnectionError(DETAIL)),
    lambda: RuntimeError(DETAIL),
)


class Injection:
    """Counts what passes, and fails at the `at`-th; with `at=None` it only counts."""

    def __init__(self, at: int | None = None, error: Callable[[], Exception] = ERRORS[1]) -> None:
        self.passed = 0
        self.fired = False
        self.is_paused = False
        self._at = at
        self._error = error

    def __call__(self, *_args: Any, **_kwargs: Any) -> None:
        if self.is_paused:
            return
        self.passed += 1
        if self.passed - 1 == self._at:
            self.fired = True
            raise self._error()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """For what the test itself asks the database."""
        self.is_paused = True
        yield
        self.is_paused = False


@contextmanager
def into_sql(engine: Any, moment: str, injection: Injection) -> Iterator[None]:
    """`moment`: before or after a statement, before a commit, or after it, when its answer is lost."""
    if moment == "lost commit":
        committed = engine.dialect.do_commit

        def commit(connection: Any) -> None:
            committed(connection)
            injection()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine.dialect, "do_commit", commit)
            yield
        return
    name = {"before": "before_cursor_execute", "after": "after_cursor_execute", "commit": "commit"}[moment]
    event.listen(engine, name, injection)
    try:
        # Prepared statements run on the driver itself, which SQLAlchemy's events don't see.
        with into_function(prepared, "execute_on_driver", moment, injection):
            yield
    finally:
        event.remove(engine, name, injection)


@contextmanager
def into_function(owner: Any, name: str, moment: str, injection: Injection) -> Iterator[None]:
    inner = getattr(owner, name)

    def faulty(*args: Any, **kwargs: Any) -> Any:
        if moment == "before":
            injection()
        answer = inner(*args, **kwargs)
        if moment == "after":
            injection()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, faulty)
        yield
