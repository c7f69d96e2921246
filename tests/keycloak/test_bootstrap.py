"""`passwordless bootstrap`: an account for the command line with the least roles, and no secret that is stored."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace

import pytest
import requests
from click.testing import CliRunner
from joserfc.jwk import ECKey

from sidecar.cli import main
from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak import (
    apply_realm,
    bootstrap_realm,
    connect_as_service_account,
    plan_bootstrap,
    plan_realm,
    plan_removal,
    remove_realm,
)
from sidecar.keycloak.admin import NotAllowed, connect_by_assertion
from sidecar.keycloak.service_account import SIDECAR, TOOL, assertion, public_keys, service_keys
from tests.keycloak.realms import pending, state

CLIENT_ID, ROLES = TOOL.client_id, TOOL.roles
_OTHER_SECRET = "Zx8Nw2Qe5Rt7Yu9Io1Pa3Sd4Fg6Hj0Kl"
_USER = {"username": "bob", "enabled": True, "credentials": [{"type": "password", "value": "p"}]}


@pytest.fixture
def settings(own_settings):
    return own_settings(connections=("email", "sms"), step_up=True)


@pytest.fixture
def account(admin, realm, settings, realm_name):
    """The test's realm, as its service account sees it."""
    bootstrap_realm(admin, settings, realm_name)
    return connect_as_service_account(settings, realm_name)


@pytest.fixture
def run_there(admin, own_settings, keycloak_admin, tmp_path):
    """The command on the test's realm, with no password but where `as_admin` gives one."""
    own_settings()
    username, password = keycloak_admin

    def run(*arguments: str, as_admin: bool = False):
        values = {
            "PASSWORDLESS_SETTINGS": str(tmp_path / "passwordless.toml"),
            "KEYCLOAK_ADMIN_USERNAME": username,
            "KEYCLOAK_ADMIN_PASSWORD": password if as_admin else None,
        }
        return CliRunner().invoke(main, arguments, env=values)

    return run


def held(realm, client_id: str = CLIENT_ID) -> dict[str, list[str]]:
    """The roles of the service account, by client; those of the realm under an empty name."""
    client = realm.get("clients", clientId=client_id)[0]
    mappings = realm.get(*user_of(realm, client), "role-mappings")
    by_client = {
        name: sorted(role["name"] for role in found["mappings"])
        for name, found in mappings.get("clientMappings", {}).items()
    }
    in_realm = [role["name"] for role in mappings.get("realmMappings", ())]
    return by_client | ({"": in_realm} if in_realm else {})


def user_of(realm, client) -> tuple[str, str]:
    return "users", realm.get("clients", client["id"], "service-account-user")["id"]


def with_a_secret_before(settings, *names: str):
    """The same settings with other server secrets: `new` before what there was, or `new` alone."""
    new = type(settings.server.secret_keys[0])(_OTHER_SECRET)
    keys = [new if name == "new" else settings.server.secret_keys[0] for name in names]
    return replace(settings, server=replace(settings.server, secret_keys=tuple(keys)))


def go_round(account, settings, realm_name) -> None:
    """All that the service account is for."""
    apply_realm(account, settings, realm_name, theme="stock")
    assert pending(plan_realm(account, settings, realm_name, theme="stock")) == []
    plan_removal(account, settings, realm_name, theme="stock")
    remove_realm(account, settings, realm_name, theme="stock")


@pytest.mark.keycloak
def test_plan_apply_remove_by_the_service_account_alone(account, realm, settings, realm_name):
    realm.post("users", body=_USER)
    before = state(realm)
    assert pending(plan_realm(account, settings, realm_name, theme="stock"))
    go_round(account, settings, realm_name)
    assert pending(plan_removal(account, settings, realm_name, theme="stock")) == []
    assert state(realm)["providers"] == before["providers"] == []
    assert state(realm)["keys"] == before["keys"]
    assert state(realm)["executions"] == before["executions"]


@pytest.mark.keycloak
def test_it_holds_these_roles_and_no_others(account, realm):
    assert held(realm) == {"realm-management": sorted(ROLES)}
    assert "realm-admin" not in ROLES


@pytest.mark.keycloak
@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_needed(account, realm, settings, realm_name, role):
    realm.post("users", body=_USER)
    client = realm.get("clients", clientId=CLIENT_ID)[0]
    management = realm.get("clients", clientId="realm-management")[0]["id"]
    mappings = (*user_of(realm, client), "role-mappings", "clients", management)
    realm.delete(*mappings)
    others = [realm.get("clients", management, "roles", name) for name in ROLES if name != role]
    realm.post(*mappings, body=others)
    with pytest.raises(NotAllowed, match=f"passwordless bootstrap {realm_name}"):
        go_round(connect_as_service_account(settings, realm_name), settings, realm_name)


@pytest.mark.keycloak
def test_no_secret_signs_it_in_and_no_user_signs_in_through_it(account, realm, realm_name, keycloak_url):
    """Keycloak gives every client of this kind a secret by itself: this one's is good for nothing."""
    client = realm.get("clients", clientId=CLIENT_ID)[0]
    form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": client["secret"]}
    url = f"{keycloak_url}/realms/{realm_name}/protocol/openid-connect/token"
    assert requests.post(url, data=form, timeout=30).json()["error"] in {
        "invalid_client",
        "unauthorized_client",
    }
    flows = ("standardFlowEnabled", "implicitFlowEnabled", "directAccessGrantsEnabled", "publicClient")
    assert [client[name] for name in flows] == [False] * 4
    known = json.loads(client["attributes"]["jwks.string"])["keys"]
    assert [sorted(key) for key in known] == [["alg", "crv", "kid", "kty", "use", "x", "y"]]


@pytest.mark.keycloak
def test_another_realm_refuses_it(account, admin):
    other = f"t-{secrets.token_hex(4)}"
    admin.post("realms", body={"realm": other, "enabled": True})
    try:
        for path in (("realms", other), ("realms", "master"), ("realms", other, "users")):
            with pytest.raises(NotAllowed):
                account.get(*path)
        with pytest.raises(NotAllowed):
            account.post("realms", body={"realm": f"{other}-made"})
    finally:
        admin.delete("realms", other)


@pytest.mark.keycloak
def test_a_wrong_key_a_wrong_audience_and_a_second_use_are_refused(
    account, settings, realm_name, keycloak_url
):
    def sign_in(text: str):
        return connect_by_assertion(
            settings, realm=realm_name, client_id=CLIENT_ID, assertions=[lambda: text]
        )

    issuer, key = f"{keycloak_url}/realms/{realm_name}", service_keys(settings, realm_name)[0]
    strangers = ECKey.generate_key("P-256", private=True)
    of_another_realm = service_keys(settings, "another")[0]
    for wrong in (
        assertion(strangers, issuer),
        assertion(of_another_realm, issuer),
        assertion(key, f"{keycloak_url}/realms/master"),
    ):
        with pytest.raises(KeycloakUnavailable, match="refused to sign in the service account"):
            sign_in(wrong)
    good = assertion(key, issuer)
    assert sign_in(good).at("realms", realm_name).get()["realm"] == realm_name
    with pytest.raises(KeycloakUnavailable, match="refused to sign in the service account"):
        sign_in(good)


@pytest.mark.keycloak
def test_a_second_bootstrap_changes_nothing_and_roles_that_were_added_go(
    account, admin, realm, settings, realm_name
):
    assert pending(plan_bootstrap(admin, settings, realm_name)) == []
    client = realm.get("clients", clientId=CLIENT_ID)[0]
    management = realm.get("clients", clientId="realm-management")[0]["id"]
    mappings = (*user_of(realm, client), "role-mappings")
    realm.post(
        *mappings, "clients", management, body=[realm.get("clients", management, "roles", "realm-admin")]
    )
    realm.post(*mappings, "realm", body=[realm.get("roles", "offline_access")])
    (roles,) = (it for it in plan_bootstrap(admin, settings, realm_name) if it.is_pending)
    assert roles.detail == ("offline_access: is taken away", "realm-management realm-admin: is taken away")
    bootstrap_realm(admin, settings, realm_name)
    assert held(realm) == {"realm-management": sorted(ROLES)}
    assert pending(plan_bootstrap(admin, settings, realm_name)) == []


@pytest.mark.keycloak
def test_server_secrets_are_exchanged_one_after_the_other(account, admin, settings, realm_name):
    both = with_a_secret_before(settings, "new", "old")
    assert connect_as_service_account(both, realm_name).at("realms", realm_name).get()
    alone = with_a_secret_before(settings, "new")
    with pytest.raises(KeycloakUnavailable, match=f"run `passwordless bootstrap {realm_name}` as an admin"):
        connect_as_service_account(alone, realm_name)
    assert pending(plan_bootstrap(admin, alone, realm_name)) == [f"client {CLIENT_ID}"]
    bootstrap_realm(admin, alone, realm_name)
    assert connect_as_service_account(alone, realm_name).at("realms", realm_name).get()
    with pytest.raises(KeycloakUnavailable):
        connect_as_service_account(settings, realm_name)


@pytest.mark.keycloak
def test_undo_leaves_nothing(admin, realm, settings, realm_name):
    before = state(realm)
    bootstrap_realm(admin, settings, realm_name)
    bootstrap_realm(admin, settings, realm_name, undo=True)
    assert state(realm) == before
    assert realm.get("users") == []
    assert pending(bootstrap_realm(admin, settings, realm_name, undo=True)) == []
    with pytest.raises(KeycloakUnavailable, match="passwordless bootstrap"):
        connect_as_service_account(settings, realm_name)


@pytest.mark.keycloak
def test_somebody_elses_client_of_that_name_is_not_touched(admin, realm, settings, realm_name):
    realm.post("clients", body={"clientId": CLIENT_ID})
    for undo in (False, True):
        with pytest.raises(KeycloakUnavailable, match="did not make"):
            bootstrap_realm(admin, settings, realm_name, undo=undo)


@pytest.mark.keycloak
def test_the_command_asks_and_the_others_then_need_no_password(run_there, realm, realm_name):
    shown = run_there("bootstrap", realm_name, "--dry-run", as_admin=True)
    assert (shown.exit_code, "realm-management manage-realm" in shown.stdout) == (0, True)
    refused = run_there("bootstrap", realm_name, as_admin=True)
    assert (refused.exit_code, realm.get("clients", clientId=CLIENT_ID)) == (1, [])
    assert "--service-account" in run_there("plan", realm_name).stderr

    done = json.loads(run_there("bootstrap", realm_name, "--yes", "--json", as_admin=True).stdout)

    assert [it["kind"] for it in done["changes"]] == ["create", "change"]
    alone = (realm_name, "--service-account", "--theme", "stock")
    assert run_there("apply", *alone, "--yes").exit_code == 0
    assert run_there("plan", *alone).exit_code == 0
    examined = {it["name"]: it for it in json.loads(run_there("doctor", *alone, "--json").stdout)["checks"]}
    assert examined["admin-api"]["state"] == "ok"
    assert run_there("remove", *alone, "--yes").exit_code == 0
    again = run_there("bootstrap", realm_name, as_admin=True)
    assert (again.exit_code, "Nothing to do." in again.stdout) == (0, True)
    assert run_there("bootstrap", realm_name, "--undo", "--yes", as_admin=True).exit_code == 0
    assert realm.get("clients", clientId=CLIENT_ID) == []


@pytest.mark.keycloak
def test_a_realm_that_is_not_there_is_named(admin, settings, realm_name):
    with pytest.raises(KeycloakUnavailable, match=f"no realm '{realm_name}'"):
        bootstrap_realm(admin, settings, realm_name)
    with pytest.raises(KeycloakUnavailable, match=f"no realm '{realm_name}'"):
        connect_as_service_account(settings, realm_name)


def test_keys_are_the_same_at_each_run_and_differ_by_realm_and_secret(make_settings):
    settings = make_settings()
    assert public_keys(settings, "acme") == public_keys(make_settings(), "acme")
    both = with_a_secret_before(settings, "new", "old")
    kids = [key.thumbprint() for realm in ("acme", "other") for key in service_keys(both, realm)]
    assert len(set(kids)) == 4
    assert kids[1] == service_keys(settings, "acme")[0].thumbprint()
    assert service_keys(both, "acme", SIDECAR)[0].thumbprint() not in kids
