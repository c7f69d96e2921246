"""An unmodified SDK of the registry against the real sidecar and Keycloak: what it sends, and what it can live with."""

from __future__ import annotations

import re
import time

import pytest
import requests
from auth0.authentication import GetToken, Passwordless
from auth0.authentication.exceptions import Auth0Error, RateLimitError
from joserfc import jwt
from joserfc.jwk import KeySet
from playwright.sync_api import expect

from tests.e2e.api_callers import let_call
from tests.e2e.conftest import NUMBERS

pytestmark = pytest.mark.keycloak

OTP_GRANT = "http://auth0.com/oauth/grant-type/passwordless/otp"
PUBLIC, CONFIDENTIAL, SECRET = "embedded", "embedded-confidential", "an-embedded-secret-of-this-run"


@pytest.fixture(scope="module")
def clients(stack):
    """Both kinds, switched on as the command does it."""
    realm = stack.admin.at("realms", NUMBERS)
    for client_id, is_public in ((PUBLIC, True), (CONFIDENTIAL, False)):
        realm.post(
            "clients",
            body={
                "clientId": client_id,
                "publicClient": is_public,
                "secret": SECRET,
                "standardFlowEnabled": True,
                "redirectUris": ["http://localhost/app"],
                "attributes": {"pkce.code.challenge.method": "S256"},
            },
        )
        let_call(stack.admin, stack.settings, NUMBERS, client_id)


def sdk(stack, client_id):
    domain = stack.sidecar.removeprefix("http://")
    secret = SECRET if client_id == CONFIDENTIAL else None
    given = {"client_secret": secret, "protocol": "http"}
    return Passwordless(domain, client_id, **given), GetToken(domain, client_id, **given)


def claims_of(stack, token):
    issuer = f"{stack.keycloak}/realms/{NUMBERS}"
    keys = KeySet.import_key_set(requests.get(f"{issuer}/protocol/openid-connect/certs", timeout=10).json())
    claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
    assert issuer == claims["iss"]
    return claims


@pytest.mark.parametrize("client_id", [PUBLIC, CONFIDENTIAL])
def test_a_code_by_email_ends_in_keycloaks_own_tokens(stack, clients, client_id):
    """A new user, then the same one again; and the refresh token refreshes."""
    start, tokens = sdk(stack, client_id)
    address = stack.new_address("sdk")
    subjects = []
    for _ in range(2):
        started = start.email(address, send="code")
        assert re.fullmatch("[0-9a-f]{24}", started["_id"])
        assert (address, False) == (started["email"], started["email_verified"])
        mail = stack.mail.wait_for(address, len(subjects) + 1)

        got = tokens.passwordless_login(address, mail.code, "email", "openid profile email", "")

        assert {"access_token", "id_token", "refresh_token", "expires_in", "token_type"} <= set(got)
        claims = claims_of(stack, got["id_token"])
        assert (client_id, address, True) == (claims["aud"], claims["email"], claims["email_verified"])
        assert ["otp", "email"] == claims["amr"]
        subjects.append(claims["sub"])
    fresh = tokens.refresh_token(got["refresh_token"])
    assert subjects[0] == claims_of(stack, fresh["id_token"])["sub"]
    told = requests.get(
        f"{stack.sidecar}/userinfo", headers={"Authorization": f"Bearer {fresh['access_token']}"}, timeout=10
    )
    assert (200, subjects[0]) == (told.status_code, told.json()["sub"])
    assert subjects[0] == subjects[1]
    assert 1 == len(stack.identities(NUMBERS, address))


def test_a_code_by_sms(stack, clients):
    start, tokens = sdk(stack, PUBLIC)
    number = stack.new_number()

    started = start.sms(number)

    assert number == started["phone_number"]
    code = stack.gateway.wait_for(number).code
    got = tokens.passwordless_login(number, code, "sms", "openid", "")
    assert ["otp", "sms"] == claims_of(stack, got["id_token"])["amr"]


def test_wrong_codes(stack, clients):
    start, tokens = sdk(stack, PUBLIC)
    address = stack.new_address("wrong")
    start.email(address, send="code")
    code = stack.mail.wait_for(address).code
    wrong = f"{(int(code) + 1) % 10**6:06d}"

    told = []
    for _ in range(6):
        with pytest.raises(Auth0Error) as refused:
            tokens.passwordless_login(address, wrong, "email", "openid", "")
        told.append((refused.value.status_code, refused.value.error_code, refused.value.message))

    assert (403, "invalid_grant", "Wrong email or verification code.") == told[0]
    assert (
        403,
        "invalid_grant",
        "You've reached the maximum number of attempts. Please try to login again.",
    ) == told[5]
    with pytest.raises(Auth0Error):
        tokens.passwordless_login(address, code, "email", "openid", "")


def test_too_many_starts(stack, clients):
    """The SDK reads the second at which it may go on, and insists on a whole number."""
    start, _ = sdk(stack, PUBLIC)
    address = stack.new_address("often")
    for _ in range(5):
        start.email(address, send="code")

    with pytest.raises(RateLimitError) as refused:
        start.email(address, send="code")

    assert (429, "too_many_requests") == (refused.value.status_code, refused.value.error_code)
    assert 0 < refused.value.reset_at - time.time() <= 3600


def test_a_wrong_secret_is_no_client(stack, clients):
    domain = stack.sidecar.removeprefix("http://")
    with pytest.raises(Auth0Error) as refused:
        Passwordless(domain, CONFIDENTIAL, client_secret="wrong", protocol="http").email("a@example.org")
    assert (401, "invalid_client") == (refused.value.status_code, refused.value.error_code)


@pytest.mark.browser
def test_a_user_whom_keycloak_asks_something_goes_on_in_a_browser(stack, clients, new_page):
    """And comes back to the SDK once that is done; of a disabled one Keycloak asks nothing more."""
    start, tokens = sdk(stack, PUBLIC)
    address = stack.new_address("pending")
    start.email(address, send="code")
    tokens.passwordless_login(address, stack.mail.wait_for(address).code, "email", "openid", "")
    realm = stack.admin.at("realms", NUMBERS)
    user = stack.user(NUMBERS, address)
    realm.put("users", user["id"], body={**user, "requiredActions": ["UPDATE_PASSWORD"]})
    start.email(address, send="code")
    given = {"username": address, "otp": stack.mail.wait_for(address, 2).code, "realm": "email"}

    answer = requests.post(
        f"{stack.sidecar}/oauth/token",
        json={"grant_type": OTP_GRANT, "client_id": PUBLIC, "scope": "openid", **given},
        timeout=30,
    )

    told = answer.json()
    assert (403, "interaction_required") == (answer.status_code, told["error"])
    page = new_page()
    page.goto(told["interaction_url"])
    page.get_by_label("Email address or mobile number").fill(address)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Code", exact=True).fill(stack.mail.wait_for(address, 3).code)
    page.get_by_label("New Password", exact=True).fill("a-password-of-this-test-run")
    page.get_by_label("Confirm password", exact=True).fill("a-password-of-this-test-run")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#email")).to_have_value(address)
    start.email(address, send="code")
    assert tokens.passwordless_login(address, stack.mail.wait_for(address, 4).code, "email", "openid", "")
    realm.put("users", user["id"], body={**user, "enabled": False})
    start.email(address, send="code")
    code = stack.mail.wait_for(address, 5).code
    with pytest.raises(Auth0Error) as refused:
        tokens.passwordless_login(address, code, "email", "openid", "")
    assert (401, "unauthorized", "user is blocked") == (
        refused.value.status_code,
        refused.value.error_code,
        refused.value.message,
    )
