"""Removing takes out what apply made and puts back what it changed: a realm of one's own ends as it began."""

from __future__ import annotations

import pytest

from sidecar.keycloak import apply_realm, plan_realm, plan_removal, remove_realm
from tests.keycloak.browsing import CLIENT, Browser
from tests.keycloak.realms import Budgeted, Interrupted, pending, state

pytestmark = pytest.mark.keycloak

_FLOWS = ("authentication", "flows")
_PROVIDERS = ("identity-provider", "instances")


@pytest.fixture
def lived_in(realm):
    """A realm with choices of its own wherever apply changes something."""
    realm.put(
        body={
            "internationalizationEnabled": True,
            "supportedLocales": ["fr", "en"],
            "defaultLocale": "fr",
            "loginTheme": "keycloak",
            "attributes": {**realm.get()["attributes"], "own": "kept"},
        }
    )
    realm.post("localization", "fr", body={"loginTitle": "Bonjour"})
    realm.post(*_FLOWS, "browser", "copy", body={"newName": "house rules"})
    realm.put(body={"browserFlow": "house rules"})
    realm.post("clients", body=CLIENT)
    return realm


@pytest.mark.parametrize("chosen", ["universal", "classic", "stock"])
def test_a_realm_is_afterwards_what_it_was(chosen, admin, lived_in, realm_name, own_settings):
    """Also where the settings have changed their mind in between."""
    theme = "stock" if chosen == "stock" else "passwordless"
    login_page = "classic" if chosen == "classic" else "universal"
    before = state(lived_in)
    settings = own_settings(connections=("email", "sms"), login_page=login_page)
    apply_realm(admin, settings, realm_name, theme=theme)
    assert state(lived_in) != before
    assert pending(plan_realm(admin, settings, realm_name, theme=theme)) == []
    settings = own_settings(connections=("email", "sms"))

    done = remove_realm(admin, settings, realm_name, theme=theme)

    assert state(lived_in) == before
    assert pending(plan_removal(admin, settings, realm_name, theme=theme)) == []
    assert {"login page", "identity provider email", "flow passwordless browser"} <= set(pending(done))


def test_a_realm_by_keycloaks_defaults_is_what_it_was_and_can_be_enabled_again(
    admin, realm, realm_name, own_settings
):
    before = state(realm)
    for _ in range(2):
        apply_realm(admin, own_settings(), realm_name)
        remove_realm(admin, own_settings(), realm_name)
        assert state(realm) == before


def test_the_plan_writes_nothing_and_says_what_removing_does(admin, lived_in, realm_name, own_settings):
    apply_realm(admin, own_settings(), realm_name)
    enabled = state(lived_in)
    planned = plan_removal(Budgeted.over(admin, writes=0), own_settings(), realm_name)
    assert state(lived_in) == enabled
    done = remove_realm(admin, own_settings(), realm_name)
    assert [(change.kind, change.what) for change in planned] == [
        (change.kind, change.what) for change in done
    ]


def test_it_goes_on_wherever_it_was_interrupted(admin, lived_in, realm_name, own_settings, keycloak_url):
    """After every single write people sign in with one page or the other, and a name alone never does."""
    before = state(lived_in)
    apply_realm(admin, own_settings(), realm_name, theme="stock")
    lived_in.post("users", body={"username": "victim", "enabled": True})
    runs = 0
    while True:
        runs += 1
        assert runs < 50, "no progress"
        try:
            remove_realm(Budgeted.over(admin, writes=1), own_settings(), realm_name, theme="stock")
            break
        except Interrupted:
            browser = Browser()
            page = browser.sign_in(keycloak_url, realm_name)
            assert browser.send(page.action, {"username": "victim"}).code is None
    assert runs > 8
    assert state(lived_in) == before


def _linked(realm, name: str, *aliases: str, password: str = "") -> None:
    credentials = [{"type": "password", "value": password}] if password else []
    user = realm.post("users", body={"username": name, "enabled": True, "credentials": credentials})
    for alias in aliases:
        link = {"identityProvider": alias, "userId": f"{name}-id", "userName": name}
        realm.post("users", user, "federated-identity", alias, body=link)


def test_whoever_is_left_without_a_way_in_is_counted(admin, realm, realm_name, own_settings):
    apply_realm(admin, own_settings(), realm_name, theme="stock")
    corporate = {"clientId": "x", "clientSecret": "s", "authorizationUrl": "http://localhost/a"}
    realm.post(
        *_PROVIDERS,
        body={
            "alias": "corporate",
            "providerId": "oidc",
            "config": {**corporate, "tokenUrl": "http://localhost/t"},
        },
    )
    _linked(realm, "code-only", "email")
    _linked(realm, "with-password", "email", password="correct horse")
    _linked(realm, "with-company", "email", "corporate")
    _linked(realm, "stranger", "corporate")

    looked_at = []
    planned = plan_removal(admin, own_settings(), realm_name, theme="stock", on_user=looked_at.append)

    (provider,) = [change for change in planned if change.what == "identity provider email"]
    assert "3 users are linked with it, and the links go with it" in provider.detail
    assert any(line.startswith("1 user is left without a way in") for line in provider.detail)
    assert looked_at == [1, 2, 3]
    remove_realm(admin, own_settings(), realm_name, theme="stock")
    assert sorted(user["username"] for user in realm.get("users")) == [
        *("code-only", "stranger", "with-company", "with-password"),
    ]


def test_what_others_use_by_now_or_changed_since_stays(admin, realm, realm_name, own_settings):
    apply_realm(admin, own_settings(), realm_name, theme="stock")
    flow = next(it for it in realm.get(*_FLOWS) if it["alias"] == "passwordless browser")
    overrides = {"authenticationFlowBindingOverrides": {"browser": flow["id"]}}
    realm.post("clients", body={**CLIENT, **overrides})
    realm.put(body={"browserFlow": "registration", "supportedLocales": ["de", "en", "it"]})
    scope = next(it for it in realm.get("client-scopes") if it["name"] == "passwordless")
    mapper = {
        "name": "theirs",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {"included.custom.audience": "x", "access.token.claim": "true"},
    }
    realm.post("client-scopes", scope["id"], "protocol-mappers", "models", body=mapper)

    done = {change.what: change for change in remove_realm(admin, own_settings(), realm_name, theme="stock")}

    assert done["flow passwordless browser"].kind == "keep"
    assert done["flow passwordless browser"].detail == ("stays, since client app use it",)
    assert realm.get()["browserFlow"] == "registration"
    assert realm.get()["supportedLocales"] == ["it"]
    left = next(it for it in realm.get("client-scopes") if it["name"] == "passwordless")
    assert [it["name"] for it in left["protocolMappers"]] == ["theirs"]
    assert pending(plan_removal(admin, own_settings(), realm_name, theme="stock")) == []


def test_an_earlier_flow_that_is_gone_is_replaced_by_keycloaks(admin, lived_in, realm_name, own_settings):
    apply_realm(admin, own_settings(), realm_name, theme="stock")
    flow = next(it for it in lived_in.get(*_FLOWS) if it["alias"] == "house rules")
    lived_in.delete(*_FLOWS, flow["id"])

    (page, *_) = remove_realm(admin, own_settings(), realm_name, theme="stock")

    assert "'house rules', which was bound before, is gone: Keycloak's own flow is bound" in page.detail
    assert lived_in.get()["browserFlow"] == "browser"


def test_a_connection_that_the_settings_no_longer_name_goes_too(admin, realm, realm_name, own_settings):
    apply_realm(admin, own_settings(connections=("email", "work")), realm_name, theme="stock")
    remove_realm(admin, own_settings(connections=("email",)), realm_name, theme="stock")
    assert realm.get(*_PROVIDERS) == []


def test_applying_again_does_not_take_our_changes_for_the_realms_own(
    admin, lived_in, realm_name, own_settings
):
    before = state(lived_in)
    apply_realm(admin, own_settings(), realm_name)
    lived_in.put(body={"loginTheme": "keycloak"})
    apply_realm(admin, own_settings(connections=("email", "work")), realm_name)
    assert pending(plan_realm(admin, own_settings(connections=("email", "work")), realm_name)) == []
    remove_realm(admin, own_settings(), realm_name)
    assert state(lived_in) == before
