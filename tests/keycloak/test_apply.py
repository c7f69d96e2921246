"""Plan and apply on a real realm: what they do, what they leave alone, and that stopping anywhere is safe."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import replace

import pytest

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak import Admin, apply_realm, connect, plan_realm
from tests.keycloak.browsing import CLIENT, Browser
from tests.keycloak.realms import Budgeted, Interrupted, pending, state

pytestmark = pytest.mark.keycloak

_FLOWS = ("authentication", "flows")


def test_a_second_plan_is_empty_and_a_second_apply_writes_nothing(admin, realm, realm_name, own_settings):
    settings = own_settings()
    assert "login page" in pending(plan_realm(admin, settings, realm_name, theme="stock"))
    apply_realm(admin, settings, realm_name, theme="stock")
    assert pending(plan_realm(admin, settings, realm_name, theme="stock")) == []
    read_only = Budgeted.over(admin, writes=0)
    assert pending(apply_realm(read_only, settings, realm_name, theme="stock")) == []


def test_plan_writes_nothing_and_says_what_apply_does(admin, realm, realm_name, own_settings):
    before = state(realm)
    planned = plan_realm(Budgeted.over(admin, writes=0), own_settings(), realm_name, theme="stock")
    assert state(realm) == before
    applied = apply_realm(admin, own_settings(), realm_name, theme="stock")
    assert [(change.kind, change.what) for change in planned] == [
        (change.kind, change.what) for change in applied
    ]


def test_a_missing_realm_is_made_only_on_demand(admin, realm_name, own_settings):
    with pytest.raises(KeycloakUnavailable, match="--create"):
        apply_realm(admin, own_settings(), realm_name, theme="stock")
    planned = plan_realm(admin, own_settings(), realm_name, theme="stock")
    assert planned[0].what == f"realm {realm_name}"
    assert {change.kind for change in planned} == {"create"}
    apply_realm(admin, own_settings(), realm_name, create=True, theme="stock")
    made = admin.get("realms", realm_name)
    assert (made["enabled"], made["sslRequired"]) == (True, "external")
    assert pending(plan_realm(admin, own_settings(), realm_name, theme="stock")) == []


def test_apply_goes_on_wherever_it_was_interrupted(admin, realm, realm_name, own_settings, keycloak_url):
    """Killed after every single write and run again, it ends like one run; a name never signs in on the way."""
    other = f"{realm_name}-other"
    realm.post("clients", body=CLIENT)
    realm.post("users", body={"username": "victim", "enabled": True})
    try:
        admin.post("realms", body={"realm": other, "enabled": True, "sslRequired": "external"})
        admin.at("realms", other).post("clients", body=CLIENT)
        runs = 0
        while True:
            runs += 1
            assert runs < 200, "no progress"
            try:
                apply_realm(Budgeted.over(admin, writes=1), own_settings(), realm_name, theme="stock")
                break
            except Interrupted:
                browser = Browser()
                page = browser.sign_in(keycloak_url, realm_name)
                assert browser.send(page.action, {"username": "victim"}).code is None
        assert runs > 30
        settings = own_settings()
        one_run = settings.realms[realm_name]
        apply_realm(admin, _renamed(settings, one_run, other), other, theme="stock")
        assert state(realm) == state(admin.at("realms", other))
    finally:
        admin.delete("realms", other)


def _renamed(settings, realm, name):
    return replace(settings, realms={name: replace(realm, name=name, display_name=name)})


def test_what_is_not_ours_stays(admin, realm, realm_name, own_settings):
    """A realm with a life of its own: mail server, theme of a client, provider, profile, texts, languages, flows."""
    realm.put(
        body={
            "displayName": "Acme",
            "registrationAllowed": True,
            "internationalizationEnabled": True,
            "supportedLocales": ["en", "fr"],
            "defaultLocale": "fr",
            "attributes": {**realm.get()["attributes"], "own": "kept"},
            "smtpServer": {
                "host": "mail.acme.example",
                "from": "a@acme.example",
                "auth": "true",
                "user": "u",
                "password": "s3cret",
            },
        }
    )
    profile = realm.get("users", "profile")
    profile["attributes"].append(
        {
            "name": "department",
            "required": {"roles": ["user"]},
            "permissions": {"view": ["admin"], "edit": ["admin"]},
        }
    )
    realm.put("users", "profile", body=profile)
    realm.post("localization", "fr", body={"loginTitle": "Bonjour"})
    realm.post("clients", body={**CLIENT, "attributes": {"login_theme": "keycloak"}})
    config = {
        "clientId": "x",
        "clientSecret": "s3cret",
        "authorizationUrl": "http://localhost/a",
        "tokenUrl": "http://localhost/t",
    }
    realm.post(
        "identity-provider", "instances", body={"alias": "corporate", "providerId": "oidc", "config": config}
    )
    before = state(realm)
    apply_realm(admin, own_settings(locales=("en", "de")), realm_name, theme="stock")
    after = state(realm)

    assert after["clients"] == before["clients"]
    assert [provider for provider in after["providers"] if provider["alias"] == "corporate"] == before[
        "providers"
    ]
    assert {alias: after["executions"][alias] for alias in before["executions"]} == before["executions"]
    assert after["texts"]["fr"]["loginTitle"] == "Bonjour"
    changed = {key for key in after["realm"] if after["realm"][key] != before["realm"].get(key)}
    assert changed == {"supportedLocales", "browserFlow", "attributes"}
    assert after["realm"]["supportedLocales"] == ["de", "en", "fr"]
    noted = after["realm"]["attributes"].keys() - before["realm"]["attributes"].keys()
    assert noted == {"passwordless.before", "passwordless.previousBrowserFlow"}
    assert after["realm"]["attributes"].items() >= before["realm"]["attributes"].items()
    required = {attribute["name"] for attribute in after["profile"]["attributes"] if "required" in attribute}
    assert required == {"department"}
    assert len(after["profile"]["attributes"]) == len(before["profile"]["attributes"])


def _copied_flow(realm: Admin, name: str) -> None:
    """The built-in flow copied and bound, with the one-time code made mandatory, as admins do."""
    realm.post(*_FLOWS, "browser", "copy", body={"newName": name})
    for row in realm.get(*_FLOWS, name, "executions"):
        wanted = {
            f"{name} Browser - Conditional 2FA": "REQUIRED",
            "auth-spnego": "ALTERNATIVE",
            "auth-otp-form": "REQUIRED",
        }
        key = row.get("providerId") or row["displayName"]
        if key in wanted:
            realm.put(*_FLOWS, name, "executions", body={**row, "requirement": wanted[key]})
        if row.get("providerId") == "identity-provider-redirector":
            config = {"alias": "to corporate", "config": {"defaultProvider": "corporate"}}
            realm.post("authentication", "executions", row["id"], "config", body=config)
    realm.put(body={"browserFlow": name})


def test_a_custom_sign_in_flow_keeps_its_parts_and_its_name_is_noted(admin, realm, realm_name, own_settings):
    _copied_flow(realm, "house rules")
    before = realm.get(*_FLOWS, "house rules", "executions")
    changes = apply_realm(admin, own_settings(), realm_name, theme="stock")

    (flow,) = [change for change in changes if change.what == "flow passwordless browser"]
    assert "stands in for 'house rules', whose other parts it copies" in flow.detail
    assert realm.get()["attributes"]["passwordless.previousBrowserFlow"] == "house rules"
    assert realm.get(*_FLOWS, "house rules", "executions") == before
    rows = realm.get(*_FLOWS, "passwordless browser", "executions")
    ours = {row.get("providerId") or row["displayName"]: row for row in rows}
    assert ours["auth-spnego"]["requirement"] == "ALTERNATIVE"
    assert ours["passwordless browser Browser - Conditional 2FA"]["requirement"] == "REQUIRED"
    assert ours["auth-otp-form"]["requirement"] == "REQUIRED"
    assert "auth-username-password-form" not in ours
    config = realm.get(
        "authentication", "config", ours["identity-provider-redirector"]["authenticationConfig"]
    )
    assert config["config"] == {"defaultProvider": "corporate"}
    assert pending(plan_realm(admin, own_settings(), realm_name, theme="stock")) == []


def test_an_admins_own_changes_to_the_bound_flow_stay_but_its_forms_are_mended(
    admin, realm, realm_name, own_settings
):
    apply_realm(admin, own_settings(), realm_name, theme="stock")
    name = "passwordless browser"

    def switch(provider: str, requirement: str) -> None:
        row = next(row for row in realm.get(*_FLOWS, name, "executions") if row.get("providerId") == provider)
        realm.put(*_FLOWS, name, "executions", body={**row, "requirement": requirement})

    switch("auth-spnego", "ALTERNATIVE")
    assert pending(plan_realm(admin, own_settings(), realm_name, theme="stock")) == []
    switch("auth-password-form", "DISABLED")
    assert pending(plan_realm(admin, own_settings(), realm_name, theme="stock")) == [f"flow {name}"]
    apply_realm(admin, own_settings(), realm_name, theme="stock")
    rows = {row.get("providerId"): row["requirement"] for row in realm.get(*_FLOWS, name, "executions")}
    assert (rows["auth-password-form"], rows["auth-spnego"]) == ("REQUIRED", "ALTERNATIVE")


def test_a_deleted_password_form_comes_back_at_its_place(admin, realm, realm_name, own_settings):
    apply_realm(admin, own_settings(), realm_name, theme="stock")
    rows = realm.get(*_FLOWS, "passwordless browser", "executions")
    before = [row.get("providerId") for row in rows]
    realm.delete(
        "authentication",
        "executions",
        next(row["id"] for row in rows if row.get("providerId") == "auth-password-form"),
    )
    apply_realm(admin, own_settings(), realm_name, theme="stock")
    assert [
        row.get("providerId") for row in realm.get(*_FLOWS, "passwordless browser", "executions")
    ] == before


def test_a_second_login_form_in_our_flow_is_refused_with_the_way_out(admin, realm, realm_name, own_settings):
    apply_realm(admin, own_settings(), realm_name, theme="stock")
    flow = (*_FLOWS, "passwordless browser", "executions")
    realm.post(*flow, "execution", body={"provider": "auth-username-form"})
    row = realm.get(*flow)[-1]
    realm.put(*flow, body={**row, "requirement": "ALTERNATIVE"})
    with pytest.raises(KeycloakUnavailable, match=r"auth-username-form.*disable those"):
        plan_realm(admin, own_settings(), realm_name, theme="stock")


def test_passwords_are_switched_off_and_on_again(admin, realm, realm_name, own_settings):
    apply_realm(admin, own_settings(passwords=True), realm_name, theme="stock")
    before = state(realm)
    off = apply_realm(admin, own_settings(passwords=False), realm_name, theme="stock")
    assert pending(off) == ["flow passwordless browser", "texts for the login theme"]
    apply_realm(admin, own_settings(passwords=True), realm_name, theme="stock")
    assert state(realm) == before


def test_switching_passwords_is_safe_to_interrupt(admin, realm, realm_name, own_settings, keycloak_url):
    """What must close is closed before what may open is opened."""
    realm.post("clients", body=CLIENT)
    realm.post("users", body={"username": "victim", "enabled": True})
    apply_realm(admin, own_settings(passwords=True), realm_name, theme="stock")
    for passwords in (False, True):
        for _ in range(2):
            with suppress(Interrupted):
                apply_realm(
                    Budgeted.over(admin, writes=1),
                    own_settings(passwords=passwords),
                    realm_name,
                    theme="stock",
                )
            browser = Browser()
            page = browser.sign_in(keycloak_url, realm_name)
            assert browser.send(page.action, {"username": "victim"}).code is None


def test_a_foreign_identity_provider_of_the_same_name_is_refused_not_overwritten(
    admin, realm, realm_name, own_settings
):
    config = {
        "clientId": "theirs",
        "clientSecret": "s",
        "authorizationUrl": "http://localhost/a",
        "tokenUrl": "http://localhost/t",
    }
    realm.post(
        "identity-provider", "instances", body={"alias": "email", "providerId": "oidc", "config": config}
    )
    with pytest.raises(KeycloakUnavailable, match="another identity provider 'email'"):
        apply_realm(admin, own_settings(), realm_name, theme="stock")
    assert realm.get("identity-provider", "instances", "email")["config"]["clientId"] == "theirs"
    assert realm.get()["browserFlow"] == "browser"


def test_an_own_active_es256_key_is_used(admin, realm, realm_name, own_settings):
    body = {
        "name": "theirs",
        "providerId": "ecdsa-generated",
        "providerType": "org.keycloak.keys.KeyProvider",
        "config": {"ecdsaEllipticCurveKey": ["P-256"]},
    }
    realm.post("components", body=body)
    changes = {
        change.what: change.kind for change in apply_realm(admin, own_settings(), realm_name, theme="stock")
    }
    assert changes["key ES256"] == "keep"
    assert realm.get("components", name="passwordless-es256") == []


def test_our_key_does_not_become_the_realms_default(admin, realm, realm_name, own_settings):
    apply_realm(admin, own_settings(), realm_name, theme="stock")
    assert "ES256" in realm.get("keys")["active"]
    assert realm.get()["defaultSignatureAlgorithm"] == "RS256"


def test_existing_clients_are_named_and_left_alone(admin, realm, realm_name, own_settings):
    realm.post("clients", body=CLIENT)
    changes = apply_realm(admin, own_settings(), realm_name, theme="stock")
    (scope,) = [change for change in changes if change.what == "default client scope passwordless"]
    assert "app" in scope.detail[0]
    realm.post("clients", body={**CLIENT, "clientId": "later"})
    scopes = {client["clientId"]: client["defaultClientScopes"] for client in realm.get("clients")}
    assert "passwordless" in scopes["later"]
    assert "passwordless" not in scopes["app"]


def test_a_theme_that_keycloak_lacks_is_named_before_anything_changes(admin, realm, realm_name, own_settings):
    before = state(realm)
    with pytest.raises(KeycloakUnavailable, match=r"no login theme 'nowhere'.*--theme stock"):
        apply_realm(admin, own_settings(), realm_name, theme="nowhere")
    assert state(realm) == before


def test_an_admin_of_the_realm_alone_is_enough(admin, realm, realm_name, own_settings, keycloak_url):
    user = realm.post("users", body=_REALM_ADMIN)
    (client,) = realm.get("clients", clientId="realm-management")
    role = realm.get("clients", client["id"], "roles", "realm-admin")
    realm.post("users", user, "role-mappings", "clients", client["id"], body=[role])
    own = connect(own_settings(), username="chief", password="correct-Horse-7", realm=realm_name)
    apply_realm(own, own_settings(), realm_name, theme="stock")
    assert pending(plan_realm(admin, own_settings(), realm_name, theme="stock")) == []


_REALM_ADMIN = {
    "username": "chief",
    "enabled": True,
    "email": "chief@acme.example",
    "firstName": "C",
    "lastName": "H",
    "credentials": [{"type": "password", "value": "correct-Horse-7"}],
}


def test_an_admin_without_the_role_is_told_which_one(realm, realm_name, own_settings):
    realm.post("users", body=_REALM_ADMIN)
    weak = connect(own_settings(), username="chief", password="correct-Horse-7", realm=realm_name)
    with pytest.raises(KeycloakUnavailable, match="realm-admin"):
        plan_realm(weak, own_settings(), realm_name, theme="stock")


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"password": secrets.token_hex()}, "check name, password"),
        ({"realm": "nowhere"}, "no realm 'nowhere'"),
    ],
)
def test_a_refused_sign_in_says_what_to_check(keycloak_admin, own_settings, changed, word):
    account = {"username": keycloak_admin[0], "password": keycloak_admin[1]} | changed
    with pytest.raises(KeycloakUnavailable, match=word) as caught:
        connect(own_settings(), **account)
    assert "password" not in changed or changed["password"] not in str(caught.value)
