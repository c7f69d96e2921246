"""Which statements a login runs, as the store sends them, and what PostgreSQL does for each."""

from __future__ import annotations

import time
from typing import Any

import psycopg
import pytest

from sidecar import settings as settings_module
from sidecar.app import Parts
from sidecar.login.codes import derive_code
from sidecar.login.issue import issue
from sidecar.login.redeem import redeem
from sidecar.login.room import Caller
from sidecar.login.verify import verify
from sidecar.model.asker import Asker
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.email import parse_email
from sidecar.store import prepared
from sidecar.store.assertions import SqlUsedAssertions
from tests.bench.house import CONNECTION, REALM, House

_REQUEST = AuthorizationRequest(
    client_id="keycloak",
    redirect_uri="http://localhost:8080/realms/acme/broker/email/endpoint",
    state="state",
    nonce="nonce",
    code_challenge="c" * 43,
)


def plans(home: House, address: str) -> list[tuple[str, str]]:
    """Each different statement of a login of `address`, with its plan, in the order of their first run.

    EXPLAIN runs on the statement's own connection, in its transaction, right before it, and is undone.
    """
    parts = Parts.build(settings_module.load(home.settings, {}))
    found: dict[str, str] = {}
    execute = prepared.execute_on_driver

    def explain(connection: Any, statement: str, values: Any, *, has_rows: bool) -> Any:
        if statement not in found:
            raw = connection.connection.dbapi_connection
            with raw.transaction(force_rollback=True), psycopg.RawCursor(raw) as own:
                own.execute(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {statement}", values)
                found[statement] = "\n".join(row[0] for row in own.fetchall())
        return execute(connection, statement, values, has_rows=has_rows)

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prepared, "execute_on_driver", explain)
            _login(parts, address)
    finally:
        parts.database.dispose()
    return list(found.items())


def _login(parts: Parts, address: str) -> None:
    room = parts.room()
    caller = Caller(browser_secret="s" * 43, network="10.200.0.1")
    challenge = issue(
        room,
        realm=REALM,
        connection=CONNECTION,
        address=parse_email(address),
        caller=caller,
        request=_REQUEST,
        asker=Asker(),
        locale="en",
    )
    found = room.challenges.find(challenge.id, caller.macs(room.keys)).challenge
    verified = verify(room, challenge=found, unverified_code=derive_code(room.keys, challenge), caller=caller)
    SqlUsedAssertions(parts.database).use(
        realm=REALM, connection=CONNECTION, jti_mac=str(time.time()), keep_s=60
    )
    redeem(room, realm=REALM, connection=CONNECTION, unverified_auth_code=verified.raw_auth_code)
