"""A large realm on the real Keycloak: enabled with all its old ways in alive, taken out again, and then as it was."""

from __future__ import annotations

import base64
import html
import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress

import pyotp
import pytest
import requests

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak import Admin, apply_realm, plan_realm, plan_removal, remove_realm
from tests.keycloak.browsing import Browser, Page
from tests.keycloak.large_realm import CLIENTS, OTP_SECRET, PASSWORD, large_realm, many_clients, partner_realm
from tests.keycloak.realms import Counting, differing, fresh_export, pending, whole

pytestmark = pytest.mark.keycloak


@pytest.fixture
def house(admin, realm_name, keycloak_url) -> Iterator[Admin]:
    """The large realm, imported, and beside it the one behind its identity providers."""
    partner = f"{realm_name}-partner"
    names = {"name": realm_name, "partner": partner}
    try:
        admin.post("realms", body=partner_realm(keycloak_url, **names))
        admin.post("realms", body=large_realm(keycloak_url, **names, fresh=fresh_export(admin)))
        house = admin.at("realms", realm_name)
        for portion in many_clients(len(house.get("clients"))):
            house.post("partialImport", body=portion)
        yield house
    finally:
        with suppress(KeycloakUnavailable):
            admin.delete("realms", partner)


def test_it_is_enabled_with_every_old_way_in_alive_and_is_afterwards_as_it_was(
    admin, house, realm_name, own_settings, keycloak_url
):
    assert len(house.get("clients")) == CLIENTS
    settings = own_settings(connections=("email", "sms"), step_up=True)
    doors = _Doors(keycloak_url, realm_name)
    before_logins = whole(house, of=realm_name)
    assert doors.opened() == _OPEN
    before = whole(house, of=realm_name)
    assert differing(before_logins, before) == []

    counting = Counting.over(admin)
    planned = plan_realm(counting, settings, realm_name)
    assert whole(house, of=realm_name) == before
    asked_to_plan = len(counting.asked)
    applied = apply_realm(counting, settings, realm_name)
    assert [(it.kind, it.what) for it in applied] == [(it.kind, it.what) for it in planned]
    asked_to_apply = len(counting.asked) - asked_to_plan
    assert pending(plan_realm(admin, settings, realm_name)) == []
    # However many clients there are.
    print(f"asked of Keycloak: {asked_to_plan} to plan, {asked_to_apply} to apply")
    assert asked_to_plan < 100
    assert asked_to_apply < 400

    assert house.get()["browserFlow"] == "passwordless browser"
    assert doors.opened() == _OPEN

    plan_removal(admin, settings, realm_name)
    remove_realm(admin, settings, realm_name)
    assert differing(before, whole(house, of=realm_name)) == []
    assert doors.opened() == _OPEN


#: Who comes in where.
_OPEN = {
    "by password": "anna",
    "by address and password": "anna",
    "by a wrong password": None,
    "by password and code": "bruno",
    "by password without the code": None,
    "exempt from codes": "carla",
    "shut out": None,
    "at the kiosk": "anna",
    "from the partner": "fatima",
    "from a supplier": "greta",
    "as a machine": "service-account-robot",
}


class _Doors:
    """Tries all the ways in that the house has had from the start."""

    def __init__(self, keycloak_url: str, realm: str) -> None:
        self._keycloak, self._realm = keycloak_url, realm
        self._round = 0

    def opened(self) -> dict[str, str | None]:
        """Who was let in at each door."""
        self._round += 1
        return {
            "by password": self._by_password("anna"),
            "by address and password": self._by_password("anna@house.example"),
            "by a wrong password": self._by_password("anna", password="not this one"),
            "by password and code": self._by_password("bruno", code=self._code()),
            "by password without the code": self._by_password("bruno"),
            "exempt from codes": self._by_password("carla"),
            "shut out": self._by_password("dora"),
            "at the kiosk": self._by_password("anna", client_id="kiosk"),
            "from the partner": self._brokered("partner", "fatima"),
            "from a supplier": self._brokered("suppliers", "greta@partner.example"),
            "as a machine": self._machine(),
        }

    def _by_password(
        self, name: str, *, password: str = PASSWORD, code: str = "", client_id: str = "app"
    ) -> str | None:
        browser = Browser()
        page = browser.sign_in(self._keycloak, self._realm, client_id=client_id)
        return self._name(_typed(browser, page, name, password, code), client_id)

    def _brokered(self, alias: str, name: str) -> str | None:
        browser = Browser()
        page = browser.sign_in(self._keycloak, self._realm, kc_idp_hint=alias)
        assert f"{self._realm}-partner/" in page.url, page.url
        page = _typed(browser, page, name, PASSWORD)
        while found := re.search(r'name="SAMLResponse" value="([^"]+)"', page.text, re.IGNORECASE):
            relay = re.search(r'name="RelayState" value="([^"]+)"', page.text, re.IGNORECASE)
            fields = {"SAMLResponse": html.unescape(found[1]), "RelayState": html.unescape(relay[1])}
            page = browser.send(page.action, fields)
        return self._name(page, "app")

    def _machine(self) -> str | None:
        return self._token(
            grant_type="client_credentials",
            client_id="robot",
            client_secret="what-the-robot-knows",
            scope="openid",
        )

    def _name(self, page: Page, client_id: str) -> str | None:
        """Whom the application gets."""
        if page.code is None:
            return None
        return self._token(
            grant_type="authorization_code",
            client_id=client_id,
            code=page.code,
            redirect_uri="http://localhost/app",
        )

    def _token(self, **form: str) -> str | None:
        url = f"{self._keycloak}/realms/{self._realm}/protocol/openid-connect/token"
        answer = requests.post(url, data=form, timeout=30)
        assert answer.ok, answer.text
        payload = answer.json()["access_token"].split(".")[1]
        return json.loads(base64.urlsafe_b64decode(payload + "=="))["preferred_username"]

    def _code(self) -> str:
        """One a round, since Keycloak takes none twice: of the step before, this one, and the next."""
        totp = pyotp.TOTP(base64.b32encode(OTP_SECRET.encode()).decode())
        return totp.at(int(time.time()) + 30 * (self._round - 2))


def _typed(browser: Browser, page: Page, name: str, password: str, code: str = "") -> Page:
    """Type what the pages ask for: both at once or one after the other, and a code if one is given."""
    if 'name="password"' not in page.text:
        page = browser.send(_password_form(page), {"username": name})
    page = browser.send(_password_form(page), {"username": name, "password": password})
    return browser.send(page.action, {"otp": code}) if code else page


def _password_form(page: Page) -> str:
    """Where Keycloak's own form sends; our theme has another before it."""
    found = re.search(r'<form[^>]*id="kc-form-login"[^>]*\saction="([^"]+)"', page.text)
    return html.unescape(found[1]) if found else page.action
