"""The ledger as tests read it: from the database, not from answers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from sidecar.app import Parts
from sidecar.model.events import Event
from sidecar.store import tables


def events(parts: Parts) -> list[Any]:
    with parts.database.read() as connection:
        return list(connection.execute(select(tables.events).order_by(tables.events.c.id)))


def events_of(parts: Parts, kind: Event) -> list[Any]:
    return [event for event in events(parts) if event.type == kind]


def rows(parts: Parts, table: Any) -> list[Any]:
    with parts.database.read() as connection:
        return list(connection.execute(select(table)))
