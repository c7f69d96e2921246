"""A realm and an application with looks of their own, on the real Keycloak: login page, pages and mail look alike."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from sidecar.keycloak import plan_realm
from tests.e2e.conftest import BRANDED, BRANDED_CLIENT, Stack
from tests.e2e.logins import let_in
from tests.e2e.test_sign_in import type_address, type_code
from tests.keycloak.browsing import CLIENT

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]

HOUSE = (
    "Acme's {House}",
    "rgb(138, 28, 92)",
    {"Help": "https://www.acme.example/help", "Privacy": "https://www.acme.example/privacy"},
)
SHOP = (
    "Acme Shop",
    "rgb(11, 107, 67)",
    {**HOUSE[2], "Terms of use": "https://shop.acme.example/terms"},
)


def expect_look(page: Page, name: str, colour: str, links: dict[str, str]) -> None:
    """Name, logo, colour and links of a page, Keycloak's or ours, as a person sees them."""
    expect(page.locator(".pwl-brand-name")).to_have_text(name)
    expect(page.locator(".pwl-brand-name")).to_be_in_viewport()
    logo = page.locator("img.pwl-logo")
    assert 120 == logo.evaluate("picture => picture.decode().then(() => picture.naturalWidth)")
    button = page.locator("button.pwl-button-primary:visible").first
    assert colour == button.evaluate("it => getComputedStyle(it).backgroundColor")
    assert links == {it.inner_text(): it.get_attribute("href") for it in page.locator(".pwl-links a").all()}


def open_plain(stack: Stack, page: Page) -> None:
    """The login page, asked for by a client that has no look of its own."""
    let_in(stack, BRANDED)
    query = {
        "client_id": CLIENT["clientId"],
        "redirect_uri": "http://localhost/app",
        "response_type": "code",
        "scope": "openid",
    }
    page.goto(f"{stack.keycloak}/realms/{BRANDED}/protocol/openid-connect/auth?{urlencode(query)}")


def test_an_applications_look_follows_from_the_login_page_to_the_mail(stack: Stack, page: Page) -> None:
    address = stack.new_address()
    page.goto(f"{stack.applications[BRANDED].url}/login")
    expect(page.locator("#kc-header-wrapper")).to_be_hidden()
    expect_look(page, *SHOP)
    type_address(page, address)

    page.wait_for_url(f"{stack.sidecar}/**")
    expect_look(page, *SHOP)
    assert page.title().endswith("– Acme Shop")

    mail = stack.mail.wait_for(address)
    html = mail.message.get_body(("html",)).get_content()
    assert str(mail.message["Subject"]).endswith("is your code for Acme Shop")
    assert re.search(rf'<img class="logo" src="{stack.sidecar}/static/\w+/logo\.png"', html)
    assert 'bgcolor="#0b6b43"' in html
    for part in (html, mail.text):
        assert "Acme Shop" in part
        assert "https://shop.acme.example/terms" in part
        assert "https://www.acme.example/privacy" in part
    assert "with your Acme's {House} account" in mail.text
    assert ("auto-generated", "All") == (
        mail.message["Auto-Submitted"],
        mail.message["X-Auto-Response-Suppress"],
    )

    type_code(page, mail.code)
    page.wait_for_url(f"{stack.applications[BRANDED].url}/me")


def test_any_other_client_has_the_realms_look(stack: Stack, page: Page) -> None:
    address = stack.new_address()
    open_plain(stack, page)
    expect_look(page, *HOUSE)
    type_address(page, address)
    page.wait_for_url(f"{stack.sidecar}/**")
    expect_look(page, *HOUSE)

    mail = stack.mail.wait_for(address)
    assert str(mail.message["Subject"]).endswith("is your code for Acme's {House}")
    assert "Shop" not in mail.text


@pytest.mark.parametrize("forged", ["", "Z2FyYmFnZQ", "PHNjcmlwdD4", "A" * 22])
def test_a_forged_application_in_the_state_has_the_realms_look(
    stack: Stack, new_page: Callable[..., Page], forged: str
) -> None:
    """D5: the part that names the application, made up on the way from Keycloak to us."""
    page = new_page()
    asked: list[str] = []

    def forge(route: Route) -> None:
        url = route.fetch(max_redirects=0).headers["location"]
        found = re.search(r"[?&]state=([^.&]+\.[^.&]+)\.([^.&]+)", url)
        assert found
        assert BRANDED_CLIENT.replace("-", "") == base64.urlsafe_b64decode(f"{found[2]}==").hex()
        asked.append(url)
        route.fulfill(
            status=303, headers={"Location": url.replace(f"{found[1]}.{found[2]}", f"{found[1]}.{forged}")}
        )

    page.route(re.compile(rf"{re.escape(stack.keycloak)}/realms/{BRANDED}/broker/email/login"), forge)
    page.goto(f"{stack.applications[BRANDED].url}/login")
    type_address(page, stack.new_address())
    page.wait_for_url(f"{stack.sidecar}/**")

    assert asked
    assert urlsplit(page.url).path.startswith(f"/realms/{BRANDED}/email")
    expect_look(page, *HOUSE)


def test_a_second_plan_has_nothing_to_do(stack: Stack) -> None:
    assert [] == [it.what for it in plan_realm(stack.admin, stack.settings, BRANDED) if it.is_pending]
