"""An account's addresses: added, removed, made primary, and each of it taken back; all others told of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sidecar.errors import ChallengeNotFound, ChallengeRefused, RateLimited
from sidecar.login.codes import new_seed
from sidecar.login.limits import DAY_S
from sidecar.model.asker import Asker
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.challenge import Challenge, Method, Purpose
from sidecar.model.events import Event
from sidecar.model.own_account import UNDO_S, Account, AccountChange, ChangeKind, Outcome, OwnAddress
from sidecar.store import ledger
from sidecar.store.engine import Database
from sidecar.store.outbox import queue
from sidecar.store.rows import change_of, is_open_of_address, row_from
from sidecar.store.tables import (
    account_changes,
    account_sessions,
    addresses,
    auth_codes,
    challenges,
    subjects,
)

#: Each one is told to all other addresses, so a hijacked page must not send without end.
CHANGES_PER_DAY = 20
_ID_BYTES = 16
_NO_REQUEST = AuthorizationRequest(client_id="", redirect_uri="", state="", nonce="", code_challenge="")


class SqlAccountBook:
    """`login.ports.AccountBook` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def addresses(self, realm: str, subject_ids: Sequence[str]) -> list[OwnAddress]:
        with self._database.read() as connection:
            return _addresses(connection, realm, subject_ids)

    def holder(self, realm: str, connection: str, address: str) -> str | None:
        with self._database.read() as reading:
            return reading.execute(
                select(addresses.c.subject_id).where(*_is(realm, connection, address))
            ).scalar_one_or_none()

    def add(
        self,
        account: Account,
        challenge: Challenge,
        browser_macs: Sequence[str],
        *,
        network: str,
        subject_id: str,
        key_id: str,
    ) -> Outcome:
        who = ledger.Who(challenge.realm, challenge.connection, challenge.address, network, browser_macs)
        with ledger.held(self._database, who) as held:
            writing, subject, now, _ = held
            self._lock_account(writing, account)
            spent = writing.execute(_spending(challenge, account, now)).one_or_none()
            if spent is None:
                raise ChallengeRefused(tries_left=0)
            ledger.record(
                writing,
                Event.CODE_ACCEPTED,
                subject,
                at=now,
                challenge_id=challenge.id,
                detail=Purpose.ADD.value,
            )
            holder = self._hang(writing, challenge, subject_id, now)
            if holder is not None:
                return Outcome.OWN if holder in account.subject_ids else Outcome.TAKEN
            writing.execute(
                update(challenges)
                .where(
                    challenges.c.realm == challenge.realm,
                    challenges.c.address == challenge.address,
                    *is_open_of_address(self._database.clock.now()),
                )
                .values(is_suppressed=True)
            )
            own = OwnAddress(
                connection=challenge.connection,
                address=challenge.address,
                destination=challenge.destination,
                subject_id=subject_id,
                proven_at=now,
            )
            change = self._change(writing, account, ChangeKind.ADDED, own, now)
            ledger.record(
                writing, Event.ADDRESS_ADDED, subject, at=now, challenge_id=challenge.id, detail=subject_id
            )
            self._tell(
                writing,
                account,
                change,
                asker=challenge.asker,
                locale=challenge.locale,
                key_id=key_id,
                subject_ids=(*account.subject_ids, subject_id),
            )
        self._database.on_queued()
        return Outcome.ADDED

    def remove(self, account: Account, own: OwnAddress, *, asker: Asker, locale: str, key_id: str) -> None:
        def act(writing: Connection, now: int) -> ChangeKind:
            gone = writing.execute(
                delete(addresses).where(*_is_own(account, own)).returning(addresses.c.subject_id)
            ).one_or_none()
            if gone is None:
                raise ChallengeNotFound
            self._void(writing, own, now)
            return ChangeKind.REMOVED

        self._changed(account, own, act, Event.ADDRESS_REMOVED, asker=asker, locale=locale, key_id=key_id)

    def note_primary(
        self, account: Account, own: OwnAddress, *, asker: Asker, locale: str, key_id: str
    ) -> None:
        def act(writing: Connection, _now: int) -> ChangeKind:
            _require_own(writing, account, own)
            return ChangeKind.PRIMARY

        self._changed(account, own, act, Event.PRIMARY_CHANGED, asker=asker, locale=locale, key_id=key_id)

    def note_added(
        self, account: Account, own: OwnAddress, *, asker: Asker, locale: str, key_id: str
    ) -> None:
        def act(writing: Connection, _now: int) -> ChangeKind:
            _require_own(writing, account, own)
            return ChangeKind.ADDED

        self._changed(
            account,
            own,
            act,
            Event.ADDRESS_ADDED,
            asker=asker,
            locale=locale,
            key_id=key_id,
            is_bounded=False,
        )

    def change(self, change_id: str, *, within_s: int) -> AccountChange:
        since = self._database.clock.now() - within_s * 1000
        with self._database.read() as connection:
            found = change_of(connection, change_id)
            is_over = found is None or connection.execute(select(since)).scalar_one() >= found.at
        if found is None or is_over:
            raise ChallengeNotFound
        return found

    def undo(self, change: AccountChange, *, within_s: int) -> bool:
        subject = ledger.Subject(change.realm, change.connection, change.address)
        with self._database.write() as writing:
            ledger.lock(self._database, writing, subject, "address")
            now = self._now(writing)
            undone = writing.execute(
                update(account_changes)
                .where(
                    account_changes.c.id == change.id,
                    account_changes.c.undone_at.is_(None),
                    account_changes.c.at > now - within_s * 1000,
                )
                .values(undone_at=now)
                .returning(account_changes.c.id)
            ).one_or_none()
            if undone is None:
                return False
            own = OwnAddress(
                connection=change.connection,
                address=change.address,
                destination=change.destination,
                subject_id=change.subject_id,
                proven_at=change.proven_at or now,
            )
            if change.kind is ChangeKind.ADDED:
                writing.execute(
                    delete(addresses).where(
                        *_is(change.realm, change.connection, change.address),
                        addresses.c.subject_id == change.subject_id,
                    )
                )
                self._void(writing, own, now)
            elif change.kind is ChangeKind.REMOVED:
                # Unless somebody has proven it meanwhile.
                writing.execute(self._inserting(change.realm, own))
            # Whoever did it may be looking at the page still.
            writing.execute(
                delete(account_sessions).where(
                    account_sessions.c.realm == change.realm, account_sessions.c.account == change.account
                )
            )
            ledger.record(writing, Event.ACCOUNT_CHANGE_UNDONE, subject, at=now, detail=change.kind.value)
        return True

    def _changed(
        self,
        account: Account,
        own: OwnAddress,
        act: Callable[[Connection, int], ChangeKind],
        event: Event,
        *,
        asker: Asker,
        locale: str,
        key_id: str,
        is_bounded: bool = True,
    ) -> None:
        subject = ledger.Subject(account.realm, own.connection, own.address)
        with self._database.write() as writing:
            ledger.lock(self._database, writing, subject, "address")
            self._lock_account(writing, account)
            now = self._now(writing)
            kind = act(writing, now)
            change = self._change(writing, account, kind, own, now, is_bounded=is_bounded)
            ledger.record(writing, event, subject, at=now, detail=own.subject_id)
            self._tell(
                writing,
                account,
                change,
                asker=asker,
                locale=locale,
                key_id=key_id,
                subject_ids=account.subject_ids,
            )
        self._database.on_queued()

    def _hang(self, writing: Connection, challenge: Challenge, subject_id: str, now: int) -> str | None:
        """Let the address stand for the subject; or the subject that it stands for already.

        Two accounts that add it at once agree on one, for the unique key lets one in.
        """
        dialect = postgresql if self._database.is_postgresql else sqlite
        writing.execute(
            dialect.insert(subjects)
            .values(id=subject_id, realm=challenge.realm, connection=challenge.connection, created_at=now)
            .on_conflict_do_nothing(index_elements=["id"])
        )
        own = OwnAddress(
            connection=challenge.connection,
            address=challenge.address,
            destination=challenge.destination,
            subject_id=subject_id,
            proven_at=now,
        )
        if writing.execute(self._inserting(challenge.realm, own)).one_or_none() is not None:
            return None
        key = _is(challenge.realm, challenge.connection, challenge.address)
        return str(writing.execute(select(addresses.c.subject_id).where(*key)).scalar_one())

    def _inserting(self, realm: str, own: OwnAddress) -> Any:
        dialect = postgresql if self._database.is_postgresql else sqlite
        return (
            dialect.insert(addresses)
            .values(
                realm=realm,
                connection=own.connection,
                address=own.address,
                destination=own.destination,
                subject_id=own.subject_id,
                proven_at=own.proven_at,
            )
            .on_conflict_do_nothing(index_elements=["realm", "connection", "address"])
            .returning(addresses.c.subject_id)
        )

    def _void(self, writing: Connection, own: OwnAddress, now: int) -> None:
        """An authorization code that the address bought a moment ago signs nobody in any more."""
        writing.execute(
            update(auth_codes)
            .where(
                auth_codes.c.subject_id == own.subject_id,
                auth_codes.c.address == own.address,
                auth_codes.c.used_at.is_(None),
                # Of no effect but for the index: the few of the last minute instead of all.
                auth_codes.c.expires_at > now,
            )
            .values(used_at=now)
        )

    def _change(
        self,
        writing: Connection,
        account: Account,
        kind: ChangeKind,
        own: OwnAddress,
        now: int,
        *,
        is_bounded: bool = True,
    ) -> AccountChange:
        """Write a change down.

        Raises:
            RateLimited: there were too many within a day.
        """
        of_account = (
            account_changes.c.realm == account.realm,
            account_changes.c.account == account.id,
            account_changes.c.at > now - DAY_S * 1000,
        )
        used, first = writing.execute(
            select(func.count(), func.min(account_changes.c.at)).where(*of_account)
        ).one()
        if used >= CHANGES_PER_DAY and is_bounded:
            wait_s = -(-(first + DAY_S * 1000 - now) // 1000)
            raise RateLimited("changes_per_account_per_day", retry_after_s=wait_s, limit=CHANGES_PER_DAY)
        change = AccountChange(
            id=secrets.token_urlsafe(_ID_BYTES),
            realm=account.realm,
            account=account.id,
            kind=kind,
            connection=own.connection,
            address=own.address,
            destination=own.destination,
            subject_id=own.subject_id,
            proven_at=own.proven_at,
            before=account.email or None,
            at=now,
            undone_at=None,
        )
        writing.execute(
            insert(account_changes).values(
                **{
                    field.name: getattr(change, field.name)
                    for field in fields(change)
                    if field.name != "kind"
                },
                kind=kind.value,
            )
        )
        return change

    def _tell(
        self,
        writing: Connection,
        account: Account,
        change: AccountChange,
        *,
        asker: Asker,
        locale: str,
        key_id: str,
        subject_ids: Sequence[str],
    ) -> None:
        """Queue a notice for every other address of the account, and for one that was removed.

        A removed one is told although it may be somebody else's by now: it is the one by which its owner gets it back.
        """
        told = [
            it
            for it in _addresses(writing, account.realm, subject_ids)
            if (it.connection, it.address) != (change.connection, change.address)
        ]
        if change.kind is ChangeKind.REMOVED:
            told.append(
                OwnAddress(
                    connection=change.connection,
                    address=change.address,
                    destination=change.destination,
                    subject_id=change.subject_id,
                    proven_at=change.at,
                )
            )
        for it in told:
            notice = _notice(change, it, asker=asker, locale=locale, key_id=key_id)
            writing.execute(insert(challenges).values(**row_from(notice, browser_mac="")))
            queue(self._database, writing, notice, change.at)

    def _lock_account(self, writing: Connection, account: Account) -> None:
        """After the address: whoever changes an account holds both, in this order."""
        subject = ledger.Subject(account.realm, "", f"account {account.id}")
        ledger.lock(self._database, writing, subject, "address")

    def _now(self, connection: Connection) -> int:
        return int(connection.execute(select(self._database.clock.now())).scalar_one())


def _spending(challenge: Challenge, account: Account, now: int) -> Any:
    return (
        update(challenges)
        .where(
            challenges.c.id == challenge.id,
            challenges.c.used_at.is_(None),
            challenges.c.retired_at.is_(None),
            challenges.c.is_suppressed.is_(False),
            challenges.c.expires_at > now,
            challenges.c.purpose == Purpose.ADD.value,
            challenges.c.account == account.id,
        )
        .values(used_at=now)
        .returning(challenges.c.used_at)
    )


def _notice(change: AccountChange, to: OwnAddress, *, asker: Asker, locale: str, key_id: str) -> Challenge:
    """A challenge that nobody can meet: it is over as it is made, and carries the seed of the notice's link."""
    return Challenge(
        id=secrets.token_urlsafe(_ID_BYTES),
        realm=change.realm,
        connection=to.connection,
        address=to.address,
        destination=to.destination,
        key_id=key_id,
        seed=new_seed(),
        digits=0,
        method=Method.LINK,
        locale=locale,
        request=_NO_REQUEST,
        asker=asker,
        created_at=change.at,
        expires_at=change.at + UNDO_S * 1000,
        last_sent_at=change.at,
        tries=0,
        max_tries=0,
        is_suppressed=False,
        used_at=None,
        retired_at=change.at,
        read_at=change.at,
        purpose=Purpose.NOTICE,
        account=change.account,
        change_id=change.id,
    )


def _addresses(connection: Connection, realm: str, subject_ids: Sequence[str]) -> list[OwnAddress]:
    found = connection.execute(
        select(
            addresses.c.connection,
            addresses.c.address,
            addresses.c.destination,
            addresses.c.subject_id,
            addresses.c.proven_at,
        )
        .where(addresses.c.realm == realm, addresses.c.subject_id.in_(subject_ids))
        .order_by(addresses.c.proven_at, addresses.c.address)
    )
    return [OwnAddress(**row._mapping) for row in found]  # noqa: SLF001


def _is(realm: str, connection: str, address: str) -> tuple[Any, ...]:
    return (
        addresses.c.realm == realm,
        addresses.c.connection == connection,
        addresses.c.address == address,
    )


def _require_own(writing: Connection, account: Account, own: OwnAddress) -> None:
    if writing.execute(select(addresses.c.address).where(*_is_own(account, own))).one_or_none() is None:
        raise ChallengeNotFound


def _is_own(account: Account, own: OwnAddress) -> tuple[Any, ...]:
    """The row of an address as long as it is this account's."""
    return (
        *_is(account.realm, own.connection, own.address),
        addresses.c.subject_id.in_(account.subject_ids),
    )
