"""Mutes and their undoing: events like all else, so that what was done to an address can be read from the ledger."""

from __future__ import annotations

from sqlalchemy import BigInteger, ColumnElement, Connection, bindparam, func, literal, select, update

from sidecar.errors import ChallengeNotFound
from sidecar.model.challenge import Challenge
from sidecar.model.events import Event
from sidecar.store import ledger
from sidecar.store.engine import Database
from sidecar.store.rows import COLUMNS, challenge_from
from sidecar.store.tables import auth_codes, challenges, events, tickets


def muted(now: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether the newest mute of `of_address` in `of_realm` is younger than `mute_ms` and not taken back."""

    def newest(event: Event) -> ColumnElement[int]:
        # By number, not by time: a clock that was set back must not undo what was said last.
        last = select(func.max(events.c.id + 0)).where(
            events.c.realm == bindparam("of_realm"),
            events.c.address == bindparam("of_address"),
            events.c.type == event.value,
            events.c.at > now - bindparam("mute_ms", type_=BigInteger),
        )
        return func.coalesce(last.scalar_subquery(), literal(0))

    return newest(Event.ADDRESS_MUTED) > newest(Event.ADDRESS_UNMUTED)


class SqlComplaints:
    """`login.ports.Complaints` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, challenge_id: str, *, mute_s: int, within_s: int) -> tuple[Challenge, bool]:
        now = self._database.clock.now()
        with self._database.read() as connection:
            row = connection.execute(
                select(*COLUMNS, now.label("read_at")).where(
                    challenges.c.id == challenge_id, challenges.c.created_at > now - within_s * 1000
                )
            ).one_or_none()
            if row is None:
                raise ChallengeNotFound
            is_muted = connection.execute(
                select(muted(now)),
                {"of_realm": row.realm, "of_address": row.address, "mute_ms": mute_s * 1000},
            ).scalar_one()
        return challenge_from(row, read_at=row.read_at), bool(is_muted)

    def deny(self, challenge: Challenge) -> None:
        subject = ledger.Subject(challenge.realm, challenge.connection, challenge.address)
        with self._database.write() as connection:
            ledger.lock(self._database, connection, subject, "address")
            now = self._now(connection)
            connection.execute(
                update(challenges)
                .where(
                    challenges.c.id == challenge.id,
                    challenges.c.retired_at.is_(None),
                    challenges.c.used_at.is_(None),
                )
                # Not retired: whoever started it would see that somebody reads this address's mail.
                .values(is_suppressed=True, is_unknown=False)
            )
            # What it bought already is void too, unless Keycloak was first.
            for bought in (auth_codes, tickets):
                connection.execute(
                    update(bought)
                    .where(
                        bought.c.challenge_id == challenge.id,
                        bought.c.used_at.is_(None),
                        # Of no effect but for the index: the few of the last minute instead of all.
                        bought.c.expires_at > now,
                    )
                    .values(used_at=now)
                )
            ledger.record(connection, Event.ADDRESS_MUTED, subject, at=now, challenge_id=challenge.id)

    def unmute(self, realm: str, connection_id: str, address: str, *, by: str) -> None:
        self._write(Event.ADDRESS_UNMUTED, ledger.Subject(realm, connection_id, address), by)

    def unlock(self, realm: str, connection_id: str, address: str, *, by: str = "operator") -> None:
        self._write(Event.ADDRESS_UNLOCKED, ledger.Subject(realm, connection_id, address), by)

    def _write(self, event: Event, subject: ledger.Subject, detail: str) -> None:
        with self._database.write() as connection:
            ledger.lock(self._database, connection, subject, "address")
            ledger.record(connection, event, subject, at=self._now(connection), detail=detail)

    def _now(self, connection: Connection) -> int:
        return int(connection.execute(select(self._database.clock.now())).scalar_one())
