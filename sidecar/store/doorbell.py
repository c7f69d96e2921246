"""How workers learn of a queued message: LISTEN/NOTIFY on PostgreSQL, an event within the process on SQLite.

Both only shorten the wait; a worker that missed a ring finds the message at its next poll.
"""

from __future__ import annotations

import threading
import time

import psycopg

from sidecar.store.engine import Database
from sidecar.store.outbox import CHANNEL


class LocalDoorbell:
    """Rung by `Database.on_queued` of the same process."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def ring(self) -> None:
        self._event.set()

    def wait(self, timeout_s: float) -> None:
        self._event.wait(timeout_s)
        self._event.clear()


class PostgresDoorbell:
    """A connection of its own that listens; opened anew when it is lost."""

    def __init__(self, database: Database) -> None:
        url = database.url.set(drivername="postgresql")
        self._conninfo = url.render_as_string(hide_password=False)
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    def wait(self, timeout_s: float) -> None:
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._conninfo, autocommit=True, connect_timeout=5)
                self._connection.execute(f"LISTEN {CHANNEL}")
                return  # a message may have come before we listened
            for _ in self._connection.notifies(timeout=timeout_s, stop_after=1):
                pass
        except psycopg.Error:
            self._connection = None
            time.sleep(timeout_s)
