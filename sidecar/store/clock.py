"""The database's clock: milliseconds since the epoch, as an SQL expression."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import BigInteger, ColumnElement, bindparam, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _NowMs(FunctionElement[int]):
    type = BigInteger()
    inherit_cache = True
    name = "now_ms"


@compiles(_NowMs, "postgresql")
def _postgresql(_element: _NowMs, _compiler: Any, **_kw: Any) -> str:
    # clock_timestamp, not now(): a transaction that waited for a lock must see the time after the wait.
    return "(extract(epoch from clock_timestamp()) * 1000)::bigint"


@compiles(_NowMs, "sqlite")
def _sqlite(_element: _NowMs, _compiler: Any, **_kw: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


class Clock(Protocol):
    """What every statement takes its time from."""

    def now(self) -> ColumnElement[int]:
        """Now, in milliseconds since the epoch, evaluated by the database each time a statement with it runs."""
        ...


def read_once(clock: Clock) -> ColumnElement[int]:
    """The clock, read once in a statement: as it is, PostgreSQL asks it for each row, and so reads every row."""
    return select(clock.now()).scalar_subquery()


class DatabaseClock:
    """The clock of production."""

    def now(self) -> ColumnElement[int]:
        return _NowMs()


class ShiftedClock:
    """The database's clock, moved by tests: `shift(seconds=301)`."""

    def __init__(self) -> None:
        self._offset_ms = 0

    def now(self) -> ColumnElement[int]:
        # Asked when the statement runs, for statements are built once and kept.
        return _NowMs() + bindparam(None, type_=BigInteger, callable_=lambda: self._offset_ms)

    def shift(self, *, seconds: float) -> None:
        self._offset_ms += int(seconds * 1000)
