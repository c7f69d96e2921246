"""How long messages have been waiting, for whoever watches the queue."""

from __future__ import annotations

from sqlalchemy import func, select

from sidecar.store.clock import read_once
from sidecar.store.engine import Database
from sidecar.store.tables import messages


def waiting(database: Database) -> tuple[int, float]:
    """How many messages are due and not finished, and for how many seconds the oldest is due."""
    now = read_once(database.clock)
    due = select(func.count(), func.min(messages.c.due_at), now).where(
        messages.c.finished_at.is_(None), messages.c.due_at <= now
    )
    with database.read() as connection:
        count, oldest, at = connection.execute(due).one()
    return count, (at - oldest) / 1000 if count else 0.0
