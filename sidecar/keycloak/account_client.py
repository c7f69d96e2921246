"""The account page's client in a realm: made, kept as it must be, and taken out again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak.admin import Admin
from sidecar.keycloak.change import Change, differences, merged
from sidecar.keycloak.service_account import ServiceAccount
from sidecar.keycloak.step import settled

#: Users sign in through it; it has no account of its own, so no roles.
ACCOUNT_PAGE = ServiceAccount(
    client_id="passwordless-account",
    name="Passwordless login's account page",
    purpose="account-page-client",
    roles=(),
)
#: Client attribute by which we know our own.
_OURS = "passwordless.account"
#: Set when it is made; what an admin does to them later stays.
_SCOPES = ("defaultClientScopes", "optionalClientScopes")


@dataclass(frozen=True, kw_only=True)
class AccountClient:
    """The client as realm-config has it: one redirect URI, PKCE, and our key's signature instead of a secret."""

    realm: Admin
    desired: Mapping[str, Any]
    what: str = f"client {ACCOUNT_PAGE.client_id}"

    def check(self) -> Change:
        actual = own_client(self.realm)
        if actual is None:
            return Change(
                kind="create", what=self.what, detail=("users sign in to their account page by it",)
            )
        return settled(self.what, differences(self._kept(), actual))

    def do(self) -> None:
        actual = own_client(self.realm)
        if actual is None:
            self.realm.post("clients", body=self.desired)
        else:
            self.realm.put("clients", actual["id"], body=merged(actual, self._kept()))

    def _kept(self) -> dict[str, Any]:
        return {key: value for key, value in self.desired.items() if key not in _SCOPES}


@dataclass(frozen=True, kw_only=True)
class RemovedAccountClient:
    """The client, with the sessions of those who signed in through it."""

    realm: Admin
    what: str = f"client {ACCOUNT_PAGE.client_id}"

    def check(self) -> Change:
        return Change(kind="keep" if own_client(self.realm) is None else "remove", what=self.what)

    def do(self) -> None:
        actual = own_client(self.realm)
        if actual is not None:
            self.realm.delete("clients", actual["id"])


def own_client(realm: Admin) -> dict[str, Any] | None:
    """The account page's client.

    Raises:
        KeycloakUnavailable: one of that name is somebody else's.
    """
    found: list[dict[str, Any]] = realm.find("clients", clientId=ACCOUNT_PAGE.client_id) or []
    if not found:
        return None
    if found[0].get("attributes", {}).get(_OURS) != "true":
        raise KeycloakUnavailable(
            f"the realm has another client '{ACCOUNT_PAGE.client_id}', which this tool did not make:"
            " rename or delete it"
        )
    return found[0]
