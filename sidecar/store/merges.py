"""Merges as rows, and the addresses that they move."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sidecar.errors import UsersRefused
from sidecar.model.events import Event
from sidecar.store import ledger
from sidecar.store.clock import read_once
from sidecar.store.engine import Database
from sidecar.store.tables import addresses, auth_codes, merges, subjects, tickets
from sidecar.users.ports import Merge


class SqlMerges:
    """`users.ports.Merges` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, realm: str, from_: str) -> Merge | None:
        with self._database.read() as connection:
            now = self._database.clock.now()
            row = connection.execute(
                select(merges.c.into_user, merges.c.finished_at, now.label("now")).where(
                    merges.c.realm == realm, merges.c.from_user == from_
                )
            ).one_or_none()
        if row is None:
            return None
        is_over = row.finished_at is not None
        return Merge(row.into_user, (row.now - row.finished_at) // 1000 if is_over else None)

    def begin(self, realm: str, *, from_: str, into: str, by: str, email: str) -> None:
        about = ledger.Subject(realm, "")
        with self._database.write() as connection:
            # One at a time in the realm, or two could each be merged into the other.
            ledger.lock(self._database, connection, about, "address")
            row = connection.execute(
                select(merges.c.into_user).where(merges.c.realm == realm, merges.c.from_user == from_)
            ).one_or_none()
            if row and row.into_user == into:
                return
            is_taken = connection.execute(
                select(
                    exists().where(
                        merges.c.realm == realm,
                        # A secondary gets nothing more, and a primary goes nowhere while somebody is merged into it.
                        (merges.c.from_user == into)
                        | ((merges.c.into_user == from_) & merges.c.finished_at.is_(None)),
                    )
                )
            ).scalar_one()
            if row or is_taken:
                raise UsersRefused(
                    "one of the two takes part in another merge: a user who was merged into another can't be merged"
                    " again, and nobody is merged into it"
                )
            now = self._database.clock.now()
            connection.execute(
                insert(merges).values(realm=realm, from_user=from_, into_user=into, begun_at=now)
            )
            ledger.record(
                connection,
                Event.USER_MERGE_BEGUN,
                # As an address, so that whoever erases it erases it here, too.
                ledger.Subject(realm, "", email),
                at=now,
                detail=f"{from_} into {into} by {by}",
            )

    def note(self, realm: str, event: Event, *, connection: str = "", detail: str) -> None:
        with self._database.write() as open_connection:
            ledger.record(
                open_connection,
                event,
                ledger.Subject(realm, connection),
                at=self._database.clock.now(),
                detail=detail,
            )

    def subjects(self, realm: str, address: str) -> Sequence[tuple[str, str]]:
        with self._database.read() as connection:
            rows = connection.execute(
                select(addresses.c.connection, addresses.c.subject_id).where(
                    addresses.c.realm == realm, addresses.c.address == address
                )
            ).all()
        return [(row.connection, row.subject_id) for row in rows]

    def addresses(self, realm: str, connection: str, subject_id: str) -> Sequence[str]:
        with self._database.read() as open_connection:
            return list(
                open_connection.execute(
                    select(addresses.c.address)
                    .where(
                        addresses.c.realm == realm,
                        addresses.c.connection == connection,
                        addresses.c.subject_id == subject_id,
                    )
                    .order_by(addresses.c.address)
                ).scalars()
            )

    def move(self, realm: str, connection: str, *, from_: str, into: str) -> Sequence[str]:
        about = [
            ledger.Subject(realm, connection, address) for address in self.addresses(realm, connection, from_)
        ]
        with self._database.write() as open_connection:
            # Whoever spends a code for one of them is either through, and its authorization code is moved below, or
            # finds the new subject.
            for each in about:
                ledger.lock(self._database, open_connection, each, "address")
            now: int = open_connection.execute(select(read_once(self._database.clock))).scalar_one()
            dialect = postgresql if self._database.is_postgresql else sqlite
            open_connection.execute(
                dialect.insert(subjects)
                .values(id=into, realm=realm, connection=connection, created_at=now)
                .on_conflict_do_nothing()
            )
            moved = sorted(
                open_connection.execute(
                    update(addresses)
                    .where(
                        addresses.c.realm == realm,
                        addresses.c.connection == connection,
                        addresses.c.subject_id == from_,
                    )
                    .values(subject_id=into)
                    .returning(addresses.c.address)
                ).scalars()
            )
            for bought in (auth_codes, tickets):
                open_connection.execute(
                    update(bought)
                    .where(bought.c.subject_id == from_, bought.c.used_at.is_(None))
                    .values(subject_id=into)
                )
            for address in moved:
                ledger.record(
                    open_connection,
                    Event.ADDRESS_MOVED,
                    ledger.Subject(realm, connection, address),
                    at=now,
                    detail=f"from {from_} into {into}",
                )
        return moved

    def finish(self, realm: str, *, from_: str) -> None:
        with self._database.write() as connection:
            now = self._database.clock.now()
            into = connection.execute(
                update(merges)
                .where(merges.c.realm == realm, merges.c.from_user == from_, merges.c.finished_at.is_(None))
                .values(finished_at=now)
                .returning(merges.c.into_user)
            ).scalar_one_or_none()
            if into:
                about = ledger.Subject(realm, "")
                ledger.record(connection, Event.USER_MERGED, about, at=now, detail=f"{from_} into {into}")

    def forget(self, realm: str, *, from_: str) -> None:
        with self._database.write() as connection:
            gone = connection.execute(
                delete(merges).where(merges.c.realm == realm, merges.c.from_user == from_)
            ).rowcount
            if gone:
                about, now = ledger.Subject(realm, ""), self._database.clock.now()
                ledger.record(connection, Event.USER_DELETED, about, at=now, detail=from_)
