"""The client of the API's admin side in a realm: its roles say who may, its scope brings them into tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sidecar.keycloak.admin import Admin
from sidecar.keycloak.change import Change, differences, merged
from sidecar.keycloak.own_client import OwnClient
from sidecar.keycloak.step import named, settled
from sidecar.model.admin import CLIENT_ID

#: The roles of one that somebody else made would open the API.
ADMIN_API_CLIENT = OwnClient(client_id=CLIENT_ID, mark="passwordless.adminApi")


@dataclass(frozen=True, kw_only=True)
class AdminApiClient:
    """The client as realm-config has it, with its roles, which its scope may carry. Who has a role is the admin's."""

    realm: Admin
    desired: Mapping[str, Any]
    roles: Sequence[Mapping[str, Any]]
    what: str = ADMIN_API_CLIENT.what

    def check(self) -> Change:
        actual = ADMIN_API_CLIENT.find(self.realm)
        if actual is None:
            return Change(
                kind="create", what=self.what, detail=("its roles let users into the API's admin side",)
            )
        missing = [f"role {name}: is missing" for name in self._missing_roles(actual)]
        unmapped = [f"role {name}: is not in its client scope" for name in self._unmapped_roles(actual)]
        return settled(self.what, (*differences(self.desired, actual), *missing, *unmapped))

    def do(self) -> None:
        actual = ADMIN_API_CLIENT.find(self.realm)
        if actual is None:
            self.realm.post("clients", body=self.desired)
            actual = ADMIN_API_CLIENT.find(self.realm) or {}
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
