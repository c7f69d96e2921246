"""An attacker and the owner, each in a browser of their own, on the real Keycloak (A12, "this was not me")."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OPEN, Stack
from tests.e2e.test_sign_in import sign_in, type_address, type_code

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]


def drain(stack: Stack, eve: Page, address: str) -> None:
    """Ask for codes and guess until nothing is let through any more."""
    for _ in range(6):
        eve.goto(f"{stack.applications[OPEN].url}/login")
        type_address(eve, address)
        eve.wait_for_url(f"{stack.sidecar}/**")
        if eve.get_by_text("too many attempts").is_visible():
            return
        code = eve.get_by_label("Code", exact=True)
        for number in range(5):
            # The page sends a whole code by itself: until its answer is there, nothing else may be opened.
            with eve.expect_navigation():
                code.fill(f"{number:06d}")
            if not code.is_visible():
                break
    pytest.fail("the budgets never ran out")


def test_the_owners_browser_signs_in_while_an_attacker_has_spent_every_budget(
    stack: Stack, new_page: Callable[..., Page]
) -> None:
    address = stack.new_address()
    owner = new_page()
    sign_in(stack, owner, OPEN, address)
    owner.context.clear_cookies(name=re.compile("^(?!__Host-passwordless)"))
    drain(stack, new_page(), address)

    sign_in(stack, owner, OPEN, address)

    stranger = new_page()
    stranger.goto(f"{stack.applications[OPEN].url}/login")
    type_address(stranger, address)
    expect(stranger.get_by_text(re.compile(r"Try again in \d+ minutes"))).to_be_visible()


def test_this_was_not_me_ends_the_code_silences_strangers_and_can_be_taken_back(
    stack: Stack, new_page: Callable[..., Page]
) -> None:
    address = stack.new_address()
    stranger = new_page()
    stranger.goto(f"{stack.applications[OPEN].url}/login")
    type_address(stranger, address)
    mail = stack.mail.wait_for(address)
    reader = new_page()
    link = re.search(r"http://\S+/not-me/\S+", mail.text)
    assert link
    reader.goto(link[0])
    reader.get_by_role("button", name="This was not me").click()
    expect(reader.get_by_role("heading", name="Thank you, that is stopped")).to_be_visible()

    # The right code is a wrong one now; the page tells no more, for whoever asked may be the attacker.
    type_code(stranger, mail.code)
    expect(stranger.get_by_text("That code is not right.")).to_be_visible()
    stranger.goto(f"{stack.applications[OPEN].url}/login")
    type_address(stranger, address)
    expect(stranger.get_by_text("The message is on its way")).to_be_visible(timeout=15_000)
    assert 1 == len(stack.mail.to(address))

    reader.get_by_role("button", name="Take it back").click()
    expect(reader.get_by_role("button", name="This was not me")).to_be_visible()
    again = new_page()
    sign_in(stack, again, OPEN, address)
