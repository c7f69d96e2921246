"""A real browser, the sidecar's pages on a server of their own, and a realm that wears the theme."""

from __future__ import annotations

import json
import secrets
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import parse_qsl, urlsplit

import axe_core_python
import pytest
import requests

from .rendering import STATES, asset, page

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text("utf-8")
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'"
PASSWORD_BROWSER_FLOW = "username first"


@pytest.fixture
def new_page(chromium):
    """Make a tab in a window of its own; keywords are Playwright's for a context."""
    contexts = []

    def make(**options):
        contexts.append(chromium.new_context(**options))
        return contexts[-1].new_page()

    yield make
    for context in contexts:
        context.close()


def violations(tab):
    """What axe-core finds on a page, by WCAG up to 2.2 AA and its own best practices."""
    tab.evaluate("source => { (0, eval)(source) }", AXE)
    result = tab.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    return [(found["id"], node["html"]) for found in result["violations"] for node in found["nodes"]]


class Pages(ThreadingHTTPServer):
    """Serves each state under its name; keeps what was posted and how often the status was asked for."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.posts = []
        self.polls = 0
        self.status = (200, {"status": "sent", "expires_in_s": 200, "resend_in_s": 0, "open": True})
        self.given = {}
        #: What is posted and what asks for news is answered once these are set, by default at once.
        self.taken, self.known = Event(), Event()
        self.taken.set()
        self.known.set()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        parts = urlsplit(self.path)
        name = parts.path.removeprefix("/")
        options = dict(parse_qsl(parts.query))
        if name in STATES:
            self._answer(200, "text/html; charset=utf-8", page(name, **options, **self.server.given).encode())
        elif name.startswith("static/"):
            kind = "text/css" if name.endswith(".css") else "text/javascript"
            self._answer(200, kind, asset(name.removeprefix("static/")).read_bytes())
        elif name == "status":
            self.server.polls += 1
            self.server.known.wait(timeout=60)
            code, body = self.server.status
            self._answer(code, "application/json", json.dumps(body).encode())
        else:
            self._answer(404, "text/plain", b"not here")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.posts.append((self.path, dict(parse_qsl(body))))
        self.server.taken.wait(timeout=60)
        self._answer(200, "text/plain", b"done")

    def _answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def pages():
    with Pages() as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


class Realm:
    """A realm on a real Keycloak, by its admin API."""

    def __init__(self, keycloak, token):
        self.name = f"theme-{secrets.token_hex(4)}"
        self.url = f"{keycloak}/realms/{self.name}"
        self._admin = f"{keycloak}/admin/realms"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method, path="", **options):
        answer = self._session.request(method, f"{self._admin}/{self.name}{path}", timeout=30, **options)
        answer.raise_for_status()
        return answer

    def create(self, **settings):
        answer = self._session.post(
            self._admin, json={"realm": self.name, "enabled": True} | settings, timeout=60
        )
        answer.raise_for_status()

    def say(self, key, text):
        """A localization text of the realm, over the theme's."""
        self.call("PUT", f"/localization/en/{key}", data=text, headers={"Content-Type": "text/plain"})

    def sign_in_url(self, client="app", **parameters):
        query = {
            "client_id": client,
            "redirect_uri": "http://localhost/app",
            "response_type": "code",
            "scope": "openid",
        }
        return (
            requests.Request("GET", f"{self.url}/protocol/openid-connect/auth", params=query | parameters)
            .prepare()
            .url
        )


@pytest.fixture
def keycloak_admin_token(keycloak_url, keycloak_admin):
    """The URL of a Keycloak that has the theme, and a token for its admin API (it lives for a minute)."""
    username, password = keycloak_admin
    form = {"grant_type": "password", "client_id": "admin-cli", "username": username, "password": password}
    answer = requests.post(
        f"{keycloak_url}/realms/master/protocol/openid-connect/token", data=form, timeout=30
    )
    answer.raise_for_status()
    return keycloak_url, answer.json()["access_token"]


@pytest.fixture
def realm(keycloak_admin_token, pages):
    """A realm with the theme, an identifier-first flow, a passwordless connection `email` and another provider.

    Both providers are the pages' server, which has no `/authorize`: the browser's address says what was asked.
    """
    realm = Realm(*keycloak_admin_token)
    realm.create(
        displayNameHtml="Acme",
        sslRequired="none",
        loginTheme="passwordless",
        internationalizationEnabled=True,
        supportedLocales=["en", "de"],
        defaultLocale="en",
        registrationAllowed=True,
    )
    try:
        for alias, name in (("email", "Email code"), ("acme", "Acme Workforce")):
            _add_provider(realm, alias, name, pages.url)
        _ask_for_the_name_first(realm)
        yield realm
    finally:
        realm.call("DELETE")


def _add_provider(realm, alias, name, url):
    config = {
        "clientId": "keycloak",
        "authorizationUrl": f"{url}/authorize",
        "tokenUrl": f"{url}/token",
        "loginHint": "true",
        "uiLocales": "true",
    }
    provider = {"alias": alias, "displayName": name, "providerId": "oidc", "enabled": True, "config": config}
    realm.call("POST", "/identity-provider/instances", json=provider)


def _ask_for_the_name_first(realm):
    flow = PASSWORD_BROWSER_FLOW
    flows = "/authentication/flows"
    realm.call(
        "POST", flows, json={"alias": flow, "providerId": "basic-flow", "topLevel": True, "builtIn": False}
    )
    for provider in ("auth-username-form", "auth-password-form"):
        realm.call("POST", f"{flows}/{flow}/executions/execution", json={"provider": provider})
    for execution in realm.call("GET", f"{flows}/{flow}/executions").json():
        realm.call("PUT", f"{flows}/{flow}/executions", json=execution | {"requirement": "REQUIRED"})
    realm.call("PUT", json={"browserFlow": flow})


@pytest.fixture
def add_client(realm):
    def add(client_id):
        realm.call(
            "POST",
            "/clients",
            json={"clientId": client_id, "publicClient": True, "redirectUris": ["http://localhost/app"]},
        )

    return add
