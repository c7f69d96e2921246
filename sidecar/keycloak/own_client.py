"""The clients that we make in a realm: by their id and our mark, so that nobody else's is taken for ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak.admin import Admin
from sidecar.keycloak.change import Change


@dataclass(frozen=True, kw_only=True)
class OwnClient:
    """One of them. `mark`: the client attribute by which we know that we made it."""

    client_id: str
    mark: str

    @property
    def what(self) -> str:
        return f"client {self.client_id}"

    def find(self, realm: Admin) -> dict[str, Any] | None:
        """The client, if the realm has it.

        Raises:
            KeycloakUnavailable: one of that name is somebody else's.
        """
        found = self._of_that_name(realm)
        if not found:
            return None
        if not self._has_our_mark(found[0]):
            raise KeycloakUnavailable(
                f"the realm has another client '{self.client_id}', which this tool did not make: rename or delete it"
            )
        return found[0]

    def is_in(self, realm: Admin) -> bool:
        """Whether the realm has it; one of somebody else's does not count."""
        return any(map(self._has_our_mark, self._of_that_name(realm)))

    def _of_that_name(self, realm: Admin) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = realm.get("clients", clientId=self.client_id)
        return found

    def _has_our_mark(self, client: Mapping[str, Any]) -> bool:
        return bool((client.get("attributes") or {}).get(self.mark) == "true")


@dataclass(frozen=True, kw_only=True)
class RemovedClient:
    """The client, with all that Keycloak keeps under it: roles, a service account, sessions of its users."""

    realm: Admin
    client: OwnClient

    @property
    def what(self) -> str:
        return self.client.what

    def check(self) -> Change:
        return Change(kind="keep" if self.client.find(self.realm) is None else "remove", what=self.what)

    def do(self) -> None:
        actual = self.client.find(self.realm)
        if actual is not None:
            self.realm.delete("clients", actual["id"])
