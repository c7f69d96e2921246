"""Connections and transactions, and what a failure of the database becomes."""

from __future__ import annotations

import select as io_select
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection, create_engine, event, select
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, SQLAlchemyError

from sidecar.errors import StoreUnavailable
from sidecar.store.clock import Clock, DatabaseClock
from sidecar.store.prepared import Prepared, Statement

_BUSY_TIMEOUT_MS = 10_000
_POOL_SIZE = 10
_IDLE_S = 2.0
# One plan for each prepared statement: each finds its few rows by an index, whatever the values, and planning costs
# more than running.
_SESSION = "-c statement_timeout=10000 -c lock_timeout=8000 -c plan_cache_mode=force_generic_plan"
_Statement = TypeVar("_Statement")
_WARNINGS = "passwordless_warnings"


class Database:
    """One database, and the only two ways to it: `read` and `write`.

    A write is one transaction. An error on the way, the commit's included, is a `StoreUnavailable`: a lost answer
    means refused, never granted, and never tried again by itself.
    """

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        self.url = driver_url(url)
        self.clock: Clock = clock or DatabaseClock()
        self.engine = _engine(self.url)
        self.is_postgresql = self.engine.dialect.name == "postgresql"
        # Without a transaction around single SELECTs, two round trips fewer; both engines share one pool.
        autocommit = {"isolation_level": "AUTOCOMMIT"} if self.is_postgresql else {}
        self._built: dict[Hashable, Any] = {}
        self._reading = self.engine.execution_options(**autocommit)
        #: Called after a commit that queued a message; a worker in this process hangs its bell here.
        self.on_queued: Callable[[], None] = lambda: None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for single SELECTs, each seeing what is committed when it runs."""
        with _unavailable(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, committed at the end of the block, rolled back if it raises.

        SQLite takes its one write lock at the start (BEGIN IMMEDIATE), so nothing read in it can change meanwhile;
        PostgreSQL runs at READ COMMITTED, and guards are in the statements.
        """
        with _unavailable(), self.engine.connect() as connection:
            warnings: list[str] = connection.info.setdefault(_WARNINGS, [])
            if not self.is_postgresql:
                connection.execution_options(sqlite_immediate=True)
            with connection.begin():
                yield connection
                warnings.clear()
            _require_kept(warnings)

    @contextmanager
    def write_once(self) -> Iterator[Connection]:
        """A connection for statements that are each a transaction of their own, committed when they are answered.

        On PostgreSQL two round trips fewer than `write`; on SQLite it is one.
        """
        if not self.is_postgresql:
            with self.write() as connection:
                yield connection
            return
        with _unavailable(), self._reading.connect() as connection:
            warnings: list[str] = connection.info.setdefault(_WARNINGS, [])
            warnings.clear()
            yield connection
            _require_kept(warnings)

    def prepared(self, key: Hashable, *statements: Callable[[], Statement]) -> Prepared:
        """The statements of that name as one `Prepared`, made at its first use."""
        return self.built(key, lambda: Prepared(self.engine.dialect, *(build() for build in statements)))

    def built(self, key: Hashable, build: Callable[[], _Statement]) -> _Statement:
        """The statement of that name, built at its first use: building costs several times what running does.

        What changes from run to run must be a `bindparam` in it, the clock's time included.
        """
        statement: _Statement | None = self._built.get(key)
        if statement is None:
            statement = self._built[key] = build()
        return statement

    def ping(self) -> None:
        """Ask the database for its time.

        Raises:
            StoreUnavailable: it does not answer.
        """
        with self.read() as connection:
            connection.execute(select(self.clock.now()))

    def dispose(self) -> None:
        self.engine.dispose()


def _require_kept(warnings: Sequence[str]) -> None:
    """Refuse where the wait for a synchronous standby was cut short (PostgreSQL warns): a failover would forget the
    commit, which is here alone.
    """
    if warnings:
        raise StoreUnavailable(f"the commit may not be kept: {warnings[0]}")


def driver_url(url: str) -> URL:
    """The URL an operator writes, with the driver that we use."""
    parsed = make_url(url)
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except DBAPIError as err:
        raise StoreUnavailable(f"the database did not answer: {type(err.orig).__name__}") from err
    except psycopg.Error as err:
        # From a prepared statement, which runs on the driver itself.
        raise StoreUnavailable(f"the database did not answer: {type(err).__name__}") from err
    except SQLAlchemyError as err:
        raise StoreUnavailable(f"the database could not be used: {type(err).__name__}") from err


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        engine = create_engine(
            url,
            pool_size=_POOL_SIZE,
            max_overflow=_POOL_SIZE,
            connect_args={"connect_timeout": 5, "options": _SESSION},
            hide_parameters=True,
        )
        event.listen(engine, "checkout", _postgresql_checkout)
        event.listen(engine, "connect", _postgresql_connect)
        return engine
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000}, hide_parameters=True)
    event.listen(engine, "connect", _sqlite_connect)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _postgresql_connect(dbapi_connection: Any, record: Any) -> None:
    warnings: list[str] = record.info.setdefault(_WARNINGS, [])

    def keep(notice: Any) -> None:
        if notice.severity_nonlocalized == "WARNING":
            warnings.append(notice.message_primary)

    dbapi_connection.add_notice_handler(keep)


def _postgresql_checkout(dbapi_connection: Any, record: Any, _proxy: Any) -> None:
    """A pooled connection may have died with the server: ask before use, so that a restart costs no request.

    One that was in use a moment ago and has nothing to read is alive: a server that went has closed its end.
    """
    now = time.monotonic()
    rested_s = now - record.info.get("used_at", now)
    record.info["used_at"] = now
    if rested_s < _IDLE_S and not _has_something_to_read(dbapi_connection):
        return
    try:
        dbapi_connection.autocommit = True
        dbapi_connection.execute("")
        dbapi_connection.autocommit = False
    except psycopg.Error as err:
        # The others of the pool that are as old went with it.
        raise InvalidatePoolError from err


def _has_something_to_read(dbapi_connection: Any) -> bool:
    try:
        poll = io_select.poll()
        poll.register(dbapi_connection.fileno(), io_select.POLLIN)
        return bool(poll.poll(0))
    except (OSError, psycopg.Error):
        return True  # closed on our side


def _sqlite_connect(dbapi_connection: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: `_sqlite_begin` says which kind.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # NORMAL may lose the last commits with the power, and a spent code would come back.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("sqlite_immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
