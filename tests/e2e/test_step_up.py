"""A second factor where an application asks for one, and what tokens say of each login; real Keycloak and browser."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pyotp
import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet
from playwright.sync_api import Page, expect

from tests.device import Device, authenticate, register
from tests.e2e.conftest import STEP_UP, Stack
from tests.e2e.test_sign_in import type_address, type_code
from tests.stack import wait_until

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]

_TOTP = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1"}
_SECRET = "a-secret-of-twenty-b"


def _ask(stack: Stack, page: Page, address: str, *, is_known: bool = False, **asked: str) -> None:
    """From the application's login link, with what it asks for, through the code of a new mail.

    Whoever is signed in already (`is_known`) is not asked for the address again, nor can change it.
    """
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    page.goto(f"{stack.applications[STEP_UP].url}/login?{query}")
    before = len(stack.mail.to(address))
    if is_known:
        expect(page.get_by_label("Email address")).to_have_count(0)
        page.get_by_role("button", name="Continue").click()
    else:
        type_address(page, address)
    type_code(page, stack.mail.wait_for(address, before + 1).code)


def _prove(stack: Stack, page: Page, address: str, *, is_known: bool = False, **asked: str) -> None:
    """The same by a text message to a number, or by the link of a mail to an address."""
    by_text = address.startswith("+")
    query = "&".join(
        f"{name}={value}" for name, value in {**asked, **({} if by_text else {"send": "link"})}.items()
    )
    before = len(stack.gateway.to(address) if by_text else stack.mail.to(address))
    page.goto(f"{stack.applications[STEP_UP].url}/login?{query}")
    if not is_known:
        page.get_by_label("Email address or mobile number").fill(address)
    page.get_by_role("button", name="Continue", exact=True).click()
    if by_text:
        type_code(page, stack.gateway.wait_for(address, before + 1).code)
        return
    expect(page.get_by_role("heading", name="Check your email")).to_be_visible()
    page.goto(stack.mail.wait_for(address, before + 1).link)
    page.get_by_role("button", name="Sign in", exact=True).click()


def _arrived(stack: Stack, page: Page) -> tuple[dict[str, Any], dict[str, Any]]:
    """The application's page is there: what the ID token and the access token of this login say."""
    application = stack.applications[STEP_UP]
    page.wait_for_url(f"{application.url}/me")
    token = application.logins[-1]
    certs = f"{stack.keycloak}/realms/{STEP_UP}/protocol/openid-connect/certs"
    keys = KeySet.import_key_set(requests.get(certs, timeout=10).json())
    id_claims, access_claims = (
        jwt.decode(token[name], keys, algorithms=["RS256"]).claims for name in ("id_token", "access_token")
    )
    for name in ("amr", "acr", "auth_time"):
        assert id_claims[name] == access_claims[name], name
    return id_claims, access_claims


def _with_totp(stack: Stack, address: str) -> pyotp.TOTP:
    """The user of that address, known to the sidecar by now, gets an authenticator app."""
    realm = stack.admin.at("realms", STEP_UP)
    user = stack.user(STEP_UP, address)
    credential = {
        "type": "otp",
        "secretData": json.dumps({"value": _SECRET}),
        "credentialData": json.dumps(_TOTP),
    }
    realm.put("users", str(user["id"]), body={**user, "credentials": [credential]})
    return pyotp.TOTP(base64.b32encode(_SECRET.encode()).decode())


def test_a_code_by_email_is_one_factor(stack: Stack, page: Page) -> None:
    before = int(time.time())
    _ask(stack, page, stack.new_address())

    claims, _ = _arrived(stack, page)

    assert ("1", ["otp", "email"]) == (claims["acr"], claims["amr"])
    assert before <= claims["auth_time"] <= time.time()


def test_an_application_that_asks_for_two_factors_gets_them(stack: Stack, page: Page) -> None:
    address = stack.new_address()
    _ask(stack, page, address)
    assert "1" == _arrived(stack, page)[0]["acr"]
    app = _with_totp(stack, address)
    logins = len(stack.applications[STEP_UP].logins)

    _ask(stack, page, address, is_known=True, acr_values="2")

    expect(page.get_by_label("One-time code")).to_be_visible()
    assert logins == len(stack.applications[STEP_UP].logins)
    page.get_by_label("One-time code").fill(app.now())
    page.get_by_role("button", name="Sign In").click()
    claims, _ = _arrived(stack, page)
    assert "2" == claims["acr"]
    assert ["otp", "email"] == claims["amr"]


def test_whoever_has_no_second_factor_is_refused_and_enrols_none(stack: Stack, page: Page) -> None:
    """One that the mailbox's reader could set up at once would be worth no more than the mailbox."""
    address = stack.new_address()
    logins = len(stack.applications[STEP_UP].logins)

    _ask(stack, page, address, acr_values="2")

    expect(page.get_by_text("Cannot login, credential setup required.")).to_be_visible()
    assert logins == len(stack.applications[STEP_UP].logins)
    page.goto(f"{stack.applications[STEP_UP].url}/me")
    expect(page).to_have_title("signed out")


@pytest.mark.parametrize("asked", [{"max_age": "0"}, {"prompt": "login"}], ids=["max_age", "prompt"])
def test_an_application_that_asks_for_a_fresh_login_gets_one(
    stack: Stack, page: Page, asked: dict[str, str]
) -> None:
    address = stack.new_address()
    _ask(stack, page, address)
    first, _ = _arrived(stack, page)
    page.goto(f"{stack.applications[STEP_UP].url}/login")
    assert first["auth_time"] == _arrived(stack, page)[0]["auth_time"]
    logins = len(stack.applications[STEP_UP].logins)
    # Keycloak counts in whole seconds: within this one, nothing is older than 0.
    wait_until(lambda: int(time.time()) > first["auth_time"], "the next second")

    _ask(stack, page, address, is_known=True, **asked)

    again, _ = _arrived(stack, page)
    assert logins + 1 == len(stack.applications[STEP_UP].logins)
    assert first["auth_time"] < again["auth_time"]
    assert ("1", first["sub"]) == (again["acr"], again["sub"])


@pytest.mark.parametrize(
    ("by", "amr", "action"),
    [
        ("link", ["otp", "link", "email"], "webauthn-register-passwordless"),
        ("text", ["otp", "sms"], "webauthn-register"),
    ],
    ids=["a passkey after a link", "a security key after a text"],
)
def test_keys_are_second_factors_too(stack: Stack, page: Page, by: str, amr: list[str], action: str) -> None:
    address = stack.new_number() if by == "text" else stack.new_address()
    Device(page, is_passkey=action != "webauthn-register")
    page.on("dialog", lambda dialog: dialog.accept("my device"))
    _prove(stack, page, address)
    claims, _ = _arrived(stack, page)
    assert ("1", amr) == (claims["acr"], claims["amr"])
    page.goto(f"{stack.applications[STEP_UP].url}/login?kc_action={action}")
    register(page)
    page.wait_for_url(f"{stack.applications[STEP_UP].url}/me")
    logins = len(stack.applications[STEP_UP].logins)

    _prove(stack, page, address, is_known=True, acr_values="2")

    expect(page.locator("#authenticateWebAuthnButton")).to_be_visible()
    assert logins == len(stack.applications[STEP_UP].logins), "not before the key"
    authenticate(page)
    claims, _ = _arrived(stack, page)
    assert ("2", amr) == (claims["acr"], claims["amr"])
