"""The sign-in flow on a real Keycloak, with what a person or an attacker can send to it."""

from __future__ import annotations

import pytest

from sidecar.keycloak import apply_realm
from tests.keycloak.browsing import CLIENT, Browser

pytestmark = pytest.mark.keycloak

_PASSWORD = "correct-Horse-7-battery"
_FIELDS = ("username", "user", "email", "login", "login_hint", "credentialId", "password", "passwordless")


def _user(realm, name: str, *, password: str | None) -> None:
    credentials = [{"type": "password", "value": password}] if password else []
    realm.post(
        "users",
        body={"username": name, "email": f"{name}@acme.example", "enabled": True, "credentials": credentials},
    )


@pytest.fixture(params=[True, False], ids=["with passwords", "without passwords"])
def users(request, admin, realm, realm_name, own_settings):
    """A realm with passwordless login and three users; gives whether it has passwords."""
    realm.post("clients", body=CLIENT)
    _user(realm, "with-password", password=_PASSWORD)
    _user(realm, "without-password", password=None)
    apply_realm(admin, own_settings(passwords=request.param), realm_name, theme="stock")
    return request.param


def _bodies(name: str):
    yield {}
    for field in _FIELDS:
        yield {field: name}
    for other in _FIELDS[1:]:
        yield {"username": name, other: name}
    yield {"username": name, "password": ""}
    yield {"username": name, "password": "wrong"}
    yield {"username": name, "authenticationExecution": "", "tryAnotherWay": "on"}
    yield {
        "username": name,
        "rememberMe": "on",
        "login": "Sign In",
        "error": "x",
        "userHandle": name,
        "isUserIdentified": "true",
    }


@pytest.mark.parametrize("name", ["with-password", "without-password", "with-password@acme.example"])
def test_a_posted_name_alone_never_signs_in(users, keycloak_url, realm_name, name):
    for body in _bodies(name):
        browser = Browser()
        answer = browser.send(browser.sign_in(keycloak_url, realm_name).action, body)
        assert answer.code is None, body
        assert browser.sign_in(keycloak_url, realm_name, prompt="none").code is None, body


def test_posting_again_does_not_get_further(users, keycloak_url, realm_name):
    """The same name sent to each next page, and once more to the first one, ends nowhere."""
    browser = Browser()
    first = browser.sign_in(keycloak_url, realm_name)
    page = browser.send(first.action, {"username": "without-password"})
    again = browser.send(first.action, {"username": "without-password"})
    assert page.code is again.code is None
    if "<form" in page.text:
        assert (
            browser.send(page.action, {"username": "without-password", "password": "without-password"}).code
            is None
        )
    assert browser.sign_in(keycloak_url, realm_name, prompt="none").code is None


def test_name_then_password_signs_in_where_passwords_are_on(users, keycloak_url, realm_name):
    browser = Browser()
    page = browser.send(browser.sign_in(keycloak_url, realm_name).action, {"username": "with-password"})
    if not users:
        assert page.status == 401
        return
    assert page.name == "login-login-password"
    assert browser.send(page.action, {"password": "wrong"}).code is None
    page = browser.send(browser.sign_in(keycloak_url, realm_name).action, {"username": "with-password"})
    assert browser.send(page.action, {"password": _PASSWORD}).code


def test_name_and_right_password_together_are_not_enough_without_passwords(users, keycloak_url, realm_name):
    """A realm without passwords takes none, even from who knows one."""
    browser = Browser()
    page = browser.send(
        browser.sign_in(keycloak_url, realm_name).action, {"username": "with-password", "password": _PASSWORD}
    )
    assert page.code is None
