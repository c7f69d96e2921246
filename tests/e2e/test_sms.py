"""Logins by number on the real Keycloak: codes from texts that a gateway got over HTTP, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import requests
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from sidecar.model.events import Event
from sidecar.store import records
from sidecar.store.engine import Database
from sidecar.store.tables import addresses, events
from tests.e2e.conftest import NUMBERS, REVIEWER, REVIEWERS_CODE, REVIEWERS_NUMBER, Stack
from tests.e2e.test_accessibility import violations
from tests.e2e.test_sign_in import type_code
from tests.stack import wait_until

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def open_login(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.applications[NUMBERS].url}/login?scope=openid+email+passwordless-phone")


def type_number(page: Page, number: str, *, has_scripts: bool = True) -> None:
    """One field takes address or number; without scripts there are two forms."""
    if has_scripts:
        page.get_by_label("Email address or mobile number").fill(number)
        page.get_by_role("button", name="Continue", exact=True).click()
    else:
        page.get_by_label("Mobile number", exact=True).fill(number)
        page.locator("#pwl-continue-number").click()


def sign_in(stack: Stack, page: Page, number: str, *, typed: str = "", has_scripts: bool = True) -> None:
    before = len(stack.gateway.to(number))
    open_login(stack, page)
    type_number(page, typed or number, has_scripts=has_scripts)
    type_code(page, stack.gateway.wait_for(number, before + 1).code, has_scripts=has_scripts)
    page.wait_for_url(f"{stack.applications[NUMBERS].url}/me")


def claims(stack: Stack) -> dict[str, object]:
    found: dict[str, object] = stack.applications[NUMBERS].logins[-1]["userinfo"]
    return found


def user(stack: Stack, number: str) -> dict[str, object]:
    """The one Keycloak user of that number."""
    users = stack.admin.at("realms", NUMBERS).get("users", q=f"phone_number:{number}")
    assert 1 == len(users), users
    return users[0]


def identities(stack: Stack, number: str) -> list[dict[str, str]]:
    return stack.admin.at("realms", NUMBERS).get(
        "users", str(user(stack, number)["id"]), "federated-identity"
    )


@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_new_number_becomes_a_user_without_email(
    stack: Stack, new_page: Callable[..., Page], has_scripts: bool
) -> None:
    """M2, M8: nothing but a number is asked for; the token says what was proven, the user holds it."""
    number = stack.new_number()

    sign_in(stack, new_page(java_script_enabled=has_scripts, **PHONE), number, has_scripts=has_scripts)

    told = claims(stack)
    assert (number, True) == (told["phone_number"], told["phone_number_verified"])
    assert (number, ["otp", "sms"]) == (told["preferred_username"], told["amr"])
    assert "email" not in told
    found = user(stack, number)
    assert number == found["username"]
    assert not found.get("email")
    assert not found.get("emailVerified")
    assert {"phone_number": [number], "phone_number_verified": ["true"]} == found["attributes"]


def test_a_number_comes_back_as_the_same_user_however_it_is_typed(
    stack: Stack, new_page: Callable[..., Page]
) -> None:
    """M4, C8: one subject, one federated identity, opaque and without the number in it."""
    number = stack.new_number()
    sign_in(stack, new_page(), number)
    first = claims(stack)["sub"]
    before = identities(stack, number)

    sign_in(stack, new_page(), number, typed=f"0{number[3:7]} {number[7:]}")

    assert first == claims(stack)["sub"]
    assert before == identities(stack, number)
    (identity,) = before
    assert "sms" == identity["identityProvider"]
    assert re.fullmatch(r"sms\.[0-9a-f]{32}", identity["userId"])


def test_an_address_in_the_same_field_is_somebody_of_their_own(
    stack: Stack, new_page: Callable[..., Page]
) -> None:
    """M4: what is typed decides which connection it is; identities of two are two until linked."""
    number, address = stack.new_number(), stack.new_address()
    sign_in(stack, new_page(), number)
    by_number = claims(stack)["sub"]

    page = new_page()
    open_login(stack, page)
    type_number(page, address)
    type_code(page, stack.mail.wait_for(address).code)
    page.wait_for_url(f"{stack.applications[NUMBERS].url}/me")

    told = claims(stack)
    assert by_number != told["sub"]
    assert (address, ["otp", "email"]) == (told["email"], told["amr"])
    assert "phone_number" not in told


def test_phones_fill_in_number_and_code(stack: Stack, new_page: Callable[..., Page]) -> None:
    """M2, D8: the keyboards and autofill of both pages, and the text that phones offer the code from."""
    number = stack.new_number()
    page = new_page(java_script_enabled=False, **PHONE)
    open_login(stack, page)
    field = page.get_by_label("Mobile number", exact=True)
    for name, value in {"type": "tel", "inputmode": "tel"}.items():
        expect(field).to_have_attribute(name, value)
    assert (field.get_attribute("autocomplete") or "").split()[0] in {"tel", "username"}
    type_number(page, number, has_scripts=False)

    field = page.get_by_label("Code", exact=True)
    for name, value in {"inputmode": "numeric", "autocomplete": "one-time-code"}.items():
        expect(field).to_have_attribute(name, value)
    expect(page.get_by_text(f"+44 ••• {number[-2:]}")).to_be_visible()
    text = stack.gateway.wait_for(number)
    assert f"@localhost #{text.code}" == text.text.rpartition("\n")[2]
    assert text.text.startswith(text.code)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_pages_fit_a_phone_and_have_no_violation(
    stack: Stack, new_page: Callable[..., Page], scheme: str
) -> None:
    """M10: at 390 px nothing is cut off or scrolls sideways, and axe-core finds nothing."""
    page = new_page(color_scheme=scheme, **PHONE)
    open_login(stack, page)
    expect(page.get_by_label("Email address or mobile number")).to_be_visible()
    assert fits(page)
    assert [] == violations(page)

    type_number(page, stack.new_number())
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    assert fits(page)
    assert [] == violations(page)


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_text_that_somebody_else_reads_is_of_no_use_in_their_browser(
    stack: Stack, new_page: Callable[..., Page]
) -> None:
    """F3: a stolen code does not open the thief's own page, nor the person's page in the thief's browser."""
    number = stack.new_number()
    person, thief = new_page(), new_page()
    open_login(stack, person)
    type_number(person, number)
    stolen = stack.gateway.wait_for(number).code
    open_login(stack, thief)
    type_number(thief, number)
    own = stack.gateway.wait_for(number, 2).code
    before = len(stack.applications[NUMBERS].logins)
    assert own != stolen

    type_code(thief, stolen)
    expect(thief.get_by_text("That code is not right.")).to_be_visible()
    thief.goto(person.url)
    expect(thief.get_by_role("heading", name="This sign-in is no longer open")).to_be_visible()

    assert before == len(stack.applications[NUMBERS].logins)
    type_code(person, stolen)
    person.wait_for_url(f"{stack.applications[NUMBERS].url}/me")


def test_a_late_first_text_still_signs_in(stack: Stack, page: Page) -> None:
    """A13: asked for again, it is the same code; whichever text comes first can be typed."""
    number = stack.new_number()
    open_login(stack, page)
    type_number(page, number)
    first = stack.gateway.wait_for(number)
    again = page.locator("#resend")
    # Before the page's script has run it says nothing, and could be pressed too early.
    expect(again).to_have_attribute("aria-disabled", "false")
    again.click()

    second = stack.gateway.wait_for(number, 2)

    assert first.code == second.code
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]
    type_code(page, first.code)
    page.wait_for_url(f"{stack.applications[NUMBERS].url}/me")
    assert number == claims(stack)["phone_number"]


def test_a_number_that_gets_no_texts_is_said_to_be_so(stack: Stack, page: Page) -> None:
    """C9: our page says it, for Keycloak's can't; the way back leads to the sign-in page."""
    open_login(stack, page)
    type_number(page, "+49 1511 2341234")

    expect(page.get_by_text("We can't send text messages to this number.")).to_be_visible()
    assert [] == violations(page)
    page.get_by_role("button", name="Back to sign-in").click()
    expect(page.get_by_label("Email address or mobile number")).to_be_visible()


def test_a_user_cannot_write_the_number(stack: Stack, page: Page) -> None:
    """C11: or whoever trusts the attribute would take them for somebody else."""
    number, others = stack.new_number(), stack.new_number()
    sign_in(stack, page, number)
    token = stack.applications[NUMBERS].logins[-1]["access_token"]
    account = f"{stack.keycloak}/realms/{NUMBERS}/account"
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    own = requests.get(account, headers=headers, timeout=20).json()
    assert [number] == own["attributes"]["phone_number"]

    changed = {**own, "firstName": "Ada", "attributes": {**own["attributes"], "phone_number": [others]}}
    requests.post(account, headers=headers, json=changed, timeout=20)

    assert [number] == user(stack, number)["attributes"]["phone_number"]  # type: ignore[index]
    # The request itself was good: without the number it is taken.
    taken = requests.post(account, headers=headers, json={**own, "firstName": "Ada"}, timeout=20)
    assert taken.ok, taken.text
    assert "Ada" == user(stack, number)["firstName"]


def test_a_number_that_was_erased_does_not_open_its_old_account(
    stack: Stack, new_page: Callable[..., Page]
) -> None:
    """C10: whoever proves it next is somebody new, and has an account of their own as soon as its name is free."""
    number = stack.new_number()
    sign_in(stack, new_page(), number)
    old = claims(stack)["sub"]
    before = len(stack.applications[NUMBERS].logins)
    database = Database(stack.settings.database.url.reveal())
    records.erase(database, realm=NUMBERS, address=number)
    database.dispose()

    page = new_page()
    open_login(stack, page)
    type_number(page, number)
    type_code(page, stack.gateway.wait_for(number, 2).code)
    expect(page.get_by_role("heading", name="Account already exists")).to_be_visible()
    assert before == len(stack.applications[NUMBERS].logins)

    realm = stack.admin.at("realms", NUMBERS)
    realm.put(body={"editUsernameAllowed": True})  # else Keycloak lets no admin rename either
    realm.put("users", str(old), body={"username": f"former-{number[1:]}"})
    realm.put(body={"editUsernameAllowed": False})
    sign_in(stack, new_page(), number)
    assert old != claims(stack)["sub"]
    assert number == claims(stack)["preferred_username"]


def test_a_number_that_was_silent_for_a_year_opens_its_account_in_its_owners_browser_only(
    stack: Stack, new_page: Callable[..., Page]
) -> None:
    """C10: anybody else is asked to prove the account that has the number."""
    number = stack.new_number()
    sign_in(stack, new_page(), number)
    fall_silent(stack, number, days=366)

    page = new_page()
    open_login(stack, page)
    type_number(page, number)
    type_code(page, stack.gateway.wait_for(number, 2).code)
    expect(page.get_by_role("heading", name="Account already exists")).to_be_visible()


def test_the_owner_of_a_silent_number_comes_back_in_the_browser_they_used(
    stack: Stack, new_page: Callable[..., Page]
) -> None:
    """C10."""
    number = stack.new_number()
    page = new_page()
    sign_in(stack, page, number)
    old = claims(stack)["sub"]
    fall_silent(stack, number, days=366)

    stack.admin.at("realms", NUMBERS).post("users", str(user(stack, number)["id"]), "logout", body={})
    sign_in(stack, page, number)
    assert old == claims(stack)["sub"]
    sign_in(stack, new_page(), number)
    assert old == claims(stack)["sub"]


def fall_silent(stack: Stack, number: str, *, days: int) -> None:
    """Let so many days have passed since the number's last login."""
    database = Database(stack.settings.database.url.reveal())
    its = (addresses.c.realm == NUMBERS) & (addresses.c.address == number)
    with database.write() as connection:
        connection.execute(
            update(addresses).where(its).values(proven_at=addresses.c.proven_at - days * 24 * 3600 * 1000)
        )
    database.dispose()


@pytest.mark.parametrize("address", [REVIEWER, REVIEWERS_NUMBER])
def test_an_address_for_tests_signs_in_by_its_fixed_code_and_gets_nothing(
    stack: Stack, page: Page, address: str
) -> None:
    """F11: as a reviewer does it; the page is everybody's."""
    open_login(stack, page)
    type_number(page, address)
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    wait_until(lambda: held_back(stack, address), "its message to be held back")
    type_code(page, REVIEWERS_CODE[:6])

    page.wait_for_url(f"{stack.applications[NUMBERS].url}/me")
    assert address in {claims(stack).get("email"), claims(stack).get("phone_number")}
    assert [] == stack.mail.to(address) == stack.gateway.to(address)


def held_back(stack: Stack, address: str) -> list[str]:
    database = Database(stack.settings.database.url.reveal())
    with database.read() as connection:
        found = connection.execute(
            select(events.c.detail).where(
                events.c.address == address, events.c.type == Event.MESSAGE_REHEARSED.value
            )
        )
        details = [str(row.detail) for row in found]
    database.dispose()
    return [detail for detail in details if "(test address)" in detail]
