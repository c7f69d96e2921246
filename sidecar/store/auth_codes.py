"""Spend an authorization code: one UPDATE that finds it unused and in time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from sidecar.model.events import Event
from sidecar.model.proof import Grant
from sidecar.store import ledger
from sidecar.store.engine import Database
from sidecar.store.one_of import numbered, one_of
from sidecar.store.tables import auth_codes

_Found = Row[*tuple[Any, ...]]


class SqlAuthCodes:
    """`login.ports.AuthCodes` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def redeem(self, auth_code_macs: Sequence[str], *, realm: str, connection: str) -> Grant | None:
        now = self._database.clock.now()
        values = {"of_realm": realm, "of_connection": connection, **numbered("mac", auth_code_macs)}
        count = len(auth_code_macs)
        spending = self._database.prepared((_spending, count), lambda: _spending(now, count))
        with self._database.write() as transaction:
            row = spending.one_or_none(transaction, values)
            found = row or self._refused(transaction, auth_code_macs)
            event, detail = (Event.AUTH_CODE_REDEEMED, "") if row else _why_not(found)
            ledger.record(
                transaction,
                event,
                ledger.Subject(realm, connection, found.address if found else None),
                at=row.used_at if row else now,
                challenge_id=found.challenge_id if found else None,
                detail=detail,
            )
        if row is None:
            return None
        return Grant(
            realm=row.realm,
            connection=row.connection,
            client_id=row.client_id,
            redirect_uri=row.redirect_uri,
            code_challenge=row.code_challenge,
            nonce=row.nonce,
            subject_id=row.subject_id,
            address=row.address,
            amr=tuple(json.loads(row.amr)),
            auth_time=row.auth_time,
            withheld=frozenset(row.withheld.split()),
        )

    def _refused(self, transaction: Connection, auth_code_macs: Sequence[str]) -> _Found | None:
        """Whose code it was that can't be spent, for the audit; `None` for one that never was."""
        return transaction.execute(
            select(auth_codes.c.address, auth_codes.c.challenge_id, auth_codes.c.used_at).where(
                auth_codes.c.code_mac.in_(auth_code_macs)
            )
        ).one_or_none()


def _why_not(found: _Found | None) -> tuple[Event, str]:
    if found is None:
        return Event.AUTH_CODE_REFUSED, "unknown"
    return (Event.AUTH_CODE_REFUSED, "expired") if found.used_at is None else (Event.AUTH_CODE_REPLAYED, "")


def _spending(now: ColumnElement[int], count: int) -> ReturningUpdate[Any]:
    return (
        update(auth_codes)
        .where(
            one_of(auth_codes.c.code_mac, "mac", count),
            auth_codes.c.realm == bindparam("of_realm"),
            auth_codes.c.connection == bindparam("of_connection"),
            auth_codes.c.used_at.is_(None),
            auth_codes.c.expires_at > now,
        )
        .values(used_at=now)
        .returning(*auth_codes.c)
    )
