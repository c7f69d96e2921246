"""End what is open, all at once: when a server secret leaked, and after a restore or a failover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, update

from sidecar.model.events import Event
from sidecar.store import ledger
from sidecar.store.clock import read_once
from sidecar.store.engine import Database
from sidecar.store.outbox import FAILED
from sidecar.store.tables import (
    account_sessions,
    auth_codes,
    challenges,
    messages,
    metadata,
    signing_keys,
    tickets,
)

# What ran out within a day is voided too: a clock that was set back revives nothing.
_MARGIN_MS = 86_400_000


def spendable() -> list[Table]:
    """Every table of things that are used once: those with a `used_at`. So no new one is forgotten."""
    return [table for table in metadata.sorted_tables if "used_at" in table.c]


def fence(database: Database) -> dict[str, int]:
    """Void everything that can still be spent, drop what is not sent yet, and forget the signing keys.

    For a database that may have forgotten what was spent: one restored from a backup, or a standby that was promoted
    behind its primary. Each statement waits for transactions that spend right now, so what is there when this
    returns is spent or void. Keys that were revoked may be back, so all go; the processes make new ones
    by themselves.

    Returns:
        How many rows of each table were voided.
    """
    with database.write() as connection:
        voided = {table.name: _void(database, connection, table) for table in spendable()}
        voided[messages.name] = _drop_unsent(database, connection, "fenced")
        voided[signing_keys.name] = connection.execute(delete(signing_keys)).rowcount
        # Whoever signed out would be in again.
        voided[account_sessions.name] = connection.execute(delete(account_sessions)).rowcount
        _record(database, connection, Event.DATABASE_FENCED, _as_text(voided))
    return voided


@dataclass(frozen=True, kw_only=True)
class SecretUse:
    """What hangs on one server secret."""

    live_challenges: int = 0
    signing_keys: int = 0


def uses_of_secrets(database: Database) -> Mapping[str, SecretUse]:
    """By the secret's id; ids that are on no list any more included."""
    now = read_once(database.clock)
    open_of = (
        select(challenges.c.key_id, func.count())
        .where(*_not_over(challenges), challenges.c.expires_at > now)
        .group_by(challenges.c.key_id)
    )
    wrapped_by = select(signing_keys.c.key_id, func.count()).group_by(signing_keys.c.key_id)
    with database.read() as connection:
        live: dict[str, int] = {row[0]: row[1] for row in connection.execute(open_of)}
        wrapped: dict[str, int] = {row[0]: row[1] for row in connection.execute(wrapped_by)}
    return {
        key_id: SecretUse(live_challenges=live.get(key_id, 0), signing_keys=wrapped.get(key_id, 0))
        for key_id in {*live, *wrapped}
    }


def void_made_under(database: Database, key_id: str) -> dict[str, int]:
    """Void the challenges of a server secret, and all tickets and authorization codes, which live a minute anyway."""
    with database.write() as connection:
        voided = {
            challenges.name: _void(database, connection, challenges, challenges.c.key_id == key_id),
            tickets.name: _void(database, connection, tickets),
            auth_codes.name: _void(database, connection, auth_codes),
        }
        _record(database, connection, Event.SECRET_REVOKED, f"{key_id} {_as_text(voided)}")
    return voided


def _record(database: Database, connection: Connection, event: Event, detail: str) -> None:
    """For the audit: it is of no realm, for it is of all of them."""
    ledger.record(connection, event, ledger.Subject("", ""), at=database.clock.now(), detail=detail)


def _as_text(voided: Mapping[str, int]) -> str:
    return " ".join(f"{table}={count}" for table, count in sorted(voided.items()))


def _void(database: Database, connection: Connection, table: Table, *of: ColumnElement[bool]) -> int:
    now = read_once(database.clock)
    ended = "retired_at" if "retired_at" in table.c else "used_at"
    return connection.execute(
        update(table)
        .where(*of, *_not_over(table), table.c.expires_at > now - _MARGIN_MS)
        .values({ended: now})
    ).rowcount


def _not_over(table: Table) -> list[ColumnElement[bool]]:
    return [table.c[name].is_(None) for name in ("used_at", "retired_at") if name in table.c]


def _drop_unsent(database: Database, connection: Connection, reason: str) -> int:
    """Their codes are void: a mail with one would only annoy."""
    return connection.execute(
        update(messages)
        .where(messages.c.finished_at.is_(None))
        .values(status=FAILED, reason=reason, finished_at=database.clock.now(), taken_until=None)
    ).rowcount
