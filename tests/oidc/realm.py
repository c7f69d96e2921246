"""The realm at the token endpoint: a real HTTP server that publishes its keys, and assertions signed with them."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import ECKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PUBLIC_URL = "https://login.example.org"


@dataclass
class Realms:
    """Keycloak as far as it is asked without a login: a realm's keys, its discovery, which redirect URIs it knows."""

    url: str = ""
    redirect_uris: set[str] = field(default_factory=set)
    #: Where it goes for any other; empty: it shows a page.
    instead: str = ""
    keys: dict[str, ECKey] = field(default_factory=dict)
    fetched: int = 0

    def key(self, realm: str) -> ECKey:
        if realm not in self.keys:
            made = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True)
            self.keys[realm] = ECKey.import_key({**made.as_dict(private=True), "kid": f"{realm}-key"})
        return self.keys[realm]

    def certs(self, realm: str) -> dict[str, Any]:
        public = self.key(realm).as_dict(private=False)
        rsa = {"kty": "RSA", "kid": f"{realm}-rsa", "use": "sig", "alg": "RS256", "n": "AQAB", "e": "AQAB"}
        encryption = {**public, "kid": f"{realm}-enc", "use": "enc"}
        return {"keys": [rsa, encryption, {**public, "use": "sig", "alg": "ES256"}]}

    def claims(self, realm: str = "acme", connection: str = "email", **changed: Any) -> dict[str, Any]:
        """What Keycloak writes into its client assertion; `None` leaves a claim out."""
        now = int(time.time())
        claims = {
            "iss": "keycloak",
            "sub": "keycloak",
            "aud": f"{PUBLIC_URL}/realms/{realm}/{connection}/token",
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + 60,
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def assertion(self, realm: str = "acme", connection: str = "email", **changed: Any) -> str:
        header = {"alg": "ES256", "typ": "JWT", "kid": f"{realm}-key"}
        return jwt.encode(
            header, self.claims(realm, connection, **changed), self.key(realm), algorithms=["ES256"]
        )

    def access_claims(
        self, realm: str = "acme", *, roles: tuple[str, ...] = (), **changed: Any
    ) -> dict[str, Any]:
        """What Keycloak writes into an access token for the API's admin side; `None` leaves a claim out."""
        now = int(time.time())
        claims = {
            "iss": f"https://id.example.org/realms/{realm}",
            "sub": "5d1b4a52-0000-4000-8000-000000000001",
            "aud": ["passwordless-admin-api", "account"],
            "azp": "backoffice",
            "typ": "Bearer",
            "iat": now,
            "exp": now + 300,
            "resource_access": {"passwordless-admin-api": {"roles": list(roles)}},
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def access_token(
        self, realm: str = "acme", *, roles: tuple[str, ...] = ("manage",), **changed: Any
    ) -> str:
        header = {"alg": "ES256", "typ": "JWT", "kid": f"{realm}-key"}
        claims = self.access_claims(realm, roles=roles, **changed)
        return jwt.encode(header, claims, self.key(realm), algorithms=["ES256"])

    def token_form(
        self, code: str, *, realm: str = "acme", connection: str = "email", **changed: str
    ) -> dict[str, str]:
        """The body of Keycloak's token request."""
        from tests.flow import VERIFIER

        return {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": f"https://id.example.org/realms/{realm}/broker/{connection}/endpoint",
            "code_verifier": VERIFIER,
            "client_id": "keycloak",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": changed.pop("client_assertion", "") or self.assertion(realm, connection),
            **changed,
        }


@contextmanager
def serving_realms() -> Iterator[Realms]:
    realms = Realms()

    class Certs(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            if path.endswith("/auth"):
                self._redirect_known(parse_qs(query)["redirect_uri"][0])
            elif path.endswith("/.well-known/openid-configuration"):
                self._answer({"scopes_supported": ["openid", "email"], "claims_parameter_supported": True})
            else:
                realms.fetched += 1
                self._answer(realms.certs(self.path.split("/")[2]))

        def _redirect_known(self, redirect_uri: str) -> None:
            there = redirect_uri if redirect_uri in realms.redirect_uris else realms.instead
            self.send_response(302 if there else 400)
            if there:
                self.send_header("Location", f"{there}?error=login_required")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _answer(self, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Silence: what matters is asserted."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Certs)
    realms.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield realms
    server.shutdown()
    server.server_close()
