"""Who lacks a passkey, by what Keycloak says of a user; on the real Keycloak in tests/e2e."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.keycloak import Accounts, PasskeyUsers
from sidecar.keycloak.passkey_accounts import LET_OFF
from sidecar.keycloak.passkeys import REGISTRATION

_PASSWORD, _PASSKEY = {"type": "password"}, {"type": "webauthn-passwordless"}


class Ada:
    """An admin API of a realm with one user."""

    def __init__(self, credentials: list[Any], roles: list[str], actions: list[str]) -> None:
        self._user = {"id": "ada", "requiredActions": actions}
        self._told = {"credentials": credentials, "composite": [{"name": it} for it in roles]}

    def at(self, *_: str) -> Ada:
        return self

    def get(self, *path: str, **_: str) -> list[Any]:
        return self._told[path[-1]] if len(path) > 1 else [self._user]


@pytest.mark.parametrize(
    ("credentials", "roles", "actions", "is_asked"),
    [
        ([], [], [], True),
        ([_PASSWORD], ["offline_access"], ["VERIFY_EMAIL"], True),
        ([_PASSWORD, _PASSKEY], [], [], False),
        ([], [], [REGISTRATION], False),
        ([], ["offline_access", LET_OFF], [], False),
    ],
)
def test_who_has_none_is_asked_but_whom_an_admin_let_off(
    make_settings, credentials, roles, actions, is_asked
):
    settings = make_settings(service_account=True)
    users = PasskeyUsers(Accounts(settings, connect=lambda *_: Ada(credentials, roles, actions)))
    assert users.lacks_passkey("acme", "email", "email.ada") == is_asked
