"""Sessions of the account page: rows that are looked up by the MAC of a cookie."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from sidecar.model.own_account import AccountSession
from sidecar.store.engine import Database
from sidecar.store.tables import account_sessions


class SqlAccountSessions:
    """`login.ports.AccountSessions` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, session_mac: str, *, realm: str, account: str, auth_age_s: int, lifetime_s: int) -> None:
        now = self._database.clock.now()
        with self._database.write() as connection:
            connection.execute(
                insert(account_sessions).values(
                    session_mac=session_mac,
                    realm=realm,
                    account=account,
                    auth_time=now - auth_age_s * 1000,
                    created_at=now,
                    expires_at=now + lifetime_s * 1000,
                )
            )

    def find(self, session_macs: Sequence[str], *, realm: str) -> AccountSession | None:
        now = self._database.clock.now()
        with self._database.read() as connection:
            row = connection.execute(
                select(
                    account_sessions.c.realm,
                    account_sessions.c.account,
                    account_sessions.c.auth_time,
                    now.label("read_at"),
                ).where(
                    account_sessions.c.session_mac.in_(session_macs),
                    account_sessions.c.realm == realm,
                    account_sessions.c.expires_at > now,
                )
            ).one_or_none()
        return AccountSession(**row._mapping) if row else None  # noqa: SLF001

    def end(self, session_macs: Sequence[str]) -> None:
        with self._database.write() as connection:
            connection.execute(
                delete(account_sessions).where(account_sessions.c.session_mac.in_(session_macs))
            )
