"""The account page on the real Keycloak: a second address and a number for the same user, and the way back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NUMBERS, Stack
from tests.e2e.test_accessibility import violations

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]

PHONE = {"viewport": {"width": 390, "height": 844}}
URL = re.compile(r"/realms/numbers/account$")


def newest_code(stack: Stack, to: str, before: int) -> str:
    """The code of the next message to an address or a number."""
    if to.startswith("+"):
        return stack.gateway.wait_for(to, before + 1).code
    return stack.mail.wait_for(to, before + 1).code


def count(stack: Stack, to: str) -> int:
    return len(stack.gateway.to(to) if to.startswith("+") else stack.mail.to(to))


def type_code(page: Page, code: str) -> None:
    field = page.get_by_label("Code", exact=True)
    field.fill(code)
    # With scripts a whole code is sent at once.
    if not page.evaluate("() => Boolean(document.querySelector('[data-with-script]:not([hidden])'))"):
        page.get_by_role("button", name="Continue").click()


def prove(stack: Stack, page: Page, to: str, *, has_scripts: bool = True) -> None:
    """Keycloak's sign-in page, by address or number, and the code page."""
    before = count(stack, to)
    if has_scripts:
        page.get_by_label("Email address or mobile number").fill(to)
        page.get_by_role("button", name="Continue", exact=True).click()
    elif to.startswith("+"):
        page.get_by_label("Mobile number", exact=True).fill(to)
        page.locator("#pwl-continue-number").click()
    else:
        page.get_by_label("Email address", exact=True).fill(to)
        page.get_by_role("button", name="Continue", exact=True).first.click()
    code(stack, page, to, before, has_scripts=has_scripts)


def code(stack: Stack, page: Page, to: str, before: int, *, has_scripts: bool = True) -> None:
    page.get_by_label("Code", exact=True).fill(newest_code(stack, to, before))
    if not has_scripts:
        page.get_by_role("button", name="Continue").click()


def open_page(stack: Stack, page: Page, who: str, *, has_scripts: bool = True) -> None:
    page.goto(f"{stack.sidecar}/realms/{NUMBERS}/account")
    prove(stack, page, who, has_scripts=has_scripts)
    page.wait_for_url(URL)


def add(stack: Stack, page: Page, to: str, *, has_scripts: bool = True) -> None:
    before = count(stack, to)
    page.locator("#add-sms" if to.startswith("+") else "#add-email").click()
    page.get_by_label("Mobile number" if to.startswith("+") else "Email address").fill(to)
    page.get_by_role("button", name="Continue").click()
    code(stack, page, to, before, has_scripts=has_scripts)
    page.wait_for_url(URL)


def claims_of(stack: Stack, page: Page, who: str) -> dict[str, object]:
    """What the application gets where somebody signs in to it."""
    page.goto(f"{stack.applications[NUMBERS].url}/login?scope=openid+email")
    prove(stack, page, who)
    page.wait_for_url(f"{stack.applications[NUMBERS].url}/me")
    found: dict[str, object] = stack.applications[NUMBERS].logins[-1]["userinfo"]
    return found


def test_a_second_address_and_a_number_sign_in_the_same_user_and_the_primary_one_stays(
    stack: Stack, new_page: Callable[..., Page], shots: Callable[[Page, str], None]
) -> None:
    ada, work, number = stack.new_address(), stack.new_address("work"), stack.new_number()
    user_id = claims_of(stack, new_page(), ada)["sub"]
    page = new_page(**PHONE)
    open_page(stack, page, ada)
    expect(page.get_by_text(ada)).to_be_visible()
    shots(page, "list")

    add(stack, page, work)
    add(stack, page, number)

    shown = page.locator(".pwl-way-name").all_inner_texts()
    assert [ada, work] == shown[:2]
    assert 3 == len(shown)
    assert [] == violations(page)
    shots(page, "list-of-three")
    told = stack.mail.wait_for(ada, count=4)
    assert "account was changed" in str(told.message["Subject"])
    for who in (work, number):
        assert user_id == claims_of(stack, new_page(), who)["sub"], who
    assert ada == stack.user(NUMBERS, ada)["email"]

    page.locator("#primary-2").click()
    expect(page.get_by_text(work)).to_be_visible()
    assert [] == violations(page)
    shots(page, "primary")
    page.locator("#confirm").click()
    page.wait_for_url(URL)

    user = stack.user(NUMBERS, work)
    assert (user_id, True) == (user["id"], user["emailVerified"])
    again = claims_of(stack, new_page(), ada)
    assert (user_id, work) == (again["sub"], again["email"])
    assert work == stack.user(NUMBERS, work)["email"]


def test_without_scripts_an_address_is_added_and_whoever_was_told_takes_it_back(
    stack: Stack, new_page: Callable[..., Page], shots: Callable[[Page, str], None]
) -> None:
    ada, eve = stack.new_address(), stack.new_address("eve")
    page = new_page(**PHONE, java_script_enabled=False, color_scheme="dark")
    open_page(stack, page, ada, has_scripts=False)
    page.locator("#add-email").click()
    shots(page, "add-dark")
    page.get_by_label("Email address").fill(eve)
    before = count(stack, eve)
    page.get_by_role("button", name="Continue").click()
    mail = stack.mail.wait_for(eve, before + 1)
    assert "to add this address" in str(mail.message["Subject"])
    assert "sign in to" not in mail.text
    page.get_by_label("Code", exact=True).fill(mail.code)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(URL)
    notice = stack.mail.wait_for(ada, count=2)
    (link,) = re.findall(r"https?://\S+/account/undo/\S+", notice.text)

    reader = new_page(**PHONE, locale="ar")
    reader.goto(link)
    assert [] == violations(reader)
    shots(reader, "undo")
    reader.locator("#undo").click()
    reader.locator("[role=status]").wait_for()
    shots(reader, "undone")

    # Whoever added it is signed out, and the address opens another account.
    page.goto(f"{stack.sidecar}/realms/{NUMBERS}/account")
    expect(page.locator(".pwl-way")).to_have_count(0)
    assert stack.user(NUMBERS, ada)["id"] != claims_of(stack, new_page(), eve)["sub"]


def test_the_last_way_in_goes_with_a_warning_and_two_accounts_become_one(
    stack: Stack, new_page: Callable[..., Page], shots: Callable[[Page, str], None]
) -> None:
    ada, bob = stack.new_address(), stack.new_address("bob")
    adas, bobs = (claims_of(stack, new_page(), who)["sub"] for who in (ada, bob))
    page = new_page(**PHONE)
    open_page(stack, page, ada)
    page.locator("#remove-1").click()
    expect(page.locator("#last-way")).to_be_visible()
    assert [] == violations(page)
    shots(page, "remove-last")
    page.locator("#back").click()
    expect(page.get_by_text(ada)).to_be_visible()

    before = count(stack, bob)
    page.locator("#add-email").click()
    page.get_by_label("Email address").fill(bob)
    page.keyboard.press("Enter")
    code(stack, page, bob, before)
    expect(page.get_by_role("heading", name="Make one account of two?")).to_be_visible()
    assert [] == violations(page)
    shots(page, "merge")
    assert bobs == claims_of(stack, new_page(), bob)["sub"]
    page.locator("#merge").click()
    page.wait_for_url(URL)
    expect(page.locator(".pwl-way")).to_have_count(2)
    again = claims_of(stack, new_page(), bob)
    assert (adas, ada) == (again["sub"], again["email"])

    page.locator("#sign-out").click()
    # Keycloak asks, since whoever sent the browser there may not be the user.
    page.locator("#kc-logout").click()
    expect(page.locator("#kc-logout")).to_have_count(0)
    page.goto(f"{stack.sidecar}/realms/{NUMBERS}/account")
    expect(page.locator(".pwl-way")).to_have_count(0)
