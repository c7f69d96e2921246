"""The flow after a login through a connection: a second factor for those who are asked for one, and no way round it."""

from __future__ import annotations

import base64
import json
import time
from contextlib import suppress
from dataclasses import dataclass

import pyotp
import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from sidecar.keycloak import apply_realm, plan_realm, remove_realm
from sidecar.keycloak.desired import POST_LOGIN_FLOW, desired_realm
from sidecar.keycloak.flows import flow_from
from tests.keycloak.browsing import CLIENT, Browser, Page
from tests.keycloak.provider import Provider, running
from tests.keycloak.realms import Budgeted, Interrupted, pending, state

_PROVIDER = ("identity-provider", "instances", "email")
_ADA = {
    "sub": "email.a1b2c3",
    "email": "ada@acme.example",
    "email_verified": True,
    "preferred_username": "ada@acme.example",
    "amr_json": '["otp","email"]',
}
_TOTP = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1"}
_SECRET = "a-secret-of-twenty-b"


@pytest.fixture
def settings_with(make_settings, keycloak_url, realm_name):
    """Settings of the test's realm; `step_up` is a key of its table."""

    def make(*, step_up: bool, **changed):
        settings = make_settings(realm_name, keycloak=keycloak_url, step_up=step_up, **changed)
        assert settings.realms[realm_name].step_up is step_up
        return settings

    return make


def test_a_realm_has_it_only_when_it_says_so(make_settings):
    without = desired_realm(make_settings(), "acme")
    assert POST_LOGIN_FLOW not in json.dumps(without)

    desired = desired_realm(make_settings(step_up=True, connections=("email", "sms")), "acme")

    assert {POST_LOGIN_FLOW} == {it["postBrokerLoginFlowAlias"] for it in desired["identityProviders"]}
    steps = flow_from(desired, POST_LOGIN_FLOW).executions
    assert ["CONDITIONAL", "CONDITIONAL"] == [step.requirement for step in steps]


@pytest.mark.keycloak
def test_switched_on_and_off_a_second_plan_is_empty(admin, realm, realm_name, settings_with):
    before = state(realm)
    on, off = settings_with(step_up=True), settings_with(step_up=False)
    apply_realm(admin, on, realm_name, theme="stock")
    assert realm.get(*_PROVIDER)["postBrokerLoginFlowAlias"] == POST_LOGIN_FLOW
    assert pending(plan_realm(admin, on, realm_name, theme="stock")) == []

    done = apply_realm(admin, off, realm_name, theme="stock")

    assert pending(done) == ["identity provider email"]
    assert not realm.get(*_PROVIDER).get("postBrokerLoginFlowAlias")
    assert pending(plan_realm(admin, off, realm_name, theme="stock")) == []
    remove_realm(admin, off, realm_name, theme="stock")
    assert state(realm) == before


@pytest.mark.keycloak
def test_removing_takes_it_out(admin, realm, realm_name, settings_with):
    before = state(realm)
    settings = settings_with(step_up=True)
    apply_realm(admin, settings, realm_name, theme="stock")

    done = remove_realm(admin, settings, realm_name, theme="stock")

    assert f"flow {POST_LOGIN_FLOW}" in pending(done)
    assert state(realm) == before


@pytest.mark.keycloak
def test_a_flow_that_an_admin_chose_stays_where_the_realm_says_nothing(
    admin, realm, realm_name, settings_with
):
    settings = settings_with(step_up=False)
    apply_realm(admin, settings, realm_name, theme="stock")
    flow = {"alias": "house rules", "providerId": "basic-flow", "topLevel": True, "builtIn": False}
    realm.post("authentication", "flows", body=flow)
    realm.put(*_PROVIDER, body={**realm.get(*_PROVIDER), "postBrokerLoginFlowAlias": "house rules"})

    assert pending(plan_realm(admin, settings, realm_name, theme="stock")) == []


@dataclass(frozen=True, kw_only=True)
class Road:
    """From an application to a provider, where the sidecar will be, that signs in Ada, and back."""

    keycloak: str
    realm: str
    provider: Provider

    def sign_in(self, browser: Browser | None = None, **asked: str) -> Page:
        return (browser or Browser()).sign_in(self.keycloak, self.realm, kc_idp_hint="email", **asked)

    def acr(self, page: Page) -> str:
        """What Keycloak's ID token of that login says."""
        endpoint = f"{self.keycloak}/realms/{self.realm}/protocol/openid-connect"
        form = {
            "grant_type": "authorization_code",
            "code": page.code,
            "client_id": "app",
            "redirect_uri": "http://localhost/app",
        }
        token = requests.post(f"{endpoint}/token", data=form, timeout=10).json()["id_token"]
        keys = KeySet.import_key_set(requests.get(f"{endpoint}/certs", timeout=10).json())
        return jwt.decode(token, keys, algorithms=["RS256"]).claims["acr"]


@pytest.fixture
def road(realm, realm_name, keycloak_url):
    with running(Provider(keycloak_url, realm_name)) as provider:
        provider.claims = dict(_ADA)
        realm.post("clients", body=CLIENT)
        yield Road(keycloak=keycloak_url, realm=realm_name, provider=provider)


@pytest.mark.keycloak
def test_wherever_apply_stops_nobody_gets_two_factors_for_one(admin, realm, settings_with, road):
    """Killed after every single write of switching it on, a login by email alone never says level 2."""
    url = road.provider.url
    apply_realm(admin, settings_with(step_up=False, public_url=url), road.realm, theme="stock")
    settings = settings_with(step_up=True, public_url=url)
    stops, refused = 0, False
    while not refused:
        with suppress(Interrupted):
            apply_realm(Budgeted.over(admin, writes=1), settings, road.realm, theme="stock")
        stops += 1
        assert stops < 80, "no progress"
        page = road.sign_in(acr_values="2")
        refused = page.code is None
        is_bound = realm.get(*_PROVIDER).get("postBrokerLoginFlowAlias") == POST_LOGIN_FLOW
        assert is_bound == refused
        assert refused or road.acr(page) == "1"

    assert stops > 20
    assert "credential setup required" in page.text
    assert pending(plan_realm(admin, settings, road.realm, theme="stock")) == []
    assert road.acr(road.sign_in()) == "1"


@pytest.mark.keycloak
def test_a_second_factor_is_asked_for_and_checked(admin, realm, settings_with, road):
    """In a browser with a session of one factor, in one without a session, and in one with a session of two."""
    settings = settings_with(step_up=True, public_url=road.provider.url)
    apply_realm(admin, settings, road.realm, theme="stock")
    browser = Browser()
    assert road.acr(road.sign_in(browser)) == "1"
    (user,) = realm.get("users")
    secret = {
        "type": "otp",
        "secretData": json.dumps({"value": _SECRET}),
        "credentialData": json.dumps(_TOTP),
    }
    realm.put("users", user["id"], body={**user, "credentials": [secret]})

    page = road.sign_in(browser, acr_values="2")

    assert page.name == "login-login-otp"
    page = browser.send(page.action, {"otp": "000000"})
    assert (page.name, page.code) == ("login-login-otp", None)
    app = pyotp.TOTP(base64.b32encode(_SECRET.encode()).decode())
    page = browser.send(page.action, {"otp": app.now()})
    assert road.acr(page) == "2"
    assert road.sign_in(acr_values="2").name == "login-login-otp"
    assert road.acr(road.sign_in()) == "1"
    assert road.sign_in(browser, acr_values="2").name == "login-login-otp", "asked for at each such login"
    # Keycloak's own word for a login by a session, at which nobody is asked for anything. It counts in whole seconds,
    # and a level reached in the current one still stands.
    time.sleep(1.1)
    assert road.acr(road.sign_in(browser)) == "0"
