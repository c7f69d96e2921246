"""The API's admin side on the real Keycloak: the client that `apply` makes, and the tokens that come of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import requests

from sidecar import store
from sidecar.app import Parts, create_app
from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak import apply_realm, plan_realm, remove_realm
from sidecar.keycloak.admin_api_client import ADMIN_API_CLIENT
from sidecar.settings import Secret
from tests.keycloak.realms import pending

pytestmark = pytest.mark.keycloak

NAME = "passwordless-admin-api"


@pytest.fixture
def settings(own_settings, realm_name, tmp_path):
    made = own_settings()
    url = f"sqlite:///{tmp_path}/admin.db"
    store.migrate(url)
    realms = {realm_name: replace(made.realms[realm_name], admin_api=True)}
    return replace(made, realms=realms, database=replace(made.database, url=Secret(url)))


@pytest.fixture
def ask(settings, realm_name):
    """Whether a token looks (a list) and changes something (a lift): the statuses of both."""
    parts = Parts.build(settings)
    client = create_app(parts).test_client()

    def call(token):
        base = f"/api/v1/admin/realms/{realm_name}"
        kept = {"headers": {"Authorization": f"Bearer {token}"}, "base_url": settings.server.public_url}
        looked = client.get(f"{base}/connections", **kept)
        lifted = client.post(f"{base}/locks/lift", json={"address": "ada@example.org"}, **kept)
        return looked.status_code, lifted.status_code

    yield call
    parts.database.dispose()


@pytest.fixture
def tokens_of(keycloak_url, realm_name):
    def fetch(**form):
        answer = requests.post(
            f"{keycloak_url}/realms/{realm_name}/protocol/openid-connect/token", data=form, timeout=60
        )
        assert answer.ok, answer.text
        return answer.json()

    return fetch


def give(realm, user_id, role):
    client = ADMIN_API_CLIENT.find(realm)
    there = realm.get("clients", client["id"], "roles", role)
    realm.post("users", user_id, "role-mappings", "clients", client["id"], body=[there])


def test_apply_makes_it_once_mends_it_and_remove_takes_it_out(admin, realm, settings, realm_name):
    apply_realm(admin, settings, realm_name, theme="stock")

    client = ADMIN_API_CLIENT.find(realm)
    assert (True, False) == (client["bearerOnly"], client["standardFlowEnabled"])
    assert {"view", "manage"} == {it["name"] for it in realm.get("clients", client["id"], "roles")}
    assert not pending(plan_realm(admin, settings, realm_name, theme="stock"))

    realm.delete("clients", client["id"], "roles", "view")
    (change,) = pending(plan_realm(admin, settings, realm_name, theme="stock"))
    assert NAME in change
    apply_realm(admin, settings, realm_name, theme="stock")
    assert not pending(plan_realm(admin, settings, realm_name, theme="stock"))

    remove_realm(admin, settings, realm_name, theme="stock")
    assert ADMIN_API_CLIENT.find(realm) is None
    assert NAME not in {it["name"] for it in realm.get("client-scopes")}


def test_a_client_of_that_name_which_is_somebody_elses_stays(admin, realm, settings, realm_name):
    realm.post("clients", body={"clientId": NAME})

    with pytest.raises(KeycloakUnavailable, match="rename or delete it"):
        plan_realm(admin, settings, realm_name, theme="stock")


@pytest.fixture
def applied(admin, realm, settings, realm_name):
    apply_realm(admin, settings, realm_name, theme="stock")
    return realm


def test_tokens_of_a_user_and_of_a_service_account_count_by_their_roles(applied, ask, tokens_of):
    realm = applied
    ada = realm.post(
        "users",
        body={
            "username": "ada",
            "enabled": True,
            "email": "ada@example.org",
            "emailVerified": True,
            "firstName": "Ada",
            "lastName": "L",
            "credentials": [{"type": "password", "value": "pw", "temporary": False}],
        },
    )
    # An application of Keycloak's defaults: all roles of the user are in its tokens.
    realm.post("clients", body={"clientId": "desk", "publicClient": True, "directAccessGrantsEnabled": True})
    password = {"grant_type": "password", "client_id": "desk", "username": "ada", "password": "pw"}
    assert (401, 401) == ask(tokens_of(**password)["access_token"])
    give(realm, ada, "view")
    tokens = tokens_of(**password, scope="openid")
    assert (200, 403) == ask(tokens["access_token"])
    assert (401, 401) == ask(tokens["id_token"])
    assert (401, 401) == ask(tokens["refresh_token"])

    # A server that may have nothing but what our scope carries.
    backoffice = realm.post(
        "clients",
        body={
            "clientId": "backoffice",
            "secret": "s3cret-of-the-backoffice",
            "serviceAccountsEnabled": True,
            "standardFlowEnabled": False,
            "fullScopeAllowed": False,
        },
    )
    give(realm, realm.get("clients", backoffice, "service-account-user")["id"], "manage")
    service = {
        "grant_type": "client_credentials",
        "client_id": "backoffice",
        "client_secret": "s3cret-of-the-backoffice",
    }
    assert (401, 401) == ask(tokens_of(**service)["access_token"])
    scope = next(it["id"] for it in realm.get("client-scopes") if it["name"] == NAME)
    realm.put("clients", backoffice, "default-client-scopes", scope)
    assert (200, 200) == ask(tokens_of(**service)["access_token"])
