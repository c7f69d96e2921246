"""axe-core on the pages as a person meets them: the login page, our address page, our code page, those of links."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.conftest import BRANDED, MIXED, OPEN, STOCK, Stack
from tests.e2e.test_links import ask, confirm, expire
from tests.e2e.test_sign_in import type_address

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
    return [f"{violation['id']}: {violation['nodes'][0]['html']}" for violation in found["violations"]]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_on_the_way_has_a_violation(
    stack: Stack, new_page: Callable[..., Page], scheme: str, width: int
) -> None:
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 844}}
    page = new_page(**options)
    for realm in (MIXED, OPEN, BRANDED):
        page.goto(f"{stack.applications[realm].url}/login")
        page.get_by_label("Email address").wait_for()
        assert [] == violations(page), realm
        if realm != MIXED:
            type_address(page, stack.new_address())
            page.get_by_label("Code", exact=True).wait_for()
            assert [] == violations(page), f"code page of {realm}"

    page = new_page(**options)
    page.goto(f"{stack.applications[STOCK].url}/login")
    page.locator("#social-email").click()
    page.get_by_label("Email address").wait_for()
    assert [] == violations(page), "address page"


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_a_link_has_a_violation(
    stack: Stack, new_page: Callable[..., Page], scheme: str, width: int
) -> None:
    """In the browser that asked, in another one, when it is over in each, and in the window that waited."""
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 844}}
    first, elsewhere = new_page(**options), new_page(**options)
    address = stack.new_address()
    link = ask(stack, first, address)
    assert [] == violations(first), "the window that asked"
    elsewhere.goto(link)
    expect(elsewhere.get_by_role("heading", name="Your sign-in code")).to_be_visible()
    assert [] == violations(elsewhere), "elsewhere"

    tab = first.context.new_page()
    tab.goto(link)
    expect(tab.get_by_role("heading", name="Sign in?")).to_be_visible()
    assert [] == violations(tab), "in the browser that asked"
    confirm(tab)
    expect(first.get_by_role("heading", name="You are signed in")).to_be_visible()
    assert [] == violations(first), "confirmed in another tab"
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading", name="This link no longer works")).to_be_visible()
    assert [] == violations(elsewhere), "over, elsewhere"

    address = stack.new_address()
    late = new_page(**options)
    link = ask(stack, late, address)
    expire(stack, address)
    late.goto(link)
    expect(late.get_by_role("button", name="Send a new link")).to_be_visible()
    assert [] == violations(late), "over, in the browser that asked"
