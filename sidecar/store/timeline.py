"""What became of one address, for whoever helps its owner: events in order, and its messages with their receipts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, literal, select

from sidecar.model.timeline import Happened, Sent, Timeline
from sidecar.store.engine import Database
from sidecar.store.tables import challenges, events, messages


def timeline(
    database: Database, *, realm: str, address: str, since_at: int | None = None, last_s: int | None = None
) -> Timeline:
    """All of the address (in its canonical form) since a time, or of the last so many seconds."""
    since: ColumnElement[int] = literal(since_at or 0, BigInteger())
    if last_s is not None:
        since = select(database.clock.now() - last_s * 1000).scalar_subquery()
    happened = (
        select(events)
        .where(events.c.realm == realm, events.c.address == address, events.c.at >= since)
        .order_by(events.c.id)
    )
    sent = (
        select(messages, challenges.c.connection)
        .join(challenges, challenges.c.id == messages.c.challenge_id)
        .where(challenges.c.realm == realm, challenges.c.address == address, messages.c.created_at >= since)
        .order_by(messages.c.created_at, messages.c.id)
    )
    with database.read() as connection:
        return Timeline(
            events=tuple(happened_from(row) for row in connection.execute(happened)),
            messages=tuple(sent_from(row) for row in connection.execute(sent)),
        )


def happened_from(row: Any) -> Happened:
    """A row of `events`."""
    return Happened(
        number=row.id,
        at=row.at,
        connection=row.connection,
        type=row.type,
        network=row.network,
        is_known=row.device is not None if row.network else None,
        challenge_id=row.challenge_id,
        detail=row.detail,
    )


def sent_from(row: Any) -> Sent:
    """A row of `messages`, with its challenge's connection."""
    return Sent(
        created_at=row.created_at,
        connection=row.connection,
        challenge_id=row.challenge_id,
        status=row.status,
        attempts=row.attempts,
        provider=row.provider,
        reference=row.reference,
        reason=row.reason,
        receipt=row.receipt,
        receipt_at=row.receipt_at,
    )
