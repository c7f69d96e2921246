"""Offers of a passkey: the authorization code that waits for an answer, and what was answered."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sidecar.errors import ChallengeNotFound
from sidecar.model.challenge import Challenge
from sidecar.model.events import Event
from sidecar.model.passkey import PasskeyState, Wanted
from sidecar.store import ledger
from sidecar.store.clock import read_once
from sidecar.store.engine import Database
from sidecar.store.tables import auth_codes, challenges, passkey_offers


class SqlPasskeyOffers:
    """`login.ports.PasskeyOffers` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def state(self, challenge: Challenge, *, since_s: int) -> PasskeyState | None:
        now = self._database.clock.now()
        offers = passkey_offers.c
        statement = (
            select(
                auth_codes.c.subject_id,
                (offers.declined_at > now - since_s * 1000).label("is_declined"),
                offers.wanted_at.is_not(None).label("is_wanted"),
            )
            .select_from(auth_codes.outerjoin(passkey_offers, offers.subject_id == auth_codes.c.subject_id))
            .where(*_unspent(challenge, now))
        )
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            return None
        return PasskeyState(
            subject_id=row.subject_id, is_declined=bool(row.is_declined), is_wanted=bool(row.is_wanted)
        )

    def hold(self, challenge: Challenge, *, life_s: int) -> bool:
        with self._database.write() as connection:
            now = read_once(self._database.clock)
            held = connection.execute(
                update(auth_codes)
                .where(*_unspent(challenge, now))
                .values(is_held=True, expires_at=now + life_s * 1000)
            ).rowcount
            if held:
                self._record(connection, Event.PASSKEY_OFFERED, challenge)
        return bool(held)

    def is_held(self, challenge: Challenge, browser_macs: Sequence[str]) -> bool:
        now = self._database.clock.now()
        with self._database.read() as connection:
            found = connection.execute(
                select(auth_codes.c.challenge_id).where(*_held(challenge, browser_macs, now))
            ).one_or_none()
        return found is not None

    def answer(
        self,
        challenge: Challenge,
        browser_macs: Sequence[str],
        *,
        auth_code_mac: str,
        lifetime_s: int,
        is_wanted: bool,
    ) -> str:
        with self._database.write() as connection:
            now = read_once(self._database.clock)
            subject_id = connection.execute(
                update(auth_codes)
                .where(*_held(challenge, browser_macs, now))
                .values(is_held=False, code_mac=auth_code_mac, expires_at=now + lifetime_s * 1000)
                .returning(auth_codes.c.subject_id)
            ).scalar_one_or_none()
            if subject_id is None:
                raise ChallengeNotFound
            self._remember(connection, challenge, subject_id, is_wanted=is_wanted)
            self._record(connection, Event.PASSKEY_WANTED if is_wanted else Event.PASSKEY_DECLINED, challenge)
        return str(subject_id)

    def wanted(self, *, before_s: int, limit: int) -> list[Wanted]:
        now = self._database.clock.now()
        offers = passkey_offers.c
        statement = (
            select(offers.realm, offers.connection, offers.subject_id, offers.wanted_at)
            .where(offers.wanted_at <= now - before_s * 1000)
            .order_by(offers.wanted_at)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [Wanted(*row) for row in connection.execute(statement)]

    def forget_wanted(self, subject_id: str) -> None:
        offers = passkey_offers.c
        with self._database.write() as connection:
            connection.execute(
                update(passkey_offers).where(offers.subject_id == subject_id).values(wanted_at=None)
            )

    def _remember(
        self, connection: Connection, challenge: Challenge, subject_id: str, *, is_wanted: bool
    ) -> None:
        now = read_once(self._database.clock)
        answered = {"wanted_at": now} if is_wanted else {"declined_at": now}
        dialect = postgresql if self._database.is_postgresql else sqlite
        connection.execute(
            dialect.insert(passkey_offers)
            .values(subject_id=subject_id, realm=challenge.realm, connection=challenge.connection, **answered)
            .on_conflict_do_update(index_elements=["subject_id"], set_=answered)
        )

    def _record(self, connection: Connection, event: Event, challenge: Challenge) -> None:
        subject = ledger.Subject(challenge.realm, challenge.connection, challenge.address)
        at = read_once(self._database.clock)
        ledger.record(connection, event, subject, at=at, challenge_id=challenge.id)


def _unspent(challenge: Challenge, now: ColumnElement[int]) -> tuple[ColumnElement[bool], ...]:
    return (
        auth_codes.c.challenge_id == challenge.id,
        auth_codes.c.used_at.is_(None),
        auth_codes.c.is_held.is_(False),
        # The index of it: the few of the last minutes instead of all.
        auth_codes.c.expires_at > now,
    )


def _held(
    challenge: Challenge, browser_macs: Sequence[str], now: ColumnElement[int]
) -> tuple[ColumnElement[bool], ...]:
    """The one guard of an answer: not spent or voided, in time, waiting, and of the browser that proved the address."""
    is_theirs = exists().where(
        challenges.c.id == auth_codes.c.challenge_id, challenges.c.browser_mac.in_(browser_macs)
    )
    return (
        auth_codes.c.challenge_id == challenge.id,
        auth_codes.c.used_at.is_(None),
        auth_codes.c.is_held.is_(True),
        auth_codes.c.expires_at > now,
        is_theirs,
    )
