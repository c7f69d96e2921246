"""What the admin side of the API lists: a page at a time, each in an order that stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, func, literal, select, tuple_

from sidecar.errors import RateLimited
from sidecar.login.limits import DAY_S, Rule
from sidecar.model.admin import KnownAddress, Lock, Mute
from sidecar.model.events import Event
from sidecar.model.timeline import Happened, Sent
from sidecar.store import ledger
from sidecar.store.engine import Database
from sidecar.store.tables import addresses, challenges, events, messages
from sidecar.store.timeline import happened_from, sent_from

_COUNTED = (Event.CODE_TRIED, Event.CHALLENGE_STARTED, Event.CHALLENGE_RESENT)


class SqlAdminLists:
    """`api.ports.AdminLists` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def addresses(
        self, realm: str, *, address: str, subject_id: str, after: Sequence[Any], limit: int
    ) -> list[KnownAddress]:
        key = (addresses.c.connection, addresses.c.address)
        asked = select(addresses).where(addresses.c.realm == realm).order_by(*key).limit(limit)
        if address:
            asked = asked.where(addresses.c.address == address)
        if subject_id:
            asked = asked.where(addresses.c.subject_id == subject_id)
        if after:
            asked = asked.where(tuple_(*key) > tuple_(*map(literal, after)))
        return [
            KnownAddress(
                connection=row.connection,
                address=row.address,
                subject_id=row.subject_id,
                proven_at=row.proven_at,
            )
            for row in self._rows(asked)
        ]

    def events(self, realm: str, *, address: str, after: Sequence[Any], limit: int) -> list[Happened]:
        asked = select(events).where(events.c.realm == realm).order_by(events.c.id.desc()).limit(limit)
        if address:
            asked = asked.where(events.c.address == address)
        if after:
            asked = asked.where(events.c.id < after[0])
        return [happened_from(row) for row in self._rows(asked)]

    def messages(
        self, realm: str, *, address: str, after: Sequence[Any], limit: int
    ) -> list[tuple[str, Sent]]:
        key = (messages.c.created_at, messages.c.id)
        asked = (
            select(messages, challenges.c.connection)
            .join(challenges, challenges.c.id == messages.c.challenge_id)
            .where(challenges.c.realm == realm)
            .order_by(*(column.desc() for column in key))
            .limit(limit)
        )
        if address:
            asked = asked.where(challenges.c.address == address)
        if after:
            asked = asked.where(tuple_(*key) < tuple_(literal(after[0], BigInteger()), literal(after[1])))
        return [(row.id, sent_from(row)) for row in self._rows(asked)]

    def mutes(self, realm: str, *, mute_s: int, after: Sequence[Any], limit: int) -> list[Mute]:
        """By number, not by time, as the flow itself sees it."""
        now = self._database.clock.now()

        def newest(event: Event) -> ColumnElement[Any]:
            return func.max(events.c.id).filter(events.c.type == event.value)

        found = (
            select(
                events.c.address,
                func.max(events.c.connection).label("connection"),
                func.max(events.c.at).filter(events.c.type == Event.ADDRESS_MUTED.value).label("muted_at"),
            )
            .where(
                events.c.realm == realm,
                events.c.address.is_not(None),
                events.c.type.in_([Event.ADDRESS_MUTED.value, Event.ADDRESS_UNMUTED.value]),
                events.c.at > now - mute_s * 1000,
            )
            .group_by(events.c.address)
            .having(newest(Event.ADDRESS_MUTED) > func.coalesce(newest(Event.ADDRESS_UNMUTED), 0))
            .order_by(events.c.address)
            .limit(limit)
        )
        if after:
            found = found.where(events.c.address > after[0])
        return [
            Mute(
                connection=row.connection,
                address=row.address,
                muted_at=row.muted_at,
                ends_at=row.muted_at + mute_s * 1000,
            )
            for row in self._rows(found)
        ]

    def busy(self, realm: str, *, at_least: int, after: Sequence[Any], limit: int) -> list[tuple[str, str]]:
        used = (
            select(events.c.address, func.max(events.c.connection).label("connection"))
            .where(
                events.c.realm == realm,
                events.c.address.is_not(None),
                events.c.device.is_(None),
                events.c.type.in_([event.value for event in _COUNTED]),
                events.c.at > self._database.clock.now() - DAY_S * 1000,
            )
            .group_by(events.c.address)
            .having(func.count() >= at_least)
            .order_by(events.c.address)
            .limit(limit)
        )
        if after:
            used = used.where(events.c.address > after[0])
        return [(row.connection, row.address) for row in self._rows(used)]

    def lock(self, realm: str, connection_id: str, address: str, rules: Sequence[Rule]) -> Lock | None:
        who = ledger.Who(realm, connection_id, address, network="", browser_macs=("",))
        try:
            with self._database.read() as connection:
                ledger.hold(self._database, connection, who, tuple(rules))
        except RateLimited as held:
            return Lock(
                connection=connection_id,
                address=address,
                budget=held.budget,
                retry_after_s=held.retry_after_s,
            )
        return None

    def _rows(self, asked: Select[Any]) -> list[Any]:
        with self._database.read() as connection:
            return list(connection.execute(asked))
