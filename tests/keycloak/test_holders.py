"""Who has an address is decided here, whatever Keycloak's search takes for a hit."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.keycloak import Accounts, KeycloakUsers
from sidecar.model.account import Holder

_NUMBER = "+447411731904"


class Hits:
    """An admin API whose search finds these users for every question."""

    def __init__(self, *users: dict[str, Any]) -> None:
        self._users = [{"id": f"u{number}", "enabled": True, **user} for number, user in enumerate(users)]

    def at(self, *_: str) -> Hits:
        return self

    def get(self, *path: str, **_: str) -> list[Any]:
        return [] if path[-1] == "federated-identity" else self._users


@pytest.fixture
def found(make_settings):
    def found(address: str, *users: dict[str, Any]) -> tuple[Holder, ...]:
        accounts = Accounts(make_settings(service_account=True), connect=lambda *_: Hits(*users))
        return KeycloakUsers(accounts).find("acme", address, alias="email").holders

    return found


def test_an_email_is_compared_in_our_form(found):
    holders = found(
        "ada@example.org",
        {"username": "a", "email": "Ada@Example.ORG", "emailVerified": True},
        {"username": "b", "email": "ada@example.org.evil.example", "emailVerified": True},
        {"username": "c", "email": "bada@example.org", "emailVerified": True},
        {"username": "d", "email": "adа@example.org", "emailVerified": True},
        {"username": "ada@example.org"},
        {"username": "f", "email": ""},
    )
    assert [it.user_id for it in holders] == ["u0"]


@pytest.mark.parametrize("said", [False, None, "true", 1])
def test_only_what_keycloak_says_in_so_many_words_is_verified(found, said):
    (holder,) = found("ada@example.org", {"username": "a", "email": "ada@example.org", "emailVerified": said})
    assert not holder.is_verified


def test_an_attested_number_does_not_verify_an_email(found):
    attested = {"phone_number": [_NUMBER], "phone_number_verified": ["true"]}
    user = {"username": "a", "email": "ada@example.org", "emailVerified": False, "attributes": attested}
    (holder,) = found("ada@example.org", user)
    assert not holder.is_verified


@pytest.mark.parametrize(
    "attributes",
    [
        {"phone_number": [_NUMBER], "phone_number_verified": ["false"]},
        {"phone_number": [_NUMBER]},
        {"phone_number": [_NUMBER, "+447400000000"], "phone_number_verified": ["true"]},
    ],
)
def test_a_number_is_verified_only_where_it_was_attested_and_is_the_only_one(found, attributes):
    (holder,) = found(_NUMBER, {"username": "a", "emailVerified": True, "attributes": attributes})
    assert not holder.is_verified


@pytest.mark.parametrize(
    "attributes",
    [
        {"phone_number": ["+447400000000"], "phone_number_verified": ["true"]},
        {"phoneNumber": [_NUMBER], "phone_number_verified": ["true"]},
        {"phone_number_verified": ["true"]},
        {},
    ],
)
def test_who_has_another_number_or_none_does_not_have_it(found, attributes):
    assert found(_NUMBER, {"username": "a", "emailVerified": True, "attributes": attributes}) == ()


def test_who_has_a_number_verified_is_not_held_up_by_those_who_have_not(found):
    attested = {"phone_number": [_NUMBER], "phone_number_verified": ["true"]}
    typed = {"phone_number": [_NUMBER]}
    users = [
        {"username": name, "attributes": it} for name, it in (("a", typed), ("b", attested), ("c", typed))
    ]
    assert [it.user_id for it in found(_NUMBER, *users)] == ["u1"]


def test_a_user_of_a_federation_is_told_apart(found):
    user = {"username": "a", "email": "ada@example.org", "federationLink": "ldap", "enabled": False}
    (holder,) = found("ada@example.org", user)
    assert (holder.is_ours, holder.is_enabled) == (False, False)
