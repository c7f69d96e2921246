"""Challenges whose code was right, kept for their client's next call: one guarded statement makes it, one takes it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from sqlalchemy import ColumnElement, select, update

from sidecar.errors import ChallengeRefused
from sidecar.model.challenge import Challenge, Purpose
from sidecar.model.events import Event
from sidecar.store import ledger
from sidecar.store.engine import Database
from sidecar.store.tables import challenges


class SqlReservations:
    """`login.ports.Reservations` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(
        self,
        challenge: Challenge,
        browser_macs: Sequence[str],
        *,
        network: str,
        holder_mac: str | None,
        lifetime_s: int,
    ) -> None:
        with self._held(challenge, browser_macs, network) as held:
            making = (
                update(challenges)
                .where(*_unspent(challenge, browser_macs), challenges.c.expires_at > held.now)
                .values(reserved_until=held.now + lifetime_s * 1000, reserved_by=holder_mac)
                .returning(challenges.c.id)
            )
            if held.connection.execute(making).one_or_none() is None:
                raise ChallengeRefused(tries_left=0)
            ledger.record(
                held.connection, Event.CODE_RESERVED, held.subject, at=held.now, challenge_id=challenge.id
            )

    def is_held(
        self, challenge: Challenge, browser_macs: Sequence[str], *, holder_macs: Sequence[str]
    ) -> bool:
        asked = select(challenges.c.id).where(
            *_unspent(challenge, browser_macs),
            challenges.c.reserved_by.in_(holder_macs),
            challenges.c.reserved_until > self._database.clock.now(),
        )
        with self._database.read() as connection:
            return connection.execute(asked).one_or_none() is not None

    def take(self, challenge: Challenge, browser_macs: Sequence[str], *, network: str) -> bool:
        with self._held(challenge, browser_macs, network) as held:
            taking = (
                update(challenges)
                .where(*_unspent(challenge, browser_macs), challenges.c.reserved_until > held.now)
                .values(reserved_until=None)
                .returning(challenges.c.id)
            )
            is_taken = held.connection.execute(taking).one_or_none() is not None
            if is_taken:
                ledger.record(
                    held.connection, Event.CODE_TRIED, held.subject, at=held.now, challenge_id=challenge.id
                )
        return is_taken

    def _held(
        self, challenge: Challenge, browser_macs: Sequence[str], network: str
    ) -> AbstractContextManager[ledger.Held]:
        who = ledger.Who(
            challenge.realm,
            challenge.connection,
            challenge.address,
            network,
            browser_macs,
            client=challenge.request.api_client,
        )
        return ledger.held(self._database, who)


def _unspent(challenge: Challenge, browser_macs: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    return (
        challenges.c.id == challenge.id,
        challenges.c.browser_mac.in_(browser_macs),
        challenges.c.used_at.is_(None),
        challenges.c.retired_at.is_(None),
        challenges.c.is_suppressed.is_(False),
        challenges.c.purpose == Purpose.LOGIN,
    )
