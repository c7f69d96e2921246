"""The main job, in a real browser on a real Keycloak: address, code, signed in."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select

from sidecar.store.engine import Database
from sidecar.store.rows import challenge_from
from sidecar.store.tables import challenges
from tests.e2e.conftest import MIXED, OPEN, STOCK, Stack

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]


def type_address(page: Page, address: str) -> None:
    page.get_by_label("Email address").fill(address)
    page.get_by_role("button", name="Continue").click()


def type_code(page: Page, code: str, *, has_scripts: bool = True) -> None:
    """The page goes on by itself when the code is complete; without scripts, the button does."""
    page.get_by_label("Code", exact=True).fill(code)
    if not has_scripts:
        page.get_by_role("button", name="Continue").click()


def hold(page: Page, asset: str) -> list[Route]:
    """The requests for a script of ours, which waits until somebody lets one go on."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(f"**/{asset}", keep)
    return held


def sign_in(
    stack: Stack, page: Page, realm: str, address: str, *, typed: str = "", has_scripts: bool = True
) -> None:
    """From the application's login link to its own page; the message goes to `address`, however it is typed."""
    page.goto(f"{stack.applications[realm].url}/login")
    before = len(stack.mail.to(address))
    type_address(page, typed or address)
    type_code(page, stack.mail.wait_for(address, before + 1).code, has_scripts=has_scripts)
    page.wait_for_url(f"{stack.applications[realm].url}/me")


def test_an_address_and_a_code_sign_in_to_the_account_console(stack: Stack, page: Page) -> None:
    """M1, M8, M10: nothing but an address is asked for."""
    address = stack.new_address()
    page.goto(f"{stack.keycloak}/realms/{OPEN}/account")
    type_address(page, address)

    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    type_code(page, stack.mail.wait_for(address).code)

    expect(page.locator("#email")).to_have_value(address)


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("realm", [OPEN, MIXED])
def test_a_confidential_application_gets_a_token(
    stack: Stack, new_page: Callable[..., Page], realm: str, has_scripts: bool
) -> None:
    """The application checks state, nonce and PKCE itself; the token says what was proven."""
    address = stack.new_address()

    sign_in(stack, new_page(java_script_enabled=has_scripts), realm, address, has_scripts=has_scripts)

    claims = stack.applications[realm].logins[-1]["userinfo"]
    assert (address, True) == (claims["email"], claims["email_verified"])
    assert address == claims["preferred_username"]
    assert ["otp", "email"] == claims["amr"]


def test_keycloaks_state_names_the_application(stack: Stack, page: Page) -> None:
    """What is counted for an application, and how it looks, hangs on it."""
    address = stack.new_address()
    page.goto(f"{stack.applications[OPEN].url}/login")
    type_address(page, address)
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()

    (client,) = stack.admin.at("realms", OPEN).get("clients", clientId="confidential-app")
    database = Database(stack.settings.database.url.reveal())
    with database.read() as connection:
        row = connection.execute(select(challenges).where(challenges.c.address == address)).one()
    database.dispose()
    assert client["id"] == challenge_from(row, read_at=0).request.application


def test_the_same_address_comes_back_as_the_same_user(stack: Stack, new_page: Callable[..., Page]) -> None:
    """M4: one subject, one federated identity, opaque and without the address in it."""
    address = stack.new_address()
    application = stack.applications[OPEN]

    sign_in(stack, new_page(), OPEN, address)
    first = application.logins[-1]["userinfo"]["sub"]
    identities = stack.identities(OPEN, address)
    sign_in(stack, new_page(), OPEN, address, typed=address.upper())

    assert first == application.logins[-1]["userinfo"]["sub"]
    assert identities == stack.identities(OPEN, address)
    assert ["email"] == [identity["identityProvider"] for identity in identities]
    assert re.fullmatch(r"email\.[0-9a-f]{32}", identities[0]["userId"])


def test_under_keycloaks_own_theme_the_button_leads_to_our_address_page(stack: Stack, page: Page) -> None:
    address = stack.new_address()
    page.goto(f"{stack.applications[STOCK].url}/login")
    page.locator("#social-email").click()

    expect(page.get_by_role("heading", name="Enter your email address")).to_be_visible()
    type_address(page, address)
    type_code(page, stack.mail.wait_for(address).code)

    page.wait_for_url(f"{stack.applications[STOCK].url}/me")


def test_an_application_jumps_straight_to_the_code(stack: Stack, page: Page) -> None:
    """A person's click carries through; a navigation without one gets a button to press."""
    address = stack.new_address()
    page.goto(f"{stack.applications[OPEN].url}/login?kc_idp_hint=email&login_hint={address}")

    # Typed into the address bar: Chromium calls that a person's navigation.
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    type_code(page, stack.mail.wait_for(address).code)
    page.wait_for_url(f"{stack.applications[OPEN].url}/me")


def test_a_wrong_code_says_how_many_tries_are_left(stack: Stack, page: Page) -> None:
    address = stack.new_address()
    page.goto(f"{stack.applications[OPEN].url}/login")
    type_address(page, address)
    right = stack.mail.wait_for(address).code
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"

    type_code(page, wrong)

    expect(page.get_by_text("That code is not right. You have 4 more tries.")).to_be_visible()
    expect(page.get_by_label("Code", exact=True)).to_be_focused()
    type_code(page, f" {right[:3]} - {right[3:]} ")
    page.wait_for_url(f"{stack.applications[OPEN].url}/me")


def test_five_wrong_codes_end_the_challenge(stack: Stack, page: Page) -> None:
    """A1, as a person meets it: the page offers a new code."""
    address = stack.new_address()
    page.goto(f"{stack.applications[OPEN].url}/login")
    type_address(page, address)
    right = stack.mail.wait_for(address).code
    for number in range(5):
        type_code(page, f"{(int(right) + 1 + number) % 1_000_000:06d}")
        expect(page.locator("#code-error, [role=alert]").first).to_contain_text(
            f"{4 - number} more" if number < 4 else ""
        )

    expect(page.get_by_role("heading", name="This code no longer works")).to_be_visible()
    page.get_by_role("button", name="Send a new code").click()
    type_code(page, stack.mail.wait_for(address, 2).code)
    page.wait_for_url(f"{stack.applications[OPEN].url}/me")


def test_going_back_leads_to_keycloaks_login_page(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.applications[OPEN].url}/login")
    type_address(page, stack.new_address())

    page.get_by_role("button", name="Back to sign-in").click()

    expect(page.get_by_label("Email address")).to_be_visible()
    assert page.url.startswith(stack.keycloak)


def test_another_address_can_be_used(stack: Stack, page: Page) -> None:
    address = stack.new_address("second")
    page.goto(f"{stack.applications[OPEN].url}/login")
    type_address(page, stack.new_address("first"))

    page.get_by_role("button", name="Use another address").click()
    type_address(page, address)
    type_code(page, stack.mail.wait_for(address).code)

    page.wait_for_url(f"{stack.applications[OPEN].url}/me")
    assert address == stack.applications[OPEN].logins[-1]["userinfo"]["email"]


def test_the_language_chosen_on_keycloaks_page_goes_along(stack: Stack, page: Page) -> None:
    address = stack.new_address()
    page.goto(f"{stack.applications[OPEN].url}/login")
    choice = page.locator("#login-select-toggle option", has_text="Deutsch").get_attribute("value")
    page.locator("#login-select-toggle").select_option(value=choice)
    page.get_by_label("E-Mail-Adresse").fill(address)
    page.get_by_role("button", name="Weiter").click()

    expect(page.locator("html")).to_have_attribute("lang", "de")
    mail = stack.mail.wait_for(address)
    assert "de" == mail.message["Content-Language"]


def test_signing_out_of_keycloak_leaves_no_session_behind(stack: Stack, page: Page) -> None:
    """The sidecar keeps none: the next login asks for an address and a code again."""
    address = stack.new_address()
    application = stack.applications[OPEN]
    sign_in(stack, page, OPEN, address)
    id_token = application.logins[-1]["id_token"]

    page.goto(f"{stack.keycloak}/realms/{OPEN}/protocol/openid-connect/logout?id_token_hint={id_token}")
    page.goto(f"{application.url}/login")

    expect(page.get_by_label("Email address")).to_be_visible()
    cookies = [cookie["name"] for cookie in page.context.cookies() if cookie["name"].startswith("__Host-")]
    assert ["__Host-passwordless"] == cookies
    type_address(page, address)
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()


def test_whoever_types_before_the_script_is_there_goes_on_too(stack: Stack, page: Page) -> None:
    address = stack.new_address()
    held = hold(page, "code.js")
    page.goto(f"{stack.applications[OPEN].url}/login")
    page.get_by_label("Email address").fill(address)
    page.get_by_role("button", name="Continue").click(no_wait_after=True)
    type_code(page, stack.mail.wait_for(address).code)

    held[0].continue_()

    page.wait_for_url(f"{stack.applications[OPEN].url}/me")


def test_a_code_that_a_reload_brings_back_is_not_sent(stack: Stack, page: Page) -> None:
    """Browsers put old text back into fields; sending a wrong code again by itself would cost a try."""
    address = stack.new_address()
    page.goto(f"{stack.applications[OPEN].url}/login")
    type_address(page, address)
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    held = hold(page, "code.js")
    page.reload(wait_until="commit")
    page.get_by_label("Code", exact=True).fill("000000")

    held[0].continue_()

    expect(page.locator("#code-goes-on")).to_be_visible()
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    expect(page.locator("#code-error")).to_have_count(0)


def test_the_keyboard_alone_signs_in(stack: Stack, page: Page) -> None:
    """The focus is where typing starts, Enter goes on, and a complete code goes on by itself."""
    address = stack.new_address()
    page.goto(f"{stack.applications[OPEN].url}/login")
    expect(page.get_by_label("Email address")).to_be_focused()
    page.keyboard.type(address)
    page.keyboard.press("Enter")

    expect(page.get_by_label("Code", exact=True)).to_be_focused()
    page.keyboard.type(stack.mail.wait_for(address).code)

    page.wait_for_url(f"{stack.applications[OPEN].url}/me")


def test_a_password_still_signs_in_where_the_realm_has_them(stack: Stack, page: Page) -> None:
    realm = stack.admin.at("realms", MIXED)
    name = stack.new_address("grace").partition("@")[0]
    realm.post(
        "users",
        body={
            "username": name,
            "enabled": True,
            "credentials": [{"type": "password", "value": "correct horse", "temporary": False}],
        },
    )
    page.goto(f"{stack.applications[MIXED].url}/login")
    page.get_by_text("Sign in with a password").click()
    page.locator("input[name=username]:visible").fill(name)
    page.get_by_role("button", name="Continue to the password").click()
    page.locator("#password").fill("correct horse")
    page.get_by_role("button", name="Sign In").click()

    page.wait_for_url(f"{stack.applications[MIXED].url}/me")
