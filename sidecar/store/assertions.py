"""Client assertions, each used once (RFC 7523 §3 item 7)."""

from __future__ import annotations

from sqlalchemy import BigInteger, bindparam, delete, func
from sqlalchemy.dialects import postgresql, sqlite

from sidecar.store.clock import read_once
from sidecar.store.engine import Database
from sidecar.store.tables import used_assertions


class SqlUsedAssertions:
    """`oidc.ports.UsedAssertions` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        now = database.clock.now()
        dialect = postgresql if database.is_postgresql else sqlite
        self._forget = delete(used_assertions).where(
            used_assertions.c.expires_at <= read_once(database.clock)
        )
        self._insert = (
            dialect.insert(used_assertions)
            .values(
                realm=bindparam("its_realm"),
                connection=bindparam("its_connection"),
                jti_mac=bindparam("its_jti_mac"),
                expires_at=now + bindparam("keep_ms", type_=BigInteger),
            )
            .on_conflict_do_nothing()
            .returning(func.length(used_assertions.c.jti_mac))
        )

    def use(self, *, realm: str, connection: str, jti_mac: str, keep_s: int) -> bool:
        """Whether this is the assertion's first use; the unique key decides, also between two at once."""
        values = {
            "its_realm": realm,
            "its_connection": connection,
            "its_jti_mac": jti_mac,
            "keep_ms": keep_s * 1000,
        }
        use = self._database.prepared(SqlUsedAssertions.use, lambda: self._insert, lambda: self._forget)
        with self._database.write_once() as transaction:
            first = use.one_or_none(transaction, values)
        return first is not None
