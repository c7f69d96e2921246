"""What Keycloak does with a first login through a connection, and with what the provider says of it."""

from __future__ import annotations

import json

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from sidecar.keycloak import apply_realm
from tests.keycloak.browsing import CLIENT, Browser
from tests.keycloak.provider import Provider, running

pytestmark = pytest.mark.keycloak

_PASSWORD = "correct-Horse-7-battery"
_TOTP = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1"}
_ADA = {
    "sub": "email.a1b2c3",
    "email": "ada@acme.example",
    "email_verified": True,
    "preferred_username": "ada@acme.example",
}


@pytest.fixture
def provider(admin, realm, realm_name, keycloak_url, own_settings):
    """A realm with passwordless login whose connection ends at a provider that signs in Ada."""
    with running(Provider(keycloak_url, realm_name)) as provider:
        provider.claims = {**_ADA, "amr_json": '["otp","email"]'}
        apply_realm(admin, own_settings(public_url=provider.url), realm_name, theme="stock")
        realm.post("clients", body=CLIENT)
        yield provider


def _user(realm, **fields) -> str:
    return realm.post(
        "users", body={"enabled": True, "credentials": [{"type": "password", "value": _PASSWORD}], **fields}
    )


def test_a_new_address_becomes_a_user_without_a_form(provider, realm, realm_name, keycloak_url):
    page = Browser().sign_in(keycloak_url, realm_name, kc_idp_hint="email", login_hint="ada@acme.example")
    assert page.code
    (user,) = realm.get("users")
    assert (user["email"], user["emailVerified"], user["username"]) == (
        "ada@acme.example",
        True,
        "ada@acme.example",
    )
    assert realm.get("users", user["id"], "federated-identity")[0]["userId"] == "email.a1b2c3"


def test_a_user_without_address_and_name_passes_without_a_form_each_time(provider, realm_name, keycloak_url):
    provider.claims = {"sub": "email.x9", "preferred_username": "email.x9"}
    assert Browser().sign_in(keycloak_url, realm_name, kc_idp_hint="email").code
    assert Browser().sign_in(keycloak_url, realm_name, kc_idp_hint="email").code


def test_the_provider_gets_the_address_the_language_and_what_applications_ask(
    provider, realm_name, keycloak_url
):
    Browser().sign_in(
        keycloak_url,
        realm_name,
        kc_idp_hint="email",
        login_hint="ada@acme.example",
        ui_locales="de",
        connection="email",
        send="code",
    )
    (asked,) = provider.authorize_requests
    assert (asked["login_hint"], asked["ui_locales"], asked["scope"]) == ("ada@acme.example", "de", "openid")
    assert (asked["connection"], asked["send"], asked["code_challenge_method"]) == ("email", "code", "S256")
    assert asked["nonce"]
    assert provider.assertion_algorithms == ["ES256"]
    assert provider.refusals == []


def test_amr_of_the_login_is_in_the_applications_tokens(provider, realm_name, keycloak_url):
    code = Browser().sign_in(keycloak_url, realm_name, kc_idp_hint="email").code
    endpoint = f"{keycloak_url}/realms/{realm_name}/protocol/openid-connect"
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": "app",
        "redirect_uri": "http://localhost/app",
    }
    tokens = requests.post(f"{endpoint}/token", data=form, timeout=10).json()
    keys = KeySet.import_key_set(requests.get(f"{endpoint}/certs", timeout=10).json())
    for token in (tokens["id_token"], tokens["access_token"]):
        decoded = jwt.decode(token, keys, algorithms=["RS256"])
        assert decoded.claims["amr"] == ["otp", "email"]


@pytest.mark.parametrize("field", ["email", "username"])
def test_an_existing_account_is_linked_only_after_its_password(
    provider, realm, realm_name, keycloak_url, field
):
    fields = {"username": "ada", "email": "other@acme.example", field: "ada@acme.example"}
    user = _user(realm, **fields)
    browser = Browser()
    page = browser.sign_in(keycloak_url, realm_name, kc_idp_hint="email")
    assert page.name == "login-login-idp-link-confirm"
    page = browser.send(page.action, {"submitAction": "linkAccount"})
    assert 'name="password"' in page.text
    page = browser.send(page.action, {"username": fields["username"], "password": "wrong"})
    assert page.code is None
    assert realm.get("users", user, "federated-identity") == []
    page = browser.send(page.action, {"username": fields["username"], "password": _PASSWORD})
    assert page.code
    assert realm.get("users", user, "federated-identity")[0]["userId"] == "email.a1b2c3"


def test_no_message_links_an_existing_account(provider, realm, realm_name, keycloak_url):
    """Keycloak's proof by email would leave the password of whoever made the account alive."""
    realm.put(body={"smtpServer": {"host": "127.0.0.1", "port": "1", "from": "login@acme.example"}})
    _user(realm, username="ada", email="ada@acme.example")
    browser = Browser()
    page = browser.send(
        browser.sign_in(keycloak_url, realm_name, kc_idp_hint="email").action, {"submitAction": "linkAccount"}
    )
    assert 'name="password"' in page.text
    assert "tryAnotherWay" not in page.text


def test_the_account_that_was_proven_is_linked_not_the_one_that_was_asked_about(
    provider, realm, realm_name, keycloak_url
):
    """Keycloak lets the owner of the address name another account of his own, and that one must be proven."""
    asked = _user(realm, username="ada", email="ada@acme.example")
    own = _user(realm, username="eve", email="eve@acme.example")
    browser = Browser()
    page = browser.send(
        browser.sign_in(keycloak_url, realm_name, kc_idp_hint="email").action, {"submitAction": "linkAccount"}
    )
    browser.send(page.action, {"username": "eve", "password": _PASSWORD})
    assert realm.get("users", asked, "federated-identity") == []
    assert realm.get("users", own, "federated-identity")[0]["userId"] == "email.a1b2c3"


def test_an_account_without_a_password_is_proven_by_its_other_identity_provider(
    provider, realm, realm_name, keycloak_url
):
    other = {"alias": "other", "providerId": "oidc", "enabled": True}
    urls = {"authorizationUrl": "http://localhost/authorize", "tokenUrl": "http://localhost/token"}
    realm.post(
        "identity-provider",
        "instances",
        body={**other, "config": {**urls, "clientId": "x", "clientSecret": "x"}},
    )
    user = realm.post("users", body={"enabled": True, "username": "ada", "email": "ada@acme.example"})
    identity = {"identityProvider": "other", "userId": "1", "userName": "ada"}
    realm.post("users", user, "federated-identity", "other", body=identity)
    browser = Browser()
    page = browser.send(
        browser.sign_in(keycloak_url, realm_name, kc_idp_hint="email").action, {"submitAction": "linkAccount"}
    )
    assert "/broker/other/login" in page.text


def test_an_accounts_second_factor_is_asked_before_it_is_linked(provider, realm, realm_name, keycloak_url):
    secret = {
        "type": "otp",
        "secretData": json.dumps({"value": "c2VjcmV0LXNlY3JldA"}),
        "credentialData": json.dumps(_TOTP),
    }
    password = {"type": "password", "value": _PASSWORD}
    body = {
        "enabled": True,
        "username": "ada",
        "email": "ada@acme.example",
        "credentials": [password, secret],
    }
    user = realm.post("users", body=body)
    browser = Browser()
    page = browser.send(
        browser.sign_in(keycloak_url, realm_name, kc_idp_hint="email").action, {"submitAction": "linkAccount"}
    )
    page = browser.send(page.action, {"username": "ada", "password": _PASSWORD})
    assert page.name == "login-login-otp"
    assert realm.get("users", user, "federated-identity") == []


def test_an_account_that_nobody_proved_is_never_linked_by_itself(provider, realm, realm_name, keycloak_url):
    """E14: somebody made an account with the victim's address before; the victim's proof gives it nothing.

    Nor does it take anything from it: its password goes on working, for its maker, on an account without the victim.
    """
    trap = _user(realm, username="mallory", email="ada@acme.example", emailVerified=False)
    before = realm.get("users", trap)
    victim = Browser()

    page = victim.sign_in(keycloak_url, realm_name, kc_idp_hint="email")

    assert (page.name, page.code) == ("login-login-idp-link-confirm", None)
    page = victim.send(page.action, {"submitAction": "linkAccount"})
    assert 'name="password"' in page.text
    assert page.code is None
    assert realm.get("users", trap, "federated-identity") == []
    assert before == realm.get("users", trap)
    assert realm.get("users", trap)["emailVerified"] is False
    assert len(realm.get("users")) == 1
    assert realm.get("users", trap, "sessions") == []


def test_a_disabled_account_is_not_let_in_by_a_fresh_proof(provider, realm, realm_name, keycloak_url):
    """A15: Keycloak asks again, at each login."""
    assert Browser().sign_in(keycloak_url, realm_name, kc_idp_hint="email").code
    (user,) = realm.get("users")
    realm.put("users", user["id"], body={**user, "enabled": False})

    assert Browser().sign_in(keycloak_url, realm_name, kc_idp_hint="email").code is None
