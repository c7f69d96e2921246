"""Signing keys change under a running Keycloak: a rotation is not noticed, a revocation binds (threats E9, G5)."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
import requests
from click.testing import CliRunner
from joserfc import jwt

from sidecar.app import Parts
from sidecar.cli import main
from sidecar.login.redeem import redeem
from sidecar.model.signing import CACHE_S, KEYCLOAK_PAUSE_S, KeyState
from sidecar.oidc.claims import id_token_claims
from sidecar.oidc.wrapping import Wrapping
from sidecar.store.key_shelf import SqlKeyShelf
from tests.e2e.conftest import OPEN
from tests.e2e.logins import let_in, sign_in

pytestmark = pytest.mark.keycloak
#: Less than the command allows, so that the test is harder than what it stands for.
AFTER_S = CACHE_S + KEYCLOAK_PAUSE_S


@pytest.fixture
def parts(stack) -> Iterator[Parts]:
    let_in(stack, OPEN)
    built = Parts.build(stack.settings)
    yield built
    built.database.dispose()


def keys_command(stack, *arguments: str):
    done = CliRunner().invoke(
        main,
        ["--settings", str(stack.settings_file), "keys", *arguments, "--realm", OPEN, "--json"],
        env={"KEYCLOAK_ADMIN_PASSWORD": os.environ.get("KEYCLOAK_TEST_PASSWORD", "admin")},
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def published(stack) -> set[str]:
    return {
        key["kid"]
        for key in requests.get(f"{stack.sidecar}/realms/{OPEN}/email/jwks", timeout=5).json()["keys"]
    }


def test_no_login_fails_while_the_signing_key_is_rotated(stack, parts):
    """A login every half second, from before the new key is published until well after it signs."""
    shelf, wrapping = SqlKeyShelf(parts.database), Wrapping(parts.keys)
    sign_in(stack, OPEN)
    old = next(key.kid for key in shelf.keys(OPEN) if key.state is KeyState.CURRENT)
    ends: list[str | None] = []
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            began = time.monotonic()
            ends.append(sign_in(stack, OPEN).code)
            stop.wait(max(0.0, 0.5 - (time.monotonic() - began)))

    people = threading.Thread(target=loop)
    people.start()
    fresh = shelf.add_next(OPEN, wrapping.new_key(OPEN), after_s=AFTER_S)
    time.sleep(AFTER_S + 2 * CACHE_S)
    stop.set()
    people.join()

    assert len(ends) > 10
    assert all(ends), ends
    assert {fresh.kid: "current", old: "retired"} == {key.kid: key.state for key in shelf.keys(OPEN)}
    assert published(stack) == {fresh.kid, old}


@contextmanager
def forging(stack, parts, private_key) -> Iterator[None]:
    """A token endpoint of somebody who has the realm's signing key, in the place of ours."""

    class Token(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            grant = redeem(parts.room(), realm=OPEN, connection="email", unverified_auth_code=form["code"][0])
            claims = id_token_claims(grant, issuer=stack.settings.issuer(OPEN, "email"))
            header = {"alg": "ES256", "kid": private_key.kid, "typ": "JWT"}
            token = jwt.encode(header, claims, private_key, algorithms=["ES256"])
            body = json.dumps({"access_token": "x", "token_type": "Bearer", "id_token": token}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Token)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    provider = stack.admin.at("realms", OPEN, "identity-provider", "instances", "email")
    right = provider.get()
    try:
        wrong = {
            **right,
            "config": {**right["config"], "tokenUrl": f"http://127.0.0.1:{server.server_port}/"},
        }
        provider.put(body=wrong)
        yield
    finally:
        provider.put(body=right)
        server.shutdown()
        server.server_close()


def test_a_revoked_key_signs_nobody_in_and_is_replaced_at_once(stack, parts):
    """Keycloak takes tokens of the stolen key until `keys revoke`, and none after it; then logins go on."""
    sign_in(stack, OPEN)
    stolen = next(key for key in SqlKeyShelf(parts.database).keys(OPEN) if key.state is KeyState.CURRENT)
    private_key = Wrapping(parts.keys).opened(OPEN, stolen)
    with forging(stack, parts, private_key):
        assert sign_in(stack, OPEN).code, "the forgery itself must work, or this test shows nothing"

        done = keys_command(stack, "revoke", stolen.kid)
        time.sleep(CACHE_S)

        assert {"revoked": {OPEN: [stolen.kid]}, "voided": {}, "keycloak_forgot": [OPEN]} == done
        assert stolen.kid not in published(stack)
        assert sign_in(stack, OPEN).code is None
    assert sign_in(stack, OPEN).code
