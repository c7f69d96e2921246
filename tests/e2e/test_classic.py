"""The classic login page on the real Keycloak: address, code and done in place, and page by page where it must be."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e import application
from tests.e2e.conftest import CLASSIC, NUMBERS
from tests.e2e.test_accessibility import violations
from tests.e2e.test_sign_in import type_code
from tests.stack import free_port

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]

ALL_WAYS = "Email address or mobile number"


@pytest.fixture(scope="module")
def shop(stack):
    """An application whose login page is classic, in a realm whose others are not."""
    port = free_port()
    realm = stack.admin.at("realms", NUMBERS)
    realm.post(
        "clients",
        body={
            "clientId": CLASSIC,
            "secret": "a-secret-of-this-test",
            "redirectUris": [f"http://localhost:{port}/callback"],
            "attributes": {"login_theme": "passwordless-classic", "pkce.code.challenge.method": "S256"},
        },
    )
    running = application.start(
        port=port,
        issuer=f"{stack.keycloak}/realms/{NUMBERS}",
        client_id=CLASSIC,
        client_secret="a-secret-of-this-test",
    )
    yield running
    running.stop()


def code_field(page):
    return page.get_by_label("Code", exact=True)


def test_a_code_by_mail_is_asked_for_and_typed_on_keycloaks_page(stack, page, shop, shots):
    """Wrong, loaded again, then right; the only page that is left is Keycloak's, for the application."""
    address = stack.new_address("classic")
    left = []
    page.goto(f"{shop.url}/login")
    page.on("framenavigated", lambda frame: left.append(frame.url.partition("?")[0]))
    shots(page, "address")
    page.get_by_label(ALL_WAYS).fill(address)
    page.keyboard.press("Enter")
    expect(code_field(page)).to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter your code")
    shots(page, "code")
    code = stack.mail.wait_for(address).code

    page.keyboard.type(f"{(int(code) + 1) % 10**6:06d}")
    page.get_by_text("That code is not right. You have 4 more tries.").wait_for()
    shots(page, "wrong")
    page.reload()
    expect(code_field(page)).to_be_visible()
    page.keyboard.type(code)
    page.wait_for_url(f"{shop.url}/me")

    token = shop.logins[-1]["userinfo"]
    assert (address, ["otp", "email"]) == (token["email"], token["amr"])
    assert 1 == len(stack.mail.to(address))
    pages = {url for url in left if not url.startswith(shop.url)}
    assert all(url.startswith(f"{stack.keycloak}/realms/{NUMBERS}/") for url in pages), left
    assert ["email"] == [it["identityProvider"] for it in stack.identities(NUMBERS, address)]


@pytest.mark.parametrize("locale", ["en-GB", "ar"])
def test_a_code_by_text_on_a_phone_by_keyboard_alone(stack, new_page, shop, shots, locale):
    """Another number after the first; in both directions, no wider than 320 pixels, and nothing for axe to find."""
    number, other = stack.new_number(), stack.new_number()
    scheme = "dark" if locale == "ar" else "light"
    page = new_page(locale=locale, color_scheme=scheme, viewport={"width": 320, "height": 700})
    page.goto(f"{shop.url}/login")
    page.locator("passwordless-login[ready]").wait_for()
    assert [] == violations(page)
    page.keyboard.type(other)
    page.keyboard.press("Enter")
    stack.gateway.wait_for(other)
    page.locator("passwordless-login[step=code]").wait_for()
    page.go_back()
    page.locator("passwordless-login[step=address]").wait_for()
    page.locator("#pwl-address").fill(number)
    page.keyboard.press("Enter")
    code = stack.gateway.wait_for(number).code
    page.locator("passwordless-login[step=code] input[name=code]").wait_for()
    assert [] == violations(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert ("rtl" if locale == "ar" else "ltr") == page.evaluate("getComputedStyle(document.body).direction")
    shots(page, locale)
    page.keyboard.type(code)
    page.wait_for_url(f"{shop.url}/me")

    assert ["otp", "sms"] == shop.logins[-1]["userinfo"]["amr"]


@pytest.mark.parametrize("without", ["scripts", "the API"])
def test_where_it_cant_be_in_place_it_is_page_by_page(stack, new_page, shop, without):
    address = stack.new_address("universal")
    page = new_page(java_script_enabled=without != "scripts")
    page.route("**/api/v1/**", lambda route: route.abort())
    page.goto(f"{shop.url}/login")
    page.locator("#pwl-address").fill(address)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{stack.sidecar}/**")
    type_code(page, stack.mail.wait_for(address).code, has_scripts=without != "scripts")
    page.wait_for_url(f"{shop.url}/me")


def test_another_application_of_the_realm_has_the_universal_page(stack, page):
    page.goto(f"{stack.applications[NUMBERS].url}/login")
    expect(page.get_by_label(ALL_WAYS)).to_be_visible()
    expect(page.locator("passwordless-login")).to_have_count(0)
