"""Linking as people meet it, in a real browser: at the first login by code, at one by an enterprise, and signed in.

The enterprise's identity provider is another realm of the same Keycloak.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.keycloak.linked import APART, ASKS, LINKS, PASSWORD, House

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]

_WORKS, _SECRET = "works", "a-secret-of-this-test-run"


@dataclass(frozen=True)
class Visitor:
    """One browser, with pages of the realms of `house`."""

    house: House
    page: Page

    @property
    def app(self) -> str:
        """The application: any page that answers will do."""
        return f"{self.house.settings.server.public_url}/health/live"

    def ask(self, realm: str, **asked: str) -> None:
        """The application sends the browser to Keycloak."""
        query = {"client_id": "desk", "redirect_uri": self.app, "response_type": "code", "scope": "openid"}
        url = f"{self.house.keycloak}/realms/{realm}/protocol/openid-connect/auth"
        self.page.goto(f"{url}?{urlencode(query | asked)}")

    def by_code(self, realm: str, address: str) -> None:
        self.ask(realm, kc_idp_hint="email", login_hint=address)
        self.type_code(address)

    def type_code(self, address: str) -> None:
        """The code of the newest message; asked for by a click where nobody was seen to click."""
        page, mail = self.page, self.house.mail
        before = len(mail.to(address))
        code = page.get_by_label("Code", exact=True)
        go_on = page.get_by_role("button", name="Continue")
        expect(code.or_(go_on).first).to_be_visible()
        if not code.is_visible():
            go_on.click()
            before += 1
        expect(code).to_be_visible()
        code.fill(mail.wait_for(address, max(before, 1)).code)

    def at_works(self, name: str) -> None:
        self.page.locator("#username").fill(name)
        self.page.locator("#password").fill(PASSWORD)
        self.page.locator("#kc-login").click()

    def arrived(self, *, with_action: bool = False) -> None:
        self.page.wait_for_url(f"{self.app}?**")
        assert "error=" not in self.page.url
        assert ("kc_action_status=success" in self.page.url) == with_action, self.page.url


@pytest.fixture(scope="module")
def works(house: House) -> Iterator[Callable[[str], str]]:
    """Make a colleague at the enterprise, by name; their address there."""
    house.admin.post("realms", body={"realm": _WORKS, "enabled": True})
    realm = house.realm(_WORKS)
    base = f"{house.keycloak}/realms/{_WORKS}"
    callback = f"{house.keycloak}/realms/{LINKS}/broker/{_WORKS}/endpoint"
    realm.post("clients", body={"clientId": "house", "secret": _SECRET, "redirectUris": [callback]})
    config = {
        "issuer": base,
        "authorizationUrl": f"{base}/protocol/openid-connect/auth",
        "tokenUrl": f"{base}/protocol/openid-connect/token",
        "jwksUrl": f"{base}/protocol/openid-connect/certs",
        "useJwksUrl": "true",
        "validateSignature": "true",
        "clientId": "house",
        "clientSecret": _SECRET,
        "clientAuthMethod": "client_secret_post",
        "defaultScope": "openid email profile",
        "syncMode": "IMPORT",
    }
    provider = {"alias": _WORKS, "displayName": "Works", "providerId": "oidc", "enabled": True}
    provider |= {"trustEmail": True, "firstBrokerLoginFlowAlias": "passwordless first broker login"}
    house.realm(LINKS).post("identity-provider", "instances", body={**provider, "config": config})

    def hire(name: str) -> str:
        address = f"{name}@works.example"
        person = {"username": name, "email": address, "firstName": "A", "lastName": "B"}
        credentials = [{"type": "password", "value": PASSWORD}]
        verified = {"enabled": True, "emailVerified": True}
        realm.post("users", body={**person, **verified, "credentials": credentials})
        return address

    yield hire
    house.admin.delete("realms", _WORKS)


@pytest.fixture
def visitor(house: House, chromium: Browser) -> Iterator[Callable[[], Visitor]]:
    contexts = []
    for name in (ASKS, LINKS, APART):
        if not house.realm(name).get("clients", clientId="desk"):
            urls = [f"{house.settings.server.public_url}/health/live"]
            client = {"clientId": "desk", "publicClient": True, "redirectUris": urls}
            looks = {"login_theme": "passwordless"}
            house.realm(name).post("clients", body={**client, "attributes": looks})

    def make() -> Visitor:
        context = chromium.new_context(locale="en-GB")
        context.set_default_timeout(30_000)
        contexts.append(context)
        return Visitor(house, context.new_page())

    yield make
    for context in contexts:
        context.close()


def _name(name: str) -> str:
    return f"{name}-{secrets.token_hex(4)}"


def test_an_account_with_a_password_is_asked_for_linked_or_left_alone(house: House, visitor, shots):
    for realm in (ASKS, LINKS, APART):
        address = f"{_name('bob')}@example.org"
        user = house.user(realm, address, username=_name("bob"))
        bob = visitor()
        bob.by_code(realm, address)
        if realm == ASKS:
            expect(bob.page.get_by_text("Account already exists")).to_be_visible()
            shots(bob.page, "asks")
            bob.page.get_by_role("button", name="Add to existing account").click()
            shots(bob.page, "proves")
            bob.page.locator("#password").fill(PASSWORD)
            bob.page.locator("#kc-login").click()
        bob.arrived()
        assert house.identities(realm, user) == ([] if realm == APART else ["email"])


def test_an_unverified_account_stops_at_a_page_that_says_whom_to_ask(house: House, visitor, shots):
    address = f"{_name('eve')}@example.org"
    house.user(LINKS, address, emailVerified=False)
    owner = visitor()
    owner.by_code(LINKS, address)
    expect(owner.page.get_by_text("We can't open your account this way")).to_be_visible()
    shots(owner.page, "stopped")


def test_an_enterprise_is_linked_while_signed_in_and_the_last_way_in_stays(
    house: House, visitor, works, shots
):
    name = _name("carol")
    address = works(name)
    carol = visitor()
    carol.by_code(LINKS, address)
    carol.arrived()
    (user,) = house.realm(LINKS).get("users", email=address)

    carol.ask(LINKS, kc_action=f"idp_link:{_WORKS}")
    expect(carol.page.get_by_text("Works").first).to_be_visible()
    shots(carol.page, "asked")
    carol.page.get_by_role("button", name="Continue").click()
    carol.at_works(name)
    carol.arrived(with_action=True)
    assert sorted(house.identities(LINKS, user["id"])) == ["email", _WORKS]

    console = f"{house.keycloak}/realms/{LINKS}/account/account-security/linked-accounts"
    carol.page.goto(console)
    carol.page.locator(f"#{_WORKS}-idp-unlink").click()
    expect(carol.page.get_by_text("Successfully unlinked account")).to_be_visible()
    assert house.identities(LINKS, user["id"]) == ["email"]
    # No password and one identity: Keycloak keeps who has no other way in from losing it, and says so.
    carol.page.locator("#email-idp-unlink").click()
    expect(carol.page.get_by_text("You can not remove last federated identity").first).to_be_visible()
    shots(carol.page, "last-way")
    assert house.identities(LINKS, user["id"]) == ["email"]

    carol.page.goto(console)
    carol.page.locator(f"#{_WORKS}-idp-link").click()
    carol.page.get_by_role("button", name="Continue").click()
    carol.page.wait_for_url(f"{console}**")
    expect(carol.page.locator(f"#{_WORKS}-idp-unlink")).to_be_visible()
    shots(carol.page, "linked")
    assert sorted(house.identities(LINKS, user["id"])) == ["email", _WORKS]


def test_an_enterprise_that_comes_first_time_has_the_account_proven_by_its_code(
    house: House, visitor, works, shots
):
    name = _name("dora")
    address = works(name)
    dora = visitor()
    dora.by_code(LINKS, address)
    dora.arrived()
    (user,) = house.realm(LINKS).get("users", email=address)

    again = visitor()
    again.ask(LINKS, kc_idp_hint=_WORKS)
    again.at_works(name)
    shots(again.page, "asked")
    again.page.get_by_role("button", name="Add to existing account").click()
    shots(again.page, "proves")
    again.page.get_by_role("link", name="Email code").click()
    box = again.page.get_by_label("Email address")
    expect(box.or_(again.page.get_by_label("Code", exact=True)).first).to_be_visible()
    if box.is_visible():
        box.fill(address)
    again.type_code(address)
    again.arrived()

    assert sorted(house.identities(LINKS, user["id"])) == ["email", _WORKS]
    assert len(house.realm(LINKS).get("users", email=address)) == 1
