"""Subjects and addresses of users who are linked in bulk. The ledger says which, so that they can be taken out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from sidecar.model.events import Event
from sidecar.store import ledger
from sidecar.store.clock import read_once
from sidecar.store.engine import Database
from sidecar.store.tables import addresses, auth_codes, events, subjects
from sidecar.users.ports import Candidate, Made, Reserved

_PAGE = 500
_other = events.alias()


class SqlLinks:
    """`users.ports.Links` over SQL. Each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(
        self, realm: str, connection: str, candidates: Sequence[tuple[Candidate, str]], *, quiet_s: int
    ) -> Sequence[Reserved]:
        # In one order, so that two runs wait for each other and never both.
        named = sorted(candidates, key=lambda each: each[0].address)
        with self._database.write() as open_connection:
            now: int = open_connection.execute(select(read_once(self._database.clock))).scalar_one()
            found = self._subjects(open_connection, realm, connection, named, now)
            busy = _signed_in(open_connection, set(found.values()), since=now - quiet_s * 1000)
            reserved = [
                Reserved(candidate, subject, subject == its_own, subject in busy)
                for candidate, its_own in named
                for subject in (found[candidate.address],)
            ]
            for each in reserved:
                about = ledger.Subject(realm, connection, each.candidate.address)
                if each.is_new:
                    ledger.record(
                        open_connection, Event.SUBJECT_CREATED, about, at=now, detail=each.subject_id
                    )
                if not each.is_busy:
                    ledger.record(open_connection, Event.USER_LINK_BEGUN, about, at=now, detail=_named(each))
        return reserved

    def _subjects(
        self,
        open_connection: Connection,
        realm: str,
        connection: str,
        named: Sequence[tuple[Candidate, str]],
        now: int,
    ) -> dict[str, str]:
        """The subject of each address; those that had none have the one that was named for it."""
        key = {"realm": realm, "connection": connection}
        its = {candidate.address: subject for candidate, subject in named}
        open_connection.execute(
            insert(subjects), [{"id": subject, "created_at": now, **key} for subject in its.values()]
        )
        dialect = postgresql if self._database.is_postgresql else sqlite
        open_connection.execute(
            dialect.insert(addresses).on_conflict_do_nothing(),
            [
                {
                    **key,
                    "address": candidate.address,
                    "destination": candidate.destination,
                    "subject_id": subject,
                    # Attested now, by whoever runs this: a number's time of silence begins here.
                    "proven_at": now,
                }
                for candidate, subject in named
            ],
        )
        rows = open_connection.execute(
            select(addresses.c.address, addresses.c.subject_id).where(
                addresses.c.realm == realm,
                addresses.c.connection == connection,
                addresses.c.address.in_(list(its)),
            )
        )
        found: dict[str, str] = {row.address: row.subject_id for row in rows}
        unused = set(its.values()) - set(found.values())
        open_connection.execute(delete(subjects).where(subjects.c.id.in_(unused)))
        return found

    def confirm(
        self, realm: str, connection: str, linked: Sequence[Reserved], *, quiet_s: int
    ) -> Sequence[Reserved]:
        if not linked:
            return []
        with self._database.write() as open_connection:
            now: int = open_connection.execute(select(read_once(self._database.clock))).scalar_one()
            # Within that time nobody had when it was reserved, so they came after it.
            ids = {each.subject_id for each in linked}
            overtaken = _signed_in(open_connection, ids, since=now - quiet_s * 1000)
            for each in linked:
                if each.subject_id not in overtaken:
                    about = ledger.Subject(realm, connection, each.candidate.address)
                    ledger.record(open_connection, Event.USER_LINKED, about, at=now, detail=_named(each))
        return [each for each in linked if each.subject_id in overtaken]

    def made(self, realm: str, connection: str) -> Iterator[Made]:
        last = 0
        while True:
            with self._database.read() as open_connection:
                page = open_connection.execute(
                    select(events.c.id, events.c.address, events.c.detail, _is_used().label("is_used"))
                    .join(
                        addresses,
                        (addresses.c.realm == events.c.realm)
                        & (addresses.c.connection == events.c.connection)
                        & (addresses.c.address == events.c.address),
                    )
                    .where(
                        events.c.id > last,
                        events.c.realm == realm,
                        events.c.connection == connection,
                        events.c.type == Event.USER_LINK_BEGUN.value,
                        # The subject comes first: an address that got another one since is not what was made.
                        func.substr(events.c.detail, 1, func.length(addresses.c.subject_id) + 1)
                        == addresses.c.subject_id + " ",
                        # A run that was cut off and the next one have begun the same: the first counts.
                        ~exists()
                        .where(
                            _other.c.id < events.c.id,
                            _other.c.realm == events.c.realm,
                            _other.c.address == events.c.address,
                            _other.c.type == events.c.type,
                            _other.c.detail == events.c.detail,
                        )
                        .correlate(events),
                    )
                    .order_by(events.c.id)
                    .limit(_PAGE)
                ).all()
            for row in page:
                subject_id, user_id = row.detail.split(" ")
                yield Made(row.id, user_id, subject_id, row.address, bool(row.is_used))
            if len(page) < _PAGE:
                return
            last = page[-1].id

    def forget(self, realm: str, connection: str, made: Made) -> bool:
        about = ledger.Subject(realm, connection, made.address)
        with self._database.write() as open_connection:
            ledger.lock(self._database, open_connection, about, "address")
            gone = open_connection.execute(
                delete(addresses).where(
                    addresses.c.realm == realm,
                    addresses.c.connection == connection,
                    addresses.c.address == made.address,
                    addresses.c.subject_id == made.subject_id,
                    ~exists().where(auth_codes.c.subject_id == made.subject_id),
                    ~_accepted_since(made.number, realm, connection, made.address),
                )
            ).rowcount
            if gone:
                others = exists().where(addresses.c.subject_id == subjects.c.id)
                open_connection.execute(delete(subjects).where(subjects.c.id == made.subject_id, ~others))
                ledger.record(
                    open_connection,
                    Event.USER_UNLINKED,
                    about,
                    at=self._database.clock.now(),
                    detail=f"{made.subject_id} {made.user_id}",
                )
        return bool(gone)


def _signed_in(open_connection: Connection, subject_ids: Collection[str], *, since: int) -> set[str]:
    """Those of the subjects that an authorization code was written for since then."""
    found = select(auth_codes.c.subject_id).where(
        # A code expires after it was written; the index knows when.
        auth_codes.c.expires_at > since,
        auth_codes.c.subject_id.in_(list(subject_ids)),
    )
    return set(open_connection.execute(found).scalars())


def _is_used() -> ColumnElement[bool]:
    """Whether the address signed in since the event, or what it bought is not forgotten yet."""
    return or_(
        exists().where(auth_codes.c.subject_id == addresses.c.subject_id),
        exists()
        .where(
            _other.c.id > events.c.id,
            _other.c.realm == events.c.realm,
            _other.c.address == events.c.address,
            _other.c.connection == events.c.connection,
            _other.c.type == Event.CODE_ACCEPTED.value,
        )
        .correlate(events),
    )


def _accepted_since(number: int, realm: str, connection: str, address: str) -> ColumnElement[bool]:
    return exists().where(
        events.c.id > number,
        events.c.realm == realm,
        events.c.address == address,
        events.c.connection == connection,
        events.c.type == Event.CODE_ACCEPTED.value,
    )


def _named(reserved: Reserved) -> str:
    return f"{reserved.subject_id} {reserved.candidate.user_id}"
