"""The client of the API's admin side in a realm: its roles say who may, its scope brings them into tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak.admin import Admin
from sidecar.keycloak.change import Change, differences, merged
from sidecar.keycloak.step import named, settled
from sidecar.model.admin import CLIENT_ID

#: Client attribute by which we know our own.
_OURS = "passwordless.adminApi"


@dataclass(frozen=True, kw_only=True)
class AdminApiClient:
    """The client as realm-config has it, with its roles, which its scope may carry. Who has a role is the admin's."""

    realm: Admin
    desired: Mapping[str, Any]
    roles: Sequence[Mapping[str, Any]]
    what: str = f"client {CLIENT_ID}"

    def check(self) -> Change:
        actual = own_client(self.realm)
        if actual is None:
            return Change(
                kind="create", what=self.what, detail=("its roles let users into the API's admin side",)
            )
        missing = [f"role {name}: is missing" for name in self._missing_roles(actual)]
        unmapped = [f"role {name}: is not in its client scope" for name in self._unmapped_roles(actual)]
        return settled(self.what, (*differences(self.desired, actual), *missing, *unmapped))

    def do(self) -> None:
        actual = own_client(self.realm)
        if actual is None:
            self.realm.post("clients", body=self.desired)
            actual = own_client(self.realm) or {}
        else:
            self.realm.put("clients", actual["id"], body=merged(actual, self.desired))
        missing = self._missing_roles(actual)
        for role in self.roles:
            if role["name"] in missing:
                self.realm.post("clients", actual["id"], "roles", body=role)
        unmapped = self._unmapped_roles(actual)
        if unmapped:
            there = self.realm.get("clients", actual["id"], "roles")
            body = [role for role in there if role["name"] in unmapped]
            self.realm.post(*self._mappings(actual), body=body)

    def _missing_roles(self, actual: Mapping[str, Any]) -> list[str]:
        present = {role["name"] for role in self.realm.get("clients", actual["id"], "roles")}
        return [role["name"] for role in self.roles if role["name"] not in present]

    def _unmapped_roles(self, actual: Mapping[str, Any]) -> list[str]:
        mapped = {role["name"] for role in self.realm.find(*self._mappings(actual)) or ()}
        return [role["name"] for role in self.roles if role["name"] not in mapped]

    def _mappings(self, actual: Mapping[str, Any]) -> tuple[str, ...]:
        scope = named(self.realm.get("client-scopes"), CLIENT_ID) or {"id": CLIENT_ID}
        return ("client-scopes", scope["id"], "scope-mappings", "clients", actual["id"])


@dataclass(frozen=True, kw_only=True)
class RemovedAdminApiClient:
    """The client, with its roles."""

    realm: Admin
    what: str = f"client {CLIENT_ID}"

    def check(self) -> Change:
        return Change(kind="keep" if own_client(self.realm) is None else "remove", what=self.what)

    def do(self) -> None:
        actual = own_client(self.realm)
        if actual is not None:
            self.realm.delete("clients", actual["id"])


def own_client(realm: Admin) -> dict[str, Any] | None:
    """The client of the API's admin side.

    Raises:
        KeycloakUnavailable: one of that name is somebody else's, and its roles would open the API.
    """
    found: list[dict[str, Any]] = realm.find("clients", clientId=CLIENT_ID) or []
    if not found:
        return None
    if found[0].get("attributes", {}).get(_OURS) != "true":
        raise KeycloakUnavailable(
            f"the realm has another client '{CLIENT_ID}', which this tool did not make: rename or delete it"
        )
    return found[0]
