"""What an application chooses for itself: the connection that its login page offers first, and its login theme."""

from __future__ import annotations

import re

import pytest

from sidecar.errors import KeycloakUnavailable, SettingsError
from sidecar.keycloak import apply_realm, plan_realm, remove_realm
from tests.keycloak.browsing import CLIENT, Browser
from tests.keycloak.realms import differing, pending, whole

_CHOICES = '[realms.%s.clients.app]\nconnection = "%s"\ntheme = "%s"\n'


@pytest.fixture
def choosing(own_settings, realm_name):
    """Settings of three connections; what the client `app` chooses is as given."""

    def choosing(connection="", theme=""):
        more = _CHOICES % (realm_name, connection, theme)
        return own_settings(connections=("email", "work", "sms"), more=more)

    return choosing


def _forms(keycloak_url, realm_name, client_id="app") -> list[str]:
    """The connections of the login page in its order, of those that have a form."""
    page = Browser().sign_in(keycloak_url, realm_name, client_id=client_id)
    return re.findall(r'data-pwl-alias="([^"]+)"', page.text)


@pytest.mark.keycloak
def test_the_chosen_connection_has_the_first_form_in_that_application_alone(
    admin, realm, realm_name, choosing, keycloak_url
):
    realm.post("clients", body=CLIENT)
    realm.post("clients", body={**CLIENT, "clientId": "other"})
    before = whole(realm, of=realm_name)
    for chosen, forms in (("work", ["work", "sms"]), ("sms", ["sms", "email"]), ("", ["email", "sms"])):
        apply_realm(admin, choosing(chosen), realm_name)
        assert pending(plan_realm(admin, choosing(chosen), realm_name)) == []
        assert _forms(keycloak_url, realm_name) == forms
        assert _forms(keycloak_url, realm_name, "other") == ["email", "sms"]
    apply_realm(admin, choosing("work"), realm_name)
    remove_realm(admin, choosing("work"), realm_name)
    assert differing(before["realm"]["clients"], whole(realm, of=realm_name)["realm"]["clients"]) == []


@pytest.mark.keycloak
def test_a_login_theme_of_its_own_gives_way_to_what_was_there(admin, realm, realm_name, choosing):
    def theme() -> str:
        return realm.get("clients", clientId="app")[0]["attributes"].get("login_theme", "")

    realm.post("clients", body={**CLIENT, "attributes": {"login_theme": "keycloak"}})
    (planned,) = [
        it for it in plan_realm(admin, choosing(theme="keycloak.v2"), realm_name) if "applications" in it.what
    ]
    assert planned.detail == ("app: login theme: keycloak → keycloak.v2",)
    for wanted in ("keycloak.v2", "passwordless"):
        apply_realm(admin, choosing(theme=wanted), realm_name)
        assert theme() == wanted
    apply_realm(admin, choosing(), realm_name)
    assert theme() == "keycloak"
    apply_realm(admin, choosing(theme="passwordless"), realm_name)
    realm.put(
        "clients", realm.get("clients", clientId="app")[0]["id"], body={"attributes": {"login_theme": "base"}}
    )
    remove_realm(admin, choosing(theme="passwordless"), realm_name)
    assert theme() == "base"


@pytest.mark.keycloak
def test_a_theme_that_keycloak_lacks_and_a_client_that_is_not_there_are_named(
    admin, realm, realm_name, choosing
):
    with pytest.raises(KeycloakUnavailable, match="no login theme 'nowhere'"):
        plan_realm(admin, choosing(theme="nowhere"), realm_name)
    (planned,) = [it for it in plan_realm(admin, choosing("work"), realm_name) if "applications" in it.what]
    assert (planned.kind, planned.detail) == ("keep", ("app: the realm has no such client yet",))


def test_settings_refuse_a_connection_that_the_realm_has_not(make_settings):
    with pytest.raises(SettingsError, match=r"realms\.acme\.clients\.app\.connection.*must be one of email"):
        make_settings(more=_CHOICES % ("acme", "nowhere", ""))
    with pytest.raises(SettingsError, match=r"realms\.acme\.clients\.app\.theme"):
        make_settings(more=_CHOICES % ("acme", "", "../up"))
