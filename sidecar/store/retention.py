"""Delete what is over for long enough, a few hundred rows at a time, so that nobody waits for it."""

from __future__ import annotations

import time
from collections import Counter

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, select

from sidecar.model.own_account import UNDO_S
from sidecar.settings import Retention
from sidecar.store.clock import read_once
from sidecar.store.engine import Database
from sidecar.store.key_shelf import SqlKeyShelf
from sidecar.store.once import KEPT_MS
from sidecar.store.tables import (
    account_changes,
    account_sessions,
    auth_codes,
    challenges,
    events,
    idempotency_keys,
    messages,
    signing_keys,
    sms_sends,
    tickets,
)

BATCH = 500
_DAY_MS = 86_400_000
_UNDO_DAYS = UNDO_S // 86_400
_REST_S = 600
_REST_AFTER_FAILURE_S = 60


class SqlRetention:
    """What `[retention]` says; never anything that is live, for each limit is at least a day past its end."""

    def __init__(self, database: Database, retention: Retention, *, batch: int = BATCH) -> None:
        self._database = database
        self._retention = retention
        self._batch = batch

    def purge_batch(self) -> dict[str, int]:
        """Delete one batch of each table; how many rows went. Nothing left to delete is all zeros.

        Processes that purge at the same time take different rows on PostgreSQL, and turns on SQLite.
        """
        kinds = {
            messages: self._messages,
            auth_codes: self._auth_codes,
            tickets: self._tickets,
            challenges: self._challenges,
            events: self._events,
            sms_sends: self._sms_sends,
            account_sessions: self._account_sessions,
            account_changes: self._account_changes,
            idempotency_keys: self._idempotency_keys,
        }
        gone = {}
        # A transaction each: two that hold rows of one table and want those of another could wait for each other.
        for table, delete_some in kinds.items():
            with self._database.write() as connection:
                gone[table.name] = delete_some(connection)
        return gone

    def purge(self) -> dict[str, int]:
        """Delete all that is over, batch by batch, and signing keys that are no longer published."""
        total: Counter[str] = Counter()
        while True:
            gone = self.purge_batch()
            total.update(gone)
            if not any(gone.values()):
                break
        self.forget_keys()
        return dict(total)

    def forget_keys(self) -> None:
        """Delete signing keys that are no longer published, of every realm."""
        with self._database.read() as connection:
            realms = list(connection.execute(select(signing_keys.c.realm).distinct()).scalars())
        for realm in realms:
            SqlKeyShelf(self._database).forget_gone(realm)

    def _messages(self, connection: Connection) -> int:
        cutoff = self._before(self._retention.messages_days)
        return self._delete(connection, messages, messages.c.id, messages.c.deadline_at < cutoff)

    def _auth_codes(self, connection: Connection) -> int:
        cutoff = self._before(self._retention.challenges_days)
        return self._delete(connection, auth_codes, auth_codes.c.code_mac, auth_codes.c.expires_at < cutoff)

    def _tickets(self, connection: Connection) -> int:
        cutoff = self._before(self._retention.challenges_days)
        return self._delete(connection, tickets, tickets.c.ticket_mac, tickets.c.expires_at < cutoff)

    def _challenges(self, connection: Connection) -> int:
        """With their messages, which would hang in the air."""
        cutoff = self._before(self._retention.challenges_days)
        ids = list(
            connection.execute(self._some(challenges.c.id, challenges.c.expires_at < cutoff)).scalars()
        )
        connection.execute(delete(messages).where(messages.c.challenge_id.in_(ids)))
        return connection.execute(delete(challenges).where(challenges.c.id.in_(ids))).rowcount

    def _events(self, connection: Connection) -> int:
        return self._first(connection, events)

    def _sms_sends(self, connection: Connection) -> int:
        """As long as the events beside them; budgets reach back a day."""
        return self._first(connection, sms_sends)

    def _account_sessions(self, connection: Connection) -> int:
        over = account_sessions.c.expires_at < read_once(self._database.clock)
        return self._delete(connection, account_sessions, account_sessions.c.session_mac, over)

    def _account_changes(self, connection: Connection) -> int:
        """As long as the challenges of their notices, whose links take them back."""
        cutoff = self._before(_UNDO_DAYS + self._retention.challenges_days)
        return self._delete(connection, account_changes, account_changes.c.id, account_changes.c.at < cutoff)

    def _idempotency_keys(self, connection: Connection) -> int:
        over = idempotency_keys.c.created_at < read_once(self._database.clock) - KEPT_MS
        return self._delete(connection, idempotency_keys, idempotency_keys.c.key_mac, over)

    def _first(self, connection: Connection, table: Table) -> int:
        """The first rows by number, as far as they are old: both grow together, so time needs no index."""
        first = select(table.c.id).order_by(table.c.id).limit(self._batch).with_for_update(skip_locked=True)
        ids = list(connection.execute(first).scalars())
        old = table.c.at < self._before(self._retention.events_days)
        return connection.execute(delete(table).where(table.c.id.in_(ids), old)).rowcount

    def _before(self, days: int) -> ColumnElement[int]:
        return read_once(self._database.clock) - days * _DAY_MS

    def _delete(
        self, connection: Connection, table: Table, key: ColumnElement[str], is_over: ColumnElement[bool]
    ) -> int:
        keys = list(connection.execute(self._some(key, is_over)).scalars())
        return connection.execute(delete(table).where(key.in_(keys))).rowcount

    def _some(self, key: ColumnElement[str], is_over: ColumnElement[bool]) -> Select[str]:
        return select(key).where(is_over).limit(self._batch).with_for_update(skip_locked=True)


class Sweeping:
    """A worker's chore: a batch at each call while there is something to delete, then a rest of ten minutes."""

    def __init__(self, retention: SqlRetention) -> None:
        self._retention = retention
        self._due_at = 0.0

    def __call__(self) -> None:
        if time.monotonic() < self._due_at:
            return
        self._due_at = time.monotonic() + _REST_AFTER_FAILURE_S
        if any(self._retention.purge_batch().values()):
            self._due_at = 0.0
            return
        self._retention.forget_keys()
        self._due_at = time.monotonic() + _REST_S
