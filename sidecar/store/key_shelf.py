"""Signing keys, as the database keeps them: the private half wrapped by a server secret.

A row says from when its key signs, by the database's clock; what each key is now follows (`model.signing.states`).
"""

from __future__ import annotations

import zlib

from sqlalchemy import ColumnElement, Connection, delete, insert, select, text, update

from sidecar.errors import KeyRefused
from sidecar.model.events import Event
from sidecar.model.signing import KeyState, NewKey, StoredKey, states
from sidecar.store import ledger
from sidecar.store.engine import Database
from sidecar.store.tables import signing_keys

#: The first of the two numbers of the advisory lock.
_LOCK = 7209
_FIELDS = ("kid", "public_jwk", "wrapped_private_jwk", "key_id", "signs_from")


class SqlKeyShelf:
    """`oidc.ports.KeyShelf` over SQL. Whoever writes holds the realm's lock, so that two can't each add a key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keys(self, realm: str) -> list[StoredKey]:
        """A realm's published keys, newest first."""
        with self._database.read() as connection:
            return self._published(connection, realm)[0]

    def add_first(self, realm: str, key: NewKey) -> None:
        """Make this the realm's key from now on, unless one signs already."""
        with self._database.write() as connection:
            self._lock(connection, realm)
            published, now = self._published(connection, realm)
            if all(it.state is not KeyState.CURRENT for it in published):
                self._insert(connection, realm, key, now)

    def add_next(self, realm: str, key: NewKey, *, after_s: int, by: str = "") -> StoredKey:
        """Publish a key that signs in `after_s`; keys that are over are forgotten. `by`: who wants it.

        Raises:
            KeyRefused: one that waits is there already.
        """
        with self._database.write() as connection:
            self._lock(connection, realm)
            published, now = self._published(connection, realm)
            waiting = next((it for it in published if it.state is KeyState.NEXT), None)
            if waiting:
                raise KeyRefused(
                    f"realm {realm} has a next key already, {waiting.kid}, which signs in"
                    f" {max(1, (waiting.signs_from - now) // 1000)} s: wait for it, or revoke it first"
                )
            self._forget_gone(connection, realm, published)
            signs_from = now + after_s * 1000
            self._insert(connection, realm, key, signs_from)
            who = f" by {by}" if by else ""
            _record(connection, Event.SIGNING_KEY_ADDED, realm, f"{key.kid}{who}", now)
        return StoredKey(**vars(key), signs_from=signs_from, state=KeyState.NEXT)

    def revoke(self, realm: str, kid: str, *, replacement: NewKey) -> bool:
        """Take a key away at once, its private half too; whether it signed, and `replacement` took its place.

        Raises:
            KeyRefused: the realm publishes no such key.
        """
        with self._database.write() as connection:
            self._lock(connection, realm)
            published, now = self._published(connection, realm)
            revoked = next((it for it in published if it.kid == kid), None)
            if revoked is None:
                raise KeyRefused(
                    f"realm {realm} has no key {kid}: `passwordless keys list` shows those it has"
                )
            # Keys that are over first: they would count as just retired when their successor is gone.
            self._forget_gone(connection, realm, published)
            connection.execute(
                delete(signing_keys).where(signing_keys.c.realm == realm, signing_keys.c.kid == kid)
            )
            _record(connection, Event.SIGNING_KEY_REVOKED, realm, kid, now)
            if revoked.state is not KeyState.CURRENT:
                return False
            # At once, in this transaction: or the retired key before it would sign again.
            self._insert(connection, realm, replacement, now)
            _record(connection, Event.SIGNING_KEY_ADDED, realm, replacement.kid, now)
            return True

    def rewrap(self, realm: str, old: StoredKey, new: NewKey) -> bool:
        """Put another wrapping round the same key; whether it was there still, as it was read."""
        with self._database.write() as connection:
            is_done = bool(
                connection.execute(
                    update(signing_keys)
                    .where(
                        signing_keys.c.realm == realm,
                        signing_keys.c.kid == old.kid,
                        signing_keys.c.wrapped_private_jwk == old.wrapped_private_jwk,
                    )
                    .values(wrapped_private_jwk=new.wrapped_private_jwk, key_id=new.key_id)
                ).rowcount
            )
            if is_done:
                _record(connection, Event.SIGNING_KEY_REWRAPPED, realm, old.kid, self._database.clock.now())
        return is_done

    def forget_gone(self, realm: str) -> None:
        """Delete the keys that are no longer published."""
        with self._database.write() as connection:
            self._lock(connection, realm)
            self._forget_gone(connection, realm, self._published(connection, realm)[0])

    def _published(self, connection: Connection, realm: str) -> tuple[list[StoredKey], int]:
        rows = connection.execute(
            select(*(signing_keys.c[name] for name in _FIELDS), self._database.clock.now().label("now"))
            .where(signing_keys.c.realm == realm)
            .order_by(signing_keys.c.signs_from.desc(), signing_keys.c.kid)
        ).all()
        if not rows:
            return [], connection.execute(select(self._database.clock.now())).scalar_one()
        now = rows[0].now
        found = states([row.signs_from for row in rows], now)
        return [
            StoredKey(**{name: getattr(row, name) for name in _FIELDS}, state=state)
            for row, state in zip(rows, found, strict=True)
            if state
        ], now

    def _insert(self, connection: Connection, realm: str, key: NewKey, signs_from: int) -> None:
        connection.execute(
            insert(signing_keys).values(
                realm=realm,
                kid=key.kid,
                public_jwk=key.public_jwk,
                wrapped_private_jwk=key.wrapped_private_jwk,
                key_id=key.key_id,
                signs_from=signs_from,
                created_at=self._database.clock.now(),
            )
        )

    def _forget_gone(self, connection: Connection, realm: str, published: list[StoredKey]) -> None:
        kids = [key.kid for key in published]
        connection.execute(
            delete(signing_keys).where(signing_keys.c.realm == realm, signing_keys.c.kid.not_in(kids))
        )

    def _lock(self, connection: Connection, realm: str) -> None:
        """One transaction at a time for a realm's keys; SQLite's write lock does the same for all."""
        if self._database.is_postgresql:
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:purpose, :realm)"),
                {"purpose": _LOCK, "realm": zlib.crc32(realm.encode()) - 2**31},
            )


def _record(
    connection: Connection, event: Event, realm: str, detail: str, at: ColumnElement[int] | int
) -> None:
    """For the audit. A realm's first key makes itself, and is none of an operator's doing."""
    ledger.record(connection, event, ledger.Subject(realm, ""), at=at, detail=detail)
