"""The account page's client on the real Keycloak: made and kept by `apply`, taken out by `remove`, nobody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.errors import InvalidRequest, KeycloakUnavailable
from sidecar.keycloak import (
    Accounts,
    AccountSignIn,
    AccountUsers,
    apply_realm,
    bootstrap_realm,
    plan_realm,
    remove_realm,
)
from sidecar.keycloak.account_client import ACCOUNT_CLIENT
from sidecar.keycloak.realm_keys import FetchedRealmKeys
from tests.keycloak.realms import pending

pytestmark = pytest.mark.keycloak


@pytest.fixture
def settings(own_settings, realm_name):
    made = own_settings(service_account=True, connections=("email", "sms"))
    realm = replace(made.realms[realm_name], account_page=True)
    return replace(made, realms={realm_name: realm})


def test_apply_makes_it_once_mends_it_and_remove_takes_it_out(admin, realm, settings, realm_name):
    apply_realm(admin, settings, realm_name, theme="stock")

    client = ACCOUNT_CLIENT.find(realm)
    assert [f"http://localhost:5080/realms/{realm_name}/account/callback"] == client["redirectUris"]
    assert ("client-jwt", False, False) == (
        client["clientAuthenticatorType"],
        client["publicClient"],
        client["directAccessGrantsEnabled"],
    )
    assert not pending(plan_realm(admin, settings, realm_name, theme="stock"))

    # Whoever could read the page's codes would be its user.
    realm.put("clients", client["id"], body={**client, "redirectUris": ["https://evil.example/*"]})
    realm.put("clients", client["id"], "default-client-scopes", _scope(realm, "email"))
    (change,) = pending(plan_realm(admin, settings, realm_name, theme="stock"))
    assert "client passwordless-account" in change
    apply_realm(admin, settings, realm_name, theme="stock")
    mended = ACCOUNT_CLIENT.find(realm)
    assert client["redirectUris"] == mended["redirectUris"]
    assert "email" in mended["defaultClientScopes"]

    remove_realm(admin, settings, realm_name, theme="stock")
    assert ACCOUNT_CLIENT.find(realm) is None


def test_a_client_of_that_name_which_is_somebody_elses_stays(admin, realm, settings, realm_name):
    realm.post("clients", body={"clientId": "passwordless-account"})

    with pytest.raises(KeycloakUnavailable, match="rename or delete it"):
        plan_realm(admin, settings, realm_name, theme="stock")


def test_a_code_that_is_none_lets_nobody_in(admin, realm, settings, realm_name):
    apply_realm(admin, settings, realm_name, theme="stock")
    sign_in = AccountSignIn(settings, FetchedRealmKeys(settings.keycloak))

    with pytest.raises(InvalidRequest, match="invalid_grant"):
        sign_in.finish(realm_name, code="a-code", nonce="nonce", code_verifier="v" * 43)


def test_a_user_is_read_linked_and_changed_with_all_else_kept(admin, realm, settings, realm_name):
    apply_realm(admin, settings, realm_name, theme="stock")
    bootstrap_realm(admin, settings, realm_name)
    ada = realm.post(
        "users", body={"username": "ada", "enabled": True, "email": "ada@example.org", "firstName": "Ada"}
    )
    users = AccountUsers(settings, Accounts(settings))
    assert ("ada@example.org", {}, False) == _told(users.account(realm_name, ada))

    users.link(realm_name, ada, "email", "email.0123")
    users.set_email(realm_name, ada, "work@example.org")
    users.set_number(realm_name, ada, "+447400123456")
    users.sign_out(realm_name, ada)

    assert ("work@example.org", {"email": "email.0123"}, False) == _told(users.account(realm_name, ada))
    held = realm.get("users", ada)
    assert ("ada", "Ada", True) == (held["username"], held["firstName"], held["emailVerified"])
    assert ("+447400123456", ["true"]) == (
        users.account(realm_name, ada).number,
        held["attributes"]["phone_number_verified"],
    )
    users.set_number(realm_name, ada, "")
    assert "" == users.account(realm_name, ada).number
    users.set_email(realm_name, ada, "")
    assert ("", {"email": "email.0123"}, False) == _told(users.account(realm_name, ada))
    realm.put("users", ada, body={**realm.get("users", ada), "enabled": False})
    assert users.account(realm_name, ada) is None
    assert users.account(realm_name, "nobody") is None


def _told(account):
    return account.email, dict(account.subjects), account.has_another_way


def _scope(realm, name):
    return next(scope["id"] for scope in realm.get("client-scopes") if scope["name"] == name)
