"""The account page's client in a realm: made, and kept as it must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.keycloak.admin import Admin
from sidecar.keycloak.change import Change, differences, merged
from sidecar.keycloak.own_client import OwnClient
from sidecar.keycloak.service_account import ServiceAccount
from sidecar.keycloak.step import settled

#: Users sign in through it; it has no account of its own, so no roles.
ACCOUNT_PAGE = ServiceAccount(
    client_id="passwordless-account",
    name="Passwordless login's account page",
    purpose="account-page-client",
    roles=(),
)
ACCOUNT_CLIENT = OwnClient(client_id=ACCOUNT_PAGE.client_id, mark="passwordless.account")
#: Set when it is made; what an admin does to them later stays.
_SCOPES = ("defaultClientScopes", "optionalClientScopes")


@dataclass(frozen=True, kw_only=True)
class AccountClient:
    """The client as realm-config has it: one redirect URI, PKCE, and our key's signature instead of a secret."""

    realm: Admin
    desired: Mapping[str, Any]
    what: str = ACCOUNT_CLIENT.what

    def check(self) -> Change:
        actual = ACCOUNT_CLIENT.find(self.realm)
        if actual is None:
            return Change(
                kind="create", what=self.what, detail=("users sign in to their account page by it",)
            )
        return settled(self.what, differences(self._kept(), actual))

    def do(self) -> None:
        actual = ACCOUNT_CLIENT.find(self.realm)
        if actual is None:
            self.realm.post("clients", body=self.desired)
        else:
            self.realm.put("clients", actual["id"], body=merged(actual, self._kept()))

    def _kept(self) -> dict[str, Any]:
        return {key: value for key, value in self.desired.items() if key not in _SCOPES}
