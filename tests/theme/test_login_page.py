"""The login page on a real Keycloak: what reaches the connection, with and without scripts."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from .conftest import violations

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]


def at_provider(tab):
    """What the connection was asked with."""
    tab.wait_for_url("http://127.0.0.1:*/authorize?*")
    return {name: values[0] for name, values in parse_qs(urlsplit(tab.url).query).items()}


@pytest.fixture
def open_login(realm, add_client, new_page):
    def open_(client="app", *, parameters=None, **options):
        add_client(client)
        tab = new_page(**options)
        tab.goto(realm.sign_in_url(client, **(parameters or {})))
        return tab

    return open_


@pytest.mark.parametrize("has_scripts", [True, False])
@pytest.mark.parametrize("client", ["app", "https://rp.example/a?b=c&d", 'we ird+cl%20ient"<ü'])
def test_the_address_reaches_the_connection(open_login, client, has_scripts):
    tab = open_login(client, java_script_enabled=has_scripts)
    tab.fill("#pwl-address", "ada+tag@example.org")
    tab.keyboard.press("Enter")
    assert at_provider(tab)["login_hint"] == "ada+tag@example.org"


def test_the_language_reaches_the_connection(open_login):
    tab = open_login(parameters={"ui_locales": "de"})
    expect(tab.get_by_label("E-Mail-Adresse")).to_be_focused()
    tab.fill("#pwl-address", "ada@example.org")
    tab.get_by_role("button", name="Weiter").click()
    assert at_provider(tab)["ui_locales"] == "de"


def test_a_second_click_can_not_spend_the_session_code(open_login):
    tab = open_login()
    tab.evaluate(
        "document.getElementById('pwl-address-form').addEventListener('submit', (e) => e.preventDefault())"
    )
    tab.fill("#pwl-address", "ada@example.org")
    tab.click("#pwl-continue")
    expect(tab.locator("#pwl-continue")).to_be_disabled()
    tab.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(tab.locator("#pwl-continue")).to_be_enabled()


def test_the_connection_is_no_social_button_and_others_are(open_login):
    assert open_login().locator("#kc-social-providers a").all_inner_texts() == ["Acme Workforce"]


def test_a_refusal_of_the_connection_is_told_and_another_try_works(open_login):
    tab = open_login()
    tab.fill("#pwl-address", "ada@example.org")
    tab.click("#pwl-continue")
    asked = at_provider(tab)
    tab.goto(f"{asked['redirect_uri']}?error=access_denied&state={asked['state']}")
    expect(tab.get_by_text("Access denied when authenticating with Email code")).to_be_visible()
    tab.fill("#pwl-address", "ada@example.org")
    tab.click("#pwl-continue")
    assert at_provider(tab)["login_hint"] == "ada@example.org"


def test_a_realm_names_its_connections_and_their_order(realm, open_login):
    realm.say("passwordlessConnections", "acme email")
    tab = open_login()
    assert "/broker/acme/login" in tab.locator("#pwl-address-form").get_attribute("action")
    expect(tab.get_by_role("link", name="Continue with Email code")).to_be_visible()
    expect(tab.locator("#kc-social-providers")).to_have_count(0)


def test_without_a_connection_keycloaks_own_form_stands(realm, open_login):
    realm.say("passwordlessConnections", "none")
    tab = open_login()
    expect(tab.locator("#kc-form-login #username")).to_be_focused()
    expect(tab.locator("#pwl-address-form")).to_have_count(0)


def test_there_is_no_password_form_unless_the_realm_says_so(open_login):
    expect(open_login().locator("input[name=username]")).to_have_count(0)


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_password_is_a_second_way_where_the_realm_says_so(realm, open_login, has_scripts):
    realm.say("passwordlessPasswordForm", "true")
    credential = {"type": "password", "value": "correct horse", "temporary": False}
    realm.call("POST", "/users", json={"username": "ada", "enabled": True, "credentials": [credential]})
    tab = open_login(java_script_enabled=has_scripts)
    tab.get_by_text("Sign in with a password").click()
    tab.fill("#username", "nobody")
    tab.click("#kc-login")
    expect(tab.get_by_text("Invalid username")).to_be_visible()
    tab.fill("#username", "ada")
    tab.click("#kc-login")
    expect(tab.locator("#password")).to_be_visible()


def test_what_was_typed_as_address_is_offered_as_user_name(realm, open_login):
    realm.say("passwordlessPasswordForm", "true")
    tab = open_login()
    tab.fill("#pwl-address", "ada@example.org")
    tab.get_by_text("Sign in with a password").click()
    expect(tab.locator("#username")).to_have_value("ada@example.org")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_login, scheme):
    tab = open_login(color_scheme=scheme, viewport={"width": 390, "height": 844}, bypass_csp=True)
    assert violations(tab) == []


def test_a_realm_without_dark_mode_stays_light(realm, open_login):
    realm.call("PUT", json={"attributes": {"darkMode": "false"}})
    tab = open_login(color_scheme="dark")
    assert tab.locator("main").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"


BOTH = "email acme/sms"


@pytest.mark.parametrize(
    ("typed", "connection"),
    [("ada@example.org", "email"), ("+49 151 23456789", "acme"), ("0151 2345", "acme")],
)
def test_one_field_takes_an_address_or_a_number(realm, open_login, typed, connection):
    realm.say("passwordlessConnections", BOTH)
    tab = open_login()
    field = tab.get_by_label("Email address or mobile number")
    expect(field).to_be_focused()
    expect(tab.locator("#pwl-number-form")).to_be_hidden()
    field.fill(typed)
    tab.keyboard.press("Enter")
    asked = at_provider(tab)
    assert asked["login_hint"] == typed
    assert f"/broker/{connection}/endpoint" in asked["redirect_uri"]


@pytest.mark.parametrize(
    ("label", "typed", "connection"),
    [("Email address", "ada@example.org", "email"), ("Mobile number", "+49 151 23456789", "acme")],
)
def test_without_scripts_there_are_two_plain_forms(realm, open_login, label, typed, connection):
    realm.say("passwordlessConnections", BOTH)
    tab = open_login(java_script_enabled=False)
    tab.get_by_label(label, exact=True).fill(typed)
    tab.keyboard.press("Enter")
    asked = at_provider(tab)
    assert asked["login_hint"] == typed
    assert f"/broker/{connection}/endpoint" in asked["redirect_uri"]


def test_an_application_may_wish_for_one_and_a_person_may_change_it(realm, open_login):
    realm.say("passwordlessConnections", BOTH)
    tab = open_login(parameters={"connection": "acme"})
    expect(tab.get_by_label("Mobile number", exact=True)).to_be_focused()
    expect(tab.locator("#pwl-address-form")).to_be_hidden()
    tab.get_by_role("button", name="Use an email address instead").click()
    tab.get_by_label("Email address", exact=True).fill("ada@example.org")
    tab.keyboard.press("Enter")
    assert "/broker/email/endpoint" in at_provider(tab)["redirect_uri"]


def test_a_realm_of_numbers_asks_for_a_number_only(realm, open_login):
    realm.say("passwordlessConnections", "acme/sms")
    tab = open_login()
    expect(tab.get_by_label("Mobile number", exact=True)).to_be_focused()
    expect(tab.locator("#pwl-address-form")).to_have_count(0)


@pytest.mark.parametrize("has_scripts", [True, False])
def test_axe_finds_nothing_on_a_page_of_both(realm, open_login, has_scripts):
    realm.say("passwordlessConnections", BOTH)
    tab = open_login(viewport={"width": 390, "height": 844}, bypass_csp=True)
    if not has_scripts:
        # What the page is before its script has come; axe itself is one.
        tab.locator("#pwl-number-form").evaluate("form => { form.hidden = false }")
    assert violations(tab) == []


STARTED = {
    "id": "a" * 22,
    "connection": "email",
    "masked_address": "a•••@example.org",
    "digits": 6,
    "status": "sent",
    "open": True,
    "tries_left": 5,
    "expires_in_s": 300,
    "resend_in_s": 30,
}


def answering(tab):
    """Stands for the API, whose own tests are elsewhere: what was asked, in order."""
    asked = []

    def answer(route):
        request = route.request
        asked.append((request.method, request.url.rpartition("/")[2], request.post_data_json))
        body = {"ticket": "tkt_" + "t" * 43} if request.url.endswith("/verify") else STARTED
        origin = {
            "Access-Control-Allow-Origin": request.headers["origin"],
            "Access-Control-Allow-Credentials": "true",
        }
        route.fulfill(status=201, json=body, headers=origin)

    tab.route("https://login.example.org/api/v1/**", answer)
    return asked


@pytest.mark.parametrize("client", ["app", 'we ird+cl%20ient"<ü'])
def test_in_place_everything_else_stands_where_it_stood_until_the_code(realm, open_login, add_client, client):
    """Other providers, the password, registration; and the ticket goes to the connection in the address's place."""
    realm.say("passwordlessPasswordForm", "true")
    realm.say("passwordlessApi", "https://login.example.org")
    realm.call("PUT", json={"loginTheme": "passwordless-classic"})
    tab = open_login("other")
    asked = answering(tab)
    add_client(client)
    tab.goto(realm.sign_in_url(client))
    tab.locator("passwordless-login[ready]").wait_for()
    others = (
        tab.get_by_role("link", name="Acme Workforce"),
        tab.get_by_text("Sign in with a password"),
        tab.get_by_text("Register"),
    )
    for other in others:
        expect(other).to_be_visible()
    expect(tab.get_by_label("Email address", exact=True)).to_be_focused()

    tab.keyboard.type("ada@example.org")
    tab.keyboard.press("Enter")
    expect(tab.get_by_label("Code", exact=True)).to_be_focused()
    for other in others:
        expect(other).to_be_hidden()
    tab.get_by_role("button", name="Use another address").click()
    for other in others:
        expect(other).to_be_visible()
    expect(tab.locator("#pwl-address")).to_have_value("ada@example.org")
    tab.keyboard.press("Enter")
    tab.get_by_label("Code", exact=True).wait_for()
    tab.keyboard.type("123456")

    assert at_provider(tab)["login_hint"] == "tkt_" + "t" * 43
    starts = [body for method, path, body in asked if path == "challenges"]
    assert [(client, "email", "ada@example.org")] * 2 == [
        (it["client_id"], it["connection"], it["address"]) for it in starts
    ]
    assert {"method": "POST", "code": "123456"} == {"method": asked[-1][0], "code": asked[-1][2]["code"]}


def test_a_classic_theme_without_the_api_is_the_universal_page(realm, open_login):
    realm.call("PUT", json={"loginTheme": "passwordless-classic"})
    tab = open_login()
    expect(tab.locator("passwordless-login")).to_have_count(0)
    tab.fill("#pwl-address", "ada@example.org")
    tab.keyboard.press("Enter")
    assert at_provider(tab)["login_hint"] == "ada@example.org"
