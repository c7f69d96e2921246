"""Starts that may be asked for again: who comes first with a key opens the challenge, the others find it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects import postgresql, sqlite

from sidecar.errors import IdempotencyKeyReused
from sidecar.model.challenge import Once
from sidecar.store import ledger
from sidecar.store.engine import Database
from sidecar.store.one_of import one_of
from sidecar.store.tables import idempotency_keys

#: How long a key is remembered; its challenge is kept for longer.
KEPT_MS = 86_400_000


@lru_cache(maxsize=8)
def asked_before(count: int) -> ledger.Asked:
    """The challenge that one of `count` keys (`key_0`, …) opened, and what was asked for then."""

    def column(wanted: ColumnElement[str], now: ColumnElement[int]) -> ColumnElement[Any]:
        return (
            select(wanted)
            .where(
                one_of(idempotency_keys.c.key_mac, "key", count),
                idempotency_keys.c.created_at > now - KEPT_MS,
            )
            .limit(1)
            .scalar_subquery()
        )

    def earlier(now: ColumnElement[int]) -> ColumnElement[Any]:
        return column(idempotency_keys.c.challenge_id, now)

    def earlier_body(now: ColumnElement[int]) -> ColumnElement[Any]:
        return column(idempotency_keys.c.body_mac, now)

    return earlier, earlier_body


def claim(database: Database, held: ledger.Held, once: Once, challenge_id: str) -> None:
    """Take a key for a challenge that this very transaction opens; the unique key decides.

    Raises:
        IdempotencyKeyReused: another start took it since, and it was for another address: the same address waits for
            its lock, and would have seen it.
    """
    dialect = postgresql if database.is_postgresql else sqlite
    values = {"body_mac": once.body_macs[0], "challenge_id": challenge_id, "created_at": held.now}
    claimed = held.connection.execute(
        dialect.insert(idempotency_keys)
        .values(key_mac=once.key_macs[0], **values)
        .on_conflict_do_update(
            index_elements=["key_mac"],
            set_=values,
            # Of the row alone: what else is asked here would be as it was before the other start.
            where=idempotency_keys.c.created_at <= held.now - KEPT_MS,
        )
        .returning(idempotency_keys.c.challenge_id)
    ).one_or_none()
    if claimed is None:
        raise IdempotencyKeyReused
