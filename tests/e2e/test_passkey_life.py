"""A passkey, offered after a login by code, set up in Keycloak, used, and lost again: the whole road in Chromium."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from sidecar.app import Parts
from sidecar.keycloak.passkey_accounts import LET_OFF
from sidecar.keycloak.passkeys import REGISTRATION
from sidecar.store.engine import Database
from sidecar.store.tables import passkey_offers
from tests.device import Device, authenticate, register
from tests.e2e.conftest import KEYED, PASSKEYS, Stack
from tests.e2e.test_accessibility import violations
from tests.e2e.test_sign_in import type_address, type_code

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]

_PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}
_BY_CODE = ["otp", "email"]
_OFFER = "Sign in without a code next time?"


def _prove(
    stack: Stack,
    page: Page,
    address: str,
    *,
    realm: str = PASSKEYS,
    goes_there: bool = True,
    is_known: bool = False,
) -> None:
    """From the application's login link through the code of a new mail; anew, for whoever is signed in (`is_known`)."""
    if goes_there:
        page.goto(f"{stack.applications[realm].url}/login{'?prompt=login' if is_known else ''}")
    before = len(stack.mail.to(address))
    if is_known:
        page.get_by_role("button", name="Continue").click()
    else:
        type_address(page, address)
    type_code(page, stack.mail.wait_for(address, before + 1).code)


def _arrived(stack: Stack, page: Page, realm: str = PASSKEYS) -> list[str]:
    """The application's page is there: how the ID token says that this login was done."""
    page.wait_for_url(f"{stack.applications[realm].url}/me")
    return list(stack.applications[realm].logins[-1]["userinfo"].get("amr", []))


def _actions(stack: Stack, address: str, realm: str = PASSKEYS) -> list[str]:
    return list(stack.user(realm, address)["requiredActions"])  # type: ignore[call-overload]


def _as_if_days_had_passed(stack: Stack) -> None:
    """A no holds no longer, and who said yes is not on the way to it any more."""
    database = Database(stack.settings.database.url.reveal())
    with database.write() as connection:
        for column in (passkey_offers.c.declined_at, passkey_offers.c.wanted_at):
            connection.execute(update(passkey_offers).where(column.is_not(None)).values({column.name: 0}))
    database.dispose()


def test_offered_skipped_offered_again_set_up_used_and_lost(
    stack: Stack, new_page: Callable[..., Page]
) -> None:
    address = stack.new_address()
    page = new_page()
    _prove(stack, page, address)
    assert _arrived(stack, page) == _BY_CODE, "nobody is asked at the first login"

    page = new_page(**_PHONE)
    _prove(stack, page, address)
    expect(page.get_by_role("heading", name=_OFFER)).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Not now").click()
    assert _arrived(stack, page) == _BY_CODE
    _prove(stack, page, address, is_known=True)
    assert _arrived(stack, page) == _BY_CODE, "a no holds"

    _as_if_days_had_passed(stack)
    page = new_page()
    device = Device(page)
    page.on("dialog", lambda dialog: dialog.accept("my device"))
    _prove(stack, page, address)
    page.get_by_role("button", name="Set up a passkey").click()
    expect(page.locator("#registerWebAuthn")).to_be_visible()
    assert _actions(stack, address) == [REGISTRATION]

    _prove(stack, page, address)
    expect(page.get_by_role("heading", name=_OFFER)).to_be_visible()
    assert _actions(stack, address) == [], "left there, taken back, and asked anew"
    page.get_by_role("button", name="Set up a passkey").click()
    register(page)
    assert _arrived(stack, page) == _BY_CODE
    assert _actions(stack, address) == []
    _use_and_lose(stack, new_page, address, device.credentials)


def _use_and_lose(
    stack: Stack, new_page: Callable[..., Page], address: str, kept: list[dict[str, Any]]
) -> None:
    assert len(kept) == 1
    page = new_page()
    device = Device(page, is_touched=False)
    device.take(kept)
    page.goto(f"{stack.applications[PASSKEYS].url}/login")
    expect(page.locator("#authenticateWebAuthnButton")).to_be_visible()
    # This axe is older than HTML's word "webauthn".
    assert [it for it in violations(page) if "username webauthn" not in it] == []
    authenticate(page, device)
    assert _arrived(stack, page) == ["pop"], "by the button"

    page = new_page()
    Device(page).take(kept)
    page.goto(f"{stack.applications[PASSKEYS].url}/login")
    assert _arrived(stack, page) == ["pop"], "by what the field offers"

    page = new_page()
    device = Device(page, is_touched=False)
    device.take(kept)
    device.lose()
    page.goto(f"{stack.applications[PASSKEYS].url}/login")
    authenticate(page, device)
    expect(page.get_by_text("Failed to authenticate by the Passkey.")).to_be_visible()
    _prove(stack, page, address, goes_there=False)
    assert _arrived(stack, page) == _BY_CODE, (
        "the device is gone, the code is not; nobody is asked who has one"
    )


def test_required_of_everybody_but_whom_an_admin_lets_off(
    stack: Stack, new_page: Callable[..., Page], shots: Callable[[Page, str], None]
) -> None:
    address, realm = stack.new_address(), stack.admin.at("realms", KEYED)
    page = new_page()
    _prove(stack, page, address, realm=KEYED)
    assert _arrived(stack, page, KEYED) == _BY_CODE, "nobody is asked at the first login"

    page = new_page(**_PHONE)
    page.add_init_script("delete window.PublicKeyCredential")
    _prove(stack, page, address, realm=KEYED)
    expect(page.get_by_role("heading", name=_OFFER)).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(1)
    assert violations(page) == []
    shots(page, "required")
    # A no that the page does not offer is none.
    page.locator('input[name="passkey"]').evaluate("field => { field.value = 'no' }")
    page.get_by_role("button", name="Set up a passkey").click()
    expect(page.locator("#registerWebAuthn")).to_be_visible()
    assert _actions(stack, address, KEYED) == [REGISTRATION]
    register(page)
    expect(page.get_by_text("not supported by this browser")).to_be_visible()
    shots(page, "unsupported")
    page.goto(f"{stack.applications[KEYED].url}/login")
    expect(page.get_by_label("Email address")).to_be_visible()

    _as_if_days_had_passed(stack)
    parts = Parts.build(stack.settings)
    parts.passkeys().take_back_abandoned()
    parts.database.dispose()
    assert _actions(stack, address, KEYED) == [], "left there, taken back by the worker"

    realm.post("roles", body={"name": LET_OFF})
    role, user = realm.get("roles", LET_OFF), str(stack.user(KEYED, address)["id"])
    realm.post("users", user, "role-mappings", "realm", body=[role])
    page = new_page()
    _prove(stack, page, address, realm=KEYED)
    assert _arrived(stack, page, KEYED) == _BY_CODE, "let off by an admin"

    realm.delete("roles", LET_OFF)
    page = new_page()
    device = Device(page)
    page.on("dialog", lambda dialog: dialog.accept("my device"))
    _prove(stack, page, address, realm=KEYED)
    page.get_by_role("button", name="Set up a passkey").click()
    register(page)
    assert _arrived(stack, page, KEYED) == _BY_CODE
    assert (len(device.credentials), _actions(stack, address, KEYED)) == (1, [])
    _prove(stack, page, address, realm=KEYED, is_known=True)
    assert _arrived(stack, page, KEYED) == _BY_CODE, "who has one is not asked again"
