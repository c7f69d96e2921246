"""A small OpenID provider at the addresses where the sidecar will be, so that Keycloak's side can be tried alone.

It signs in whomever `claims` says, and refuses what the sidecar must refuse: a token request without the code's PKCE
verifier, or without an ES256 assertion by the realm's key.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet


class Provider:
    """What was asked of it is in `authorize_requests` and `assertion_algorithms`; what it refused, in `refusals`."""

    def __init__(self, keycloak_url: str, realm: str) -> None:
        self._jwks_url = f"{keycloak_url}/realms/{realm}/protocol/openid-connect/certs"
        self._key = ECKey.generate_key("P-256", {"kid": "test", "use": "sig", "alg": "ES256"})
        self._codes: dict[str, dict[str, str]] = {}
        self.url = ""
        self.claims: dict[str, str | bool] = {}
        self.authorize_requests: list[dict[str, str]] = []
        self.assertion_algorithms: list[str] = []
        self.refusals: list[str] = []

    def authorize(self, issuer: str, query: dict[str, str]) -> str:
        code = secrets.token_urlsafe()
        self._codes[code] = {**query, "issuer": issuer}
        self.authorize_requests.append(query)
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'iss': issuer})}"

    def token(self, form: dict[str, str]) -> dict[str, str | int]:
        asked = self._codes.pop(form["code"])
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
            .rstrip(b"=")
            .decode()
        )
        assert challenge == asked["code_challenge"], "PKCE"
        keys = KeySet.import_key_set(requests.get(self._jwks_url, timeout=10).json())
        assertion = jwt.decode(form["client_assertion"], keys, algorithms=["ES256"])
        self.assertion_algorithms.append(assertion.header["alg"])
        assert assertion.claims["sub"] == assertion.claims["iss"] == "keycloak"
        now = int(time.time())
        claims = {
            "iss": asked["issuer"],
            "aud": "keycloak",
            "iat": now,
            "exp": now + 60,
            "nonce": asked["nonce"],
            **self.claims,
        }
        id_token = jwt.encode({"alg": "ES256", "kid": "test"}, claims, self._key)
        return {"access_token": "unused", "token_type": "Bearer", "expires_in": 60, "id_token": id_token}

    def jwks(self) -> dict[str, list]:
        return {"keys": [self._key.as_dict(private=False)]}


@contextmanager
def running(provider: Provider):
    """Serve the provider on a free port; its `url` is set."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            base, _, endpoint = parts.path.rpartition("/")
            if endpoint == "jwks":
                self._json(provider.jwks())
            else:
                self.send_response(303)
                self.send_header(
                    "Location", provider.authorize(f"{provider.url}{base}", dict(parse_qsl(parts.query)))
                )
                self.end_headers()

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            try:
                self._json(provider.token(dict(parse_qsl(body))))
            except Exception as err:
                provider.refusals.append(repr(err))
                self._json({"error": "invalid_grant"}, 400)

        def _json(self, value, status=200):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(value).encode())

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
