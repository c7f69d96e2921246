"""The desired state, as the settings and realm-config make it; no Keycloak."""

from __future__ import annotations

import json
import re

import pytest

from sidecar.assets import REALM_CONFIG
from sidecar.errors import SettingsError
from sidecar.keycloak.desired import STOCK_THEME, desired_realm


def test_a_connection_becomes_an_identity_provider_with_browser_and_back_channel_apart(make_settings):
    settings = make_settings(public_url="https://login.acme.example", internal_url="http://sidecar:5080")
    (provider,) = desired_realm(settings, "acme")["identityProviders"]
    config = provider["config"]
    assert (provider["alias"], provider["displayName"]) == ("email", "Email code")
    assert config["issuer"] == "https://login.acme.example/realms/acme/email"
    assert config["authorizationUrl"] == "https://login.acme.example/realms/acme/email/authorize"
    assert config["tokenUrl"] == "http://sidecar:5080/realms/acme/email/token"
    assert config["jwksUrl"] == "http://sidecar:5080/realms/acme/email/jwks"


def test_keycloak_verifies_whatever_it_takes_from_us(make_settings):
    """E8, E10, E16: signatures, nonce, PKCE and times are checked there; it takes no logout without our signature."""
    for provider in desired_realm(make_settings(connections=("email", "partner-email")), "acme")[
        "identityProviders"
    ]:
        config = provider["config"]
        for name in ("validateSignature", "useJwksUrl", "pkceEnabled"):
            assert config[name] == "true", name
        assert (config["pkceMethod"], config["disableNonce"], config["allowedClockSkew"]) == (
            "S256",
            "false",
            "5",
        )
        assert (config["clientAuthMethod"], config["clientAssertionSigningAlg"]) == (
            "private_key_jwt",
            "ES256",
        )
        assert "logoutUrl" not in config
        assert config.get("backchannelSupported", "false") == "false"


def test_no_step_links_an_existing_account_without_its_own_proof(make_settings):
    """E14: Keycloak's automatic link looks at no proof of the account, and its proof by mail keeps the old password."""
    flows = desired_realm(make_settings(), "acme")["authenticationFlows"]
    steps = {
        step.get("authenticator")
        for flow in flows
        if flow["alias"].startswith("passwordless first broker login")
        for step in flow["authenticationExecutions"]
    }
    assert {"idp-confirm-link", "idp-username-password-form", "idp-create-user-if-unique"} <= steps
    assert not steps & {"idp-auto-link", "idp-email-verification", "idp-detect-existing-broker-user"}


def test_each_connection_has_a_provider_and_a_mapper(make_settings):
    desired = desired_realm(make_settings(connections=("email", "partner-email")), "acme")
    assert [provider["alias"] for provider in desired["identityProviders"]] == ["email", "partner-email"]
    assert [mapper["identityProviderAlias"] for mapper in desired["identityProviderMappers"]] == [
        "email",
        "partner-email",
    ]
    assert desired["localizationTexts"]["de"]["passwordlessConnections"] == "email partner-email"


def attributes_of(desired):
    (profile,) = desired["components"]["org.keycloak.userprofile.UserProfileProvider"]
    (text,) = profile["config"]["kc.user.profile.config"]
    return {it["name"]: it for it in json.loads(text)["attributes"]}


def test_a_users_number_is_written_by_its_proof_and_by_admins_alone(make_settings):
    """C11: who could write it would be taken for the number's owner by whoever trusts it."""
    desired = desired_realm(make_settings(connections=("email", "sms")), "acme")

    attributes = attributes_of(desired)
    assert {"view": ["admin", "user"], "edit": ["admin"]} == attributes["phone_number"]["permissions"]
    assert {"view": ["admin"], "edit": ["admin"]} == attributes["phone_number_verified"]["permissions"]
    mapped = {
        (it["identityProviderAlias"], it["config"]["claim"], it["config"]["user.attribute"])
        for it in desired["identityProviderMappers"]
        if "user.attribute" in it["config"]
    }
    assert {("sms", name, name) for name in ("phone_number", "phone_number_verified")} == mapped


def test_no_client_gets_the_number_unless_an_admin_says_so(make_settings):
    desired = desired_realm(make_settings(connections=("email", "sms")), "acme")

    assert ["passwordless", "passwordless-phone"] == [it["name"] for it in desired["clientScopes"]]
    assert ["passwordless"] == desired["defaultDefaultClientScopes"]


def test_a_realm_without_numbers_has_no_attribute_for_them(make_settings):
    desired = desired_realm(make_settings(), "acme")

    assert not {name for name in attributes_of(desired) if name.startswith("phone")}
    assert ["passwordless"] == [it["name"] for it in desired["clientScopes"]]
    assert ["passwordless amr"] == [it["name"] for it in desired["identityProviderMappers"]]


def test_no_secret_is_shared_with_keycloak(make_settings):
    desired = json.dumps(desired_realm(make_settings(), "acme"))
    assert "clientSecret" not in desired
    assert "q7Zt3vKx9LmW2sYb8RnPc5Hd1Jf4Gu6E" not in desired


def test_what_is_filled_whole_keeps_its_type(make_settings):
    desired = desired_realm(make_settings(locales=("en", "ar")), "acme")
    assert desired["supportedLocales"] == ["en", "ar"]
    assert sorted(desired["localizationTexts"]) == ["ar", "en"]


def test_the_stock_theme_leaves_the_realms_own(make_settings):
    assert desired_realm(make_settings(), "acme")["loginTheme"] == "passwordless"
    assert "loginTheme" not in desired_realm(make_settings(), "acme", theme=STOCK_THEME)


@pytest.mark.parametrize(
    ("passwords", "form", "refusal"), [(True, "REQUIRED", "DISABLED"), (False, "DISABLED", "CONDITIONAL")]
)
def test_a_name_is_followed_by_a_password_or_by_a_refusal(make_settings, passwords, form, refusal):
    desired = desired_realm(make_settings(passwords=passwords), "acme")
    forms = next(
        flow for flow in desired["authenticationFlows"] if flow["alias"] == "passwordless browser forms"
    )
    requirements = {
        step.get("authenticator") or step["flowAlias"]: step["requirement"]
        for step in forms["authenticationExecutions"]
    }
    assert requirements["auth-username-form"] == "REQUIRED"
    assert requirements["auth-password-form"] == form
    assert requirements["passwordless browser passkey or nothing"] == refusal


def test_every_placeholder_left_is_one_of_keycloaks_profile_labels(make_settings):
    left = set(re.findall(r"\$\{([^}]*)\}", json.dumps(desired_realm(make_settings(), "acme"))))
    assert left == {"username", "email", "firstName", "lastName"}


def test_a_placeholder_that_nothing_fills_is_named_with_its_file(make_settings, tmp_path):
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "10-a.json").write_text('{"displayName": "${passwordless.nmae}"}', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"10-a\.json.*passwordless\.nmae"):
        desired_realm(make_settings(), "acme", folder=folder)


def test_a_realm_that_the_settings_lack_is_refused_with_those_they_have(make_settings):
    with pytest.raises(SettingsError, match=r"\[realms\.other\].*acme"):
        desired_realm(make_settings(), "other")


def test_flows_refer_only_to_flows_and_configurations_that_exist(make_settings):
    """Keycloak's import needs each reference to be in the same files."""
    desired = desired_realm(make_settings(), "acme")
    flows = {flow["alias"] for flow in desired["authenticationFlows"]}
    configs = {config["alias"] for config in desired["authenticatorConfig"]}
    for flow in desired["authenticationFlows"]:
        for step in flow["authenticationExecutions"]:
            assert not step["authenticatorFlow"] or step["flowAlias"] in flows
            assert step.get("authenticatorConfig") in configs | {None}
    assert desired["browserFlow"] in flows
    assert {provider["firstBrokerLoginFlowAlias"] for provider in desired["identityProviders"]} <= flows


def test_the_readme_lists_every_file():
    table = (REALM_CONFIG / "README.md").read_text(encoding="utf-8")
    assert [file.name for file in sorted(REALM_CONFIG.glob("*.json")) if f"`{file.name}`" not in table] == []


@pytest.mark.parametrize(
    ("login_page", "of_client", "theme", "api"),
    [
        ("universal", "keycloak.v2", "passwordless", "none"),
        ("classic", "keycloak.v2", "passwordless-classic", "http://localhost:5080"),
        ("universal", "passwordless-classic", "passwordless", "http://localhost:5080"),
    ],
)
def test_a_classic_page_has_its_theme_and_is_told_where_the_api_is(
    make_settings, login_page, of_client, theme, api
):
    settings = make_settings(
        login_page=login_page, more=f'[realms.acme.clients.shop]\ntheme = "{of_client}"\n'
    )
    desired = desired_realm(settings, "acme")

    assert theme == desired["loginTheme"]
    assert {api} == {texts["passwordlessApi"] for texts in desired["localizationTexts"].values()}
    assert "loginTheme" not in desired_realm(settings, "acme", theme=STOCK_THEME)
    assert "keycloak" == desired_realm(settings, "acme", theme="keycloak")["loginTheme"]
