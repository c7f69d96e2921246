"""The running sidecar's own account: only where it is asked for, least roles, all threads, nothing without Keycloak."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from sidecar.errors import KeycloakUnavailable, SettingsError
from sidecar.keycloak import Accounts, bootstrap_realm, plan_bootstrap
from sidecar.keycloak.account_checks import examine_account
from sidecar.keycloak.admin import NotAllowed
from sidecar.keycloak.service_account import SIDECAR, TOOL
from tests.keycloak.realms import pending, state
from tests.keycloak.test_bootstrap import held
from tests.stack import free_port


@pytest.fixture
def settings(own_settings):
    return own_settings(service_account=True)


@pytest.fixture
def users(admin, realm, settings, realm_name):
    """The test's realm, as the sidecar's account sees it."""
    bootstrap_realm(admin, settings, realm_name)
    return Accounts(settings).realm(realm_name)


@pytest.mark.keycloak
def test_it_changes_users_and_nothing_else(users, admin, realm, realm_name):
    assert held(realm, SIDECAR.client_id) == {"realm-management": ["manage-users"]}
    ada = users.post("users", body={"username": "ada", "enabled": True})
    users.put("users", ada, body={"requiredActions": ["CONFIGURE_TOTP"]})
    assert realm.get("users", ada)["requiredActions"] == ["CONFIGURE_TOTP"]
    for refused in (
        lambda: users.put(body={"displayName": "mine"}),
        lambda: users.get("clients"),
        lambda: users.get("identity-provider", "instances"),
        lambda: users.get("authentication", "flows"),
        lambda: users.post("clients", body={"clientId": "mine"}),
    ):
        with pytest.raises(NotAllowed, match=f"passwordless bootstrap {realm_name}"):
            refused()


@pytest.mark.keycloak
def test_it_can_not_make_itself_an_admin(users, realm, admin):
    """Who manages users gives roles only as far as his own go."""
    client = realm.get("clients", clientId=SIDECAR.client_id)[0]
    itself = realm.get("clients", client["id"], "service-account-user")["id"]
    management = realm.get("clients", clientId="realm-management")[0]["id"]
    role = realm.get("clients", management, "roles", "realm-admin")
    with pytest.raises(NotAllowed):
        users.post("users", itself, "role-mappings", "clients", management, body=[role])


@pytest.mark.keycloak
def test_threads_share_one_sign_in_and_go_on_when_it_ends(users, settings, realm_name):
    accounts = Accounts(settings)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: accounts.realm(realm_name).get("users"), range(32)))
        accounts.realm(realm_name)._connection.token = None
        found += pool.map(lambda _: accounts.realm(realm_name).get("users"), range(32))
    assert found == [[]] * 64


@pytest.mark.keycloak
def test_it_is_made_where_the_settings_ask_for_it_and_goes_with_them(admin, realm, own_settings, realm_name):
    before = state(realm)
    without, with_it = own_settings(), own_settings(service_account=True)
    bootstrap_realm(admin, without, realm_name)
    assert realm.get("clients", clientId=SIDECAR.client_id) == []
    bootstrap_realm(admin, with_it, realm_name)
    assert pending(plan_bootstrap(admin, with_it, realm_name)) == []
    assert held(realm, SIDECAR.client_id)
    assert pending(plan_bootstrap(admin, without, realm_name)) == [f"client {SIDECAR.client_id}"]
    bootstrap_realm(admin, without, realm_name)
    assert realm.get("clients", clientId=SIDECAR.client_id) == []
    bootstrap_realm(admin, with_it, realm_name)
    assert [it.kind for it in bootstrap_realm(admin, with_it, realm_name, undo=True)] == ["remove", "remove"]
    assert state(realm) == before


@pytest.mark.keycloak
def test_somebody_elses_client_of_that_name_is_in_the_way_only_where_ours_is_wanted(
    admin, realm, own_settings, realm_name
):
    realm.post("clients", body={"clientId": SIDECAR.client_id})
    bootstrap_realm(admin, own_settings(), realm_name)
    bootstrap_realm(admin, own_settings(), realm_name, undo=True)
    assert len(realm.get("clients", clientId=SIDECAR.client_id)) == 1
    with pytest.raises(KeycloakUnavailable, match="did not make"):
        bootstrap_realm(admin, own_settings(service_account=True), realm_name)


@pytest.mark.keycloak
@pytest.mark.usefixtures("users")
def test_the_doctor_looks_at_it(admin, realm, settings, own_settings, realm_name):
    def said(by=settings) -> list[str]:
        return [f"{it.severity}: {it.what} / {it.mend}" for it in examine_account(realm, by, realm_name)]

    mend = f"passwordless bootstrap {realm_name}, as an admin"
    assert said() == []
    (left,) = said(own_settings())
    assert left.startswith(f"warning: the client {SIDECAR.client_id} is there, and realms.{realm_name}.")
    client = realm.get("clients", clientId=SIDECAR.client_id)[0]
    itself = realm.get("clients", client["id"], "service-account-user")["id"]
    management = realm.get("clients", clientId="realm-management")[0]["id"]
    mappings = ("users", itself, "role-mappings", "clients", management)
    realm.post(*mappings, body=[realm.get("clients", management, "roles", "manage-realm")])
    assert said() == [
        f"problem: roles of {SIDECAR.client_id}; realm-management manage-realm: is taken away / {mend}"
    ]
    realm.delete(*mappings)
    assert said() == [
        f"problem: roles of {SIDECAR.client_id}; realm-management manage-users: is given / {mend}"
    ]
    realm.delete("clients", client["id"])
    assert "is missing" in said()[0]
    bootstrap_realm(admin, settings, realm_name)
    client = realm.get("clients", clientId=SIDECAR.client_id)[0]
    tool = realm.get("clients", clientId=TOOL.client_id)[0]["attributes"]["jwks.string"]
    realm.put(
        "clients", client["id"], body={**client, "attributes": {**client["attributes"], "jwks.string": tool}}
    )
    assert "jwks.string" in said()[0]
    assert json.loads(tool)["keys"]


def test_a_realm_without_it_has_no_users_for_us(make_settings):
    with pytest.raises(SettingsError, match=r"realms\.acme\.service_account"):
        Accounts(make_settings()).realm("acme")


def test_a_stopped_keycloak_is_said_each_time_and_nothing_is_kept(make_settings):
    accounts = Accounts(make_settings(keycloak=f"http://localhost:{free_port()}", service_account=True))
    for _ in range(2):
        with pytest.raises(KeycloakUnavailable, match="can't be reached"):
            accounts.realm("acme")
