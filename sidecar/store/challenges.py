"""Open, find, send again, retire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, Update, bindparam, exists, select, update

from sidecar.errors import ChallengeNotFound, IdempotencyKeyReused, RateLimited
from sidecar.login.limits import Rule
from sidecar.login.pumping import TextMessage
from sidecar.model.challenge import Challenge, DeliveryStatus, Found, NewChallenge, Once
from sidecar.model.events import Event
from sidecar.store import ledger, pumping
from sidecar.store.complaints import muted
from sidecar.store.engine import Database
from sidecar.store.once import asked_before, claim
from sidecar.store.one_of import numbered, one_of
from sidecar.store.outbox import page_status, queue, queued, queueing
from sidecar.store.prepared import Prepared, inserting, prefixed
from sidecar.store.rows import (
    COLUMNS,
    challenge_from,
    is_open,
    is_open_of_address,
    is_theirs,
    of_address,
    request_as_text,
    row_from,
    theirs,
)
from sidecar.store.tables import addresses, challenges, devices, messages


def stored(_now: ColumnElement[int]) -> ColumnElement[str]:
    """The spelling of the address that was proven first."""
    return of_address(addresses.c.destination)


class SqlChallenges:
    """`login.ports.Challenges` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(
        self,
        new: NewChallenge,
        browser_macs: Sequence[str],
        *,
        network: str,
        rules: Sequence[Rule],
        text: TextMessage | None,
    ) -> Challenge:
        api_client = new.request.api_client
        who = ledger.Who(new.realm, new.connection, new.address, network, browser_macs, client=api_client)
        # Whether it is muted is asked for known browsers too, so that both cost the same.
        asked: ledger.Asked = (stored, muted, *(asked_before(len(new.once.key_macs)) if new.once else ()))
        with ledger.held(
            self._database,
            who,
            rules,
            asked=asked,
            is_text=text is not None,
            is_exempt=lambda seen: new.once is not None and seen.earlier is not None,
            more={
                "mute_ms": new.mute_s * 1000,
                **(numbered("key", new.once.key_macs) if new.once else {}),
            },
        ) as held:
            if new.once:
                if held.seen.earlier is not None:
                    return _repeated(held, new.once, browser_macs)
                claim(self._database, held, new.once, new.id)
            challenge = _challenge(new, held)
            values = {
                "of_realm": new.realm,
                "of_address": new.address,
                "mac": new.browser_mac,
                "now": held.now,
                **prefixed("challenge", row_from(challenge, browser_mac=new.browser_mac)),
                **ledger.appended(
                    Event.CHALLENGE_STARTED, held.subject, at=held.now, challenge_id=challenge.id
                ),
                **queued(challenge, held.now),
            }
            if text:
                pumping.hold(self._database, held, text)
                values |= pumping.noted(held, text, challenge.id)
            self._opening(new.open_challenges, is_text=text is not None).run(held.connection, values)
        self._database.on_queued()
        return challenge

    def find(self, challenge_id: str, browser_macs: Sequence[str]) -> Found:
        count = len(browser_macs)
        finding = self._database.prepared((_finding, count), lambda: _finding(self._database, count))
        with self._database.read() as connection:
            row = finding.one_or_none(connection, theirs(challenge_id, browser_macs))
        if row is None:
            raise ChallengeNotFound
        is_known = bool(row.is_known)
        # Messages may be purged before their challenge.
        status = page_status(row, is_known=is_known) if row.status else DeliveryStatus.SENT
        return Found(challenge_from(row, read_at=row.read_at), status, is_known)

    def newest(self, realm: str, connection: str, address: str, browser_macs: Sequence[str]) -> Challenge:
        now = self._database.clock.now()
        with self._database.read() as transaction:
            row = transaction.execute(
                select(*COLUMNS, now.label("read_at"))
                .where(
                    challenges.c.realm == realm,
                    challenges.c.connection == connection,
                    challenges.c.address == address,
                    challenges.c.browser_mac.in_(browser_macs),
                )
                .order_by(challenges.c.created_at.desc(), challenges.c.id)
                .limit(1)
            ).one_or_none()
        if row is None:
            raise ChallengeNotFound
        return challenge_from(row, read_at=row.read_at)

    def of_message(self, challenge_id: str, *, within_s: int) -> Challenge:
        now = self._database.clock.now()
        with self._database.read() as connection:
            row = connection.execute(
                select(*COLUMNS, now.label("read_at")).where(
                    challenges.c.id == challenge_id, challenges.c.created_at > now - within_s * 1000
                )
            ).one_or_none()
        if row is None:
            raise ChallengeNotFound
        return challenge_from(row, read_at=row.read_at)

    def send_again(
        self,
        challenge: Challenge,
        browser_macs: Sequence[str],
        *,
        network: str,
        rules: Sequence[Rule],
        resend_after_s: int,
        text: TextMessage | None,
    ) -> Challenge:
        who = ledger.Who(
            challenge.realm,
            challenge.connection,
            challenge.address,
            network,
            browser_macs,
            client=challenge.request.api_client,
        )
        with ledger.held(self._database, who, rules, is_text=text is not None) as held:
            connection, subject, now, _ = held
            open_and_theirs = select(*COLUMNS).where(*is_theirs(len(browser_macs)), *is_open(now))
            row = connection.execute(open_and_theirs, theirs(challenge.id, browser_macs)).one_or_none()
            if row is None:
                raise ChallengeNotFound
            wait_s = challenge_from(row, read_at=now).resend_wait_s(resend_after_s)
            if wait_s > 0:
                raise RateLimited("resend_after", retry_after_s=wait_s, limit=1)
            if text:
                pumping.hold(self._database, held, text)
                noting = self._database.prepared(pumping.noting, pumping.noting)
                noting.run(connection, pumping.noted(held, text, challenge.id))
            connection.execute(
                update(challenges)
                .where(challenges.c.id == challenge.id)
                .values(last_sent_at=now, request=request_as_text(challenge.request))
            )
            ledger.record(connection, Event.CHALLENGE_RESENT, subject, at=now, challenge_id=challenge.id)
            queue(self._database, connection, challenge, now)
        self._database.on_queued()
        return replace(challenge_from(row, read_at=now), last_sent_at=now, request=challenge.request)

    def retire(self, challenge_id: str, browser_macs: Sequence[str]) -> None:
        with self._database.write() as connection:
            connection.execute(
                update(challenges)
                .where(*is_theirs(len(browser_macs)), challenges.c.retired_at.is_(None))
                .values(retired_at=self._database.clock.now()),
                theirs(challenge_id, browser_macs),
            )

    def _opening(self, open_challenges: int, *, is_text: bool) -> Prepared:
        """Retire what the new one replaces, and write it with its event and its message."""
        kept = max(0, open_challenges - 1)
        return self._database.prepared(
            (SqlChallenges.open, kept, is_text),
            lambda: _retiring(kept),
            lambda: inserting(challenges, "challenge"),
            ledger.appending,
            lambda: queueing(self._database),
            *((pumping.noting,) if is_text else ()),
        )


def _repeated(held: ledger.Held, once: Once, browser_macs: Sequence[str]) -> Challenge:
    """What the same start opened before, as it stands.

    Raises:
        IdempotencyKeyReused: it was another start.
    """
    if not once.is_same(held.seen.earlier_body):
        raise IdempotencyKeyReused
    found = select(*COLUMNS).where(*is_theirs(len(browser_macs)))
    row = held.connection.execute(found, theirs(held.seen.earlier, browser_macs)).one()
    return challenge_from(row, read_at=held.now)


def _challenge(new: NewChallenge, held: ledger.Held) -> Challenge:
    is_muted = bool(held.seen.muted) and held.subject.device is None
    is_unknown = not new.signup and held.seen.stored is None
    return Challenge(
        id=new.id,
        realm=new.realm,
        connection=new.connection,
        address=new.address,
        # Only ever to the stored address: two spellings that compare equal may be two mailboxes.
        destination=held.seen.stored or new.destination,
        key_id=new.key_id,
        seed=new.seed,
        digits=new.digits,
        method=new.method,
        locale=new.locale,
        request=new.request,
        asker=new.asker,
        created_at=held.now,
        expires_at=held.now + new.lifetime_s * 1000,
        last_sent_at=held.now,
        tries=0,
        max_tries=new.max_tries,
        is_suppressed=is_unknown or is_muted,
        is_unknown=is_unknown and not is_muted,
        used_at=None,
        retired_at=None,
        read_at=held.now,
        purpose=new.purpose,
        account=new.account,
    )


def _finding(database: Database, count: int) -> Select[*tuple[Any, ...]]:
    """A challenge with what became of its newest message, and whether the address knows the browser."""
    known = (
        exists()
        .where(
            devices.c.realm == challenges.c.realm,
            devices.c.address == challenges.c.address,
            one_of(devices.c.browser_mac, "mac", count),
        )
        .correlate(challenges)
    )
    newest = (
        select(messages.c.id)
        .where(messages.c.challenge_id == challenges.c.id)
        .order_by(messages.c.created_at.desc(), messages.c.id)
        .limit(1)
        .correlate(challenges)
    )
    return (
        select(
            *COLUMNS,
            messages.c.status,
            messages.c.attempts,
            messages.c.is_about_recipient,
            messages.c.receipt,
            known.label("is_known"),
            database.clock.now().label("read_at"),
        )
        .select_from(challenges)
        .outerjoin(messages, messages.c.id == newest.scalar_subquery())
        .where(*is_theirs(count))
    )


def _retiring(kept: int) -> Update:
    """The same browser's open challenge for this address, and the oldest beyond those that may be open at once."""
    now = bindparam("now", type_=BigInteger)
    is_of_address = [
        challenges.c.realm == bindparam("of_realm"),
        challenges.c.address == bindparam("of_address"),
        *is_open_of_address(now),
    ]
    newest_of_others = (
        select(challenges.c.id)
        .where(*is_of_address, challenges.c.browser_mac != bindparam("mac"))
        .order_by(challenges.c.created_at.desc())
        .limit(kept)
    )
    return (
        update(challenges)
        .where(*is_of_address, challenges.c.id.not_in(newest_of_others.scalar_subquery()))
        .values(retired_at=now)
    )
