"""Signing in with a passkey, on the real Keycloak in Chromium; the code's part is played by a provider in its place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet
from playwright.sync_api import BrowserContext, Page, expect

from sidecar.keycloak import apply_realm
from sidecar.keycloak.passkeys import REGISTRATION
from tests.device import Device, authenticate, register
from tests.keycloak.browsing import CLIENT
from tests.keycloak.provider import Provider, running

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]

_BY_ADDRESS = {
    "sub": "email.a1b2c3",
    "email": "ada@acme.example",
    "email_verified": True,
    "preferred_username": "ada@acme.example",
    "amr_json": '["otp","email"]',
}
#: Somebody without an email address.
_BY_NUMBER = {"sub": "sms.d4e5f6", "preferred_username": "+447400123456", "amr_json": '["otp","sms"]'}
_ASK = f"{REGISTRATION}:skip_if_exists"


@pytest.fixture(scope="module")
def application() -> Iterator[str]:
    """Where the application is: any page will do."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"signed in")

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://localhost:{server.server_port}/app"
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(frozen=True, kw_only=True)
class Road:
    """From the application to Keycloak and back."""

    realm: str
    application: str
    provider: Provider
    connection: str

    def open(self, page: Page, **asked: str) -> None:
        query = {
            "client_id": "app",
            "redirect_uri": self.application,
            "response_type": "code",
            "scope": "openid",
        }
        page.goto(f"{self.realm}/protocol/openid-connect/auth?{urlencode({**query, **asked})}")

    def arrived(self, page: Page) -> dict[str, Any]:
        """The application's page is there: what the ID token and the access token of this login say."""
        page.wait_for_url(f"{self.application}?**")
        endpoint = f"{self.realm}/protocol/openid-connect"
        form = {
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(page.url).query)["code"][0],
            "client_id": "app",
            "redirect_uri": self.application,
        }
        tokens = requests.post(f"{endpoint}/token", data=form, timeout=10).json()
        keys = KeySet.import_key_set(requests.get(f"{endpoint}/certs", timeout=10).json())
        id_claims, access_claims = (
            jwt.decode(tokens[name], keys, algorithms=["RS256"]).claims
            for name in ("id_token", "access_token")
        )
        assert (id_claims["amr"], id_claims["acr"]) == (access_claims["amr"], access_claims["acr"])
        return dict(id_claims)

    def said(self, page: Page) -> tuple[str, list[str]]:
        claims = self.arrived(page)
        return claims["acr"], claims["amr"]


@pytest.fixture(params=[(True, _BY_ADDRESS), (False, _BY_NUMBER)], ids=["with passwords", "by number"])
def road(request, admin, realm, own_settings, application) -> Iterator[Road]:
    passwords, claims = request.param
    name = realm.get()["realm"]
    url = f"{own_settings().keycloak.url}/realms/{name}"
    with running(Provider(own_settings().keycloak.url, name)) as provider:
        provider.claims = dict(claims)
        settings = own_settings(
            passkeys="allow", public_url=provider.url, passwords=passwords, connections=("email", "sms")
        )
        apply_realm(admin, settings, name)
        realm.post("clients", body={**CLIENT, "redirectUris": [application]})
        yield Road(
            realm=url,
            application=application,
            provider=provider,
            connection=str(claims["sub"]).partition(".")[0],
        )


@pytest.fixture
def new_page(chromium) -> Iterator[Callable[[], Page]]:
    """A page in a browser of its own."""
    contexts: list[BrowserContext] = []

    def make() -> Page:
        context = chromium.new_context(locale="en-GB")
        context.set_default_timeout(20_000)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def test_a_passkey_signs_in_by_button_and_by_autofill_and_without_it_the_code_does(
    road: Road, new_page: Callable[[], Page]
) -> None:
    by_code = ("1", ["otp", road.connection])
    page = new_page()
    device = Device(page)
    page.on("dialog", lambda dialog: dialog.accept("my device"))
    road.open(page, kc_idp_hint=road.connection, kc_action=_ASK)
    register(page)
    first = road.arrived(page)
    assert (first["acr"], first["amr"]) == by_code
    assert "kc_action_status=success" in page.url
    road.open(page, kc_action=_ASK)
    assert road.arrived(page)["sub"] == first["sub"], "asked for, and there already: no page"
    (kept,) = device.credentials

    page = new_page()
    device = Device(page, is_touched=False)
    device.take([kept])
    road.open(page)
    authenticate(page, device)
    claims = road.arrived(page)
    assert (claims["sub"], claims["acr"], claims["amr"]) == (first["sub"], "1", ["pop"])
    road.open(page, prompt="login")
    authenticate(page, device)
    assert road.said(page) == ("1", ["pop"]), "asked for a fresh login"
    road.open(page, kc_idp_hint=road.connection, prompt="login")
    assert road.said(page) == by_code, "by code after all"

    page = new_page()
    Device(page).take([kept])
    road.open(page)
    assert road.said(page) == ("1", ["pop"]), "offered in the field, and taken"

    page = new_page()
    device = Device(page, is_touched=False)
    road.open(page)
    authenticate(page, device)
    expect(page.get_by_text("Failed to authenticate by the Passkey.")).to_be_visible()
    page.wait_for_load_state()  # one field for both kinds, of which there are two before
    field = page.locator("input[name=login_hint]").first
    field.fill(str(road.provider.claims["preferred_username"]))
    field.press("Enter")
    assert road.said(page) == by_code, "no dead end without the device"


def test_it_is_listed_in_the_account_console_and_a_password_says_nothing_of_it(
    road: Road, new_page: Callable[[], Page], realm
) -> None:
    page = new_page()
    Device(page)
    page.on("dialog", lambda dialog: dialog.accept("my device"))
    road.open(page, kc_idp_hint=road.connection, kc_action=_ASK)
    register(page)
    road.arrived(page)

    page.goto(f"{road.realm}/account/account-security/signing-in")
    expect(page.get_by_text("my device")).to_be_visible()

    if road.connection == "email":  # that realm has passwords
        secret = {"type": "password", "value": "correct-Horse-7-battery"}
        realm.post("users", body={"username": "grace", "enabled": True, "credentials": [secret]})
        page = new_page()
        road.open(page)
        page.locator("summary").click()
        page.locator("#username").fill("grace")
        page.locator("#kc-login").click()
        page.locator("#password").fill(secret["value"])
        page.locator("#kc-login").click()
        assert road.said(page) == ("1", [])
