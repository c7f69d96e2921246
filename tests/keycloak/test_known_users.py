"""Whom a realm has an account for, asked of the real Keycloak by the sidecar's own account."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak import Accounts, KnownUsers, apply_realm, bootstrap_realm
from tests.login.test_codes import CHALLENGE

_NUMBER = "+447400123456"
_USERS = {
    "ada": {"email": "Ada@Example.org"},
    "proven": {"email": "proven@example.org", "emailVerified": True},
    "off": {"email": "off@example.org", "enabled": False},
    # Others who have the number, but not proven, and come first.
    **{f"also-{it}": {"attributes": {"phone_number": [_NUMBER]}} for it in range(3)},
    "by-number": {"attributes": {"phone_number": [_NUMBER], "phone_number_verified": ["true"]}},
    "typed": {"attributes": {"phone_number": ["+447400123457"], "phone_number_verified": ["false"]}},
    "named": {"username": "eve@example.org", "email": "other@example.org"},
}


@pytest.mark.keycloak
def test_an_enabled_user_is_known_by_email_or_by_proven_number(admin, realm, realm_name, own_settings):
    settings = own_settings(connections=("email", "sms"), service_account=True)
    apply_realm(admin, settings, realm_name, theme="stock")
    bootstrap_realm(admin, settings, realm_name)
    for name, user in _USERS.items():
        realm.post("users", body={"username": name, "enabled": True, **user})
    known = KnownUsers(settings, Accounts(settings))

    def has(address: str) -> bool:
        return known.have(replace(CHALLENGE, realm=realm_name, address=address))

    assert has("ada@example.org")
    assert has(_NUMBER)
    strangers = [
        *("da@example.org", "ada@example.or", "a*@example.org", "off@example.org", "eve@example.org"),
        *("+447400123457", "+44740012345", "+4474001234567"),
    ]
    assert [it for it in strangers if has(it)] == []
    seen = {}
    for linking in ("prompt", "verified", "separate"):
        connection = replace(settings.realms[realm_name].connections["email"], linking=linking)
        own = replace(settings.realms[realm_name], connections={"email": connection})
        known = KnownUsers(replace(settings, realms={realm_name: own}), Accounts(settings))
        seen[linking] = (has("ada@example.org"), has("proven@example.org"))
    assert seen == {"prompt": (True, True), "verified": (False, True), "separate": (False, False)}


def test_a_keycloak_that_did_not_answer_is_left_alone_for_a_while(make_settings):
    times, asked = [0.0], []

    class Away:
        def realm(self, name: str):
            asked.append(name)
            raise KeycloakUnavailable("away")

    known = KnownUsers(make_settings(service_account=True), Away(), clock=lambda: times[0])
    challenge = replace(CHALLENGE, realm="acme", address="ada@example.org")
    for at in (0.0, 5.0, 14.0, 16.0):
        times[0] = at
        with pytest.raises(KeycloakUnavailable):
            known.have(challenge)
    assert len(asked) == 2
