"""Steps on the realm's applications: that the settings name them rightly, and what they choose for themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sidecar.errors import SettingsError
from sidecar.keycloak.admin import Admin
from sidecar.keycloak.change import Change
from sidecar.settings import Client

#: Client attribute: the connection that the login page offers first; our theme reads it.
CONNECTION = "passwordless.connection"
#: Client attribute of Keycloak's own.
THEME = "login_theme"
#: Client attribute: the login theme that we gave the client, and what it had before.
PREVIOUS_THEME = "passwordless.previousLoginTheme"
_BETWEEN = " instead of "


@dataclass(frozen=True, kw_only=True)
class ClientIds:
    """The settings name each application that looks otherwise as Keycloak's broker will; only looked at, never done.

    Raises:
        SettingsError: at the check, if one is named otherwise; it says how.
    """

    realm: Admin
    realm_name: str
    clients: tuple[Client, ...]
    what: str = "applications with a look of their own"

    def check(self) -> Change:
        missing, wrong = [], []
        for client in self.clients:
            found = self.realm.get("clients", clientId=client.client_id)
            if not found:
                missing.append(f"{client.client_id}: the realm has no such client yet")
            elif (right := _broker_name(found[0])) != client.id:
                wrong.append(f'realms.{self.realm_name}.clients.{client.client_id}.id: write "{right}"')
        if wrong:
            raise SettingsError(
                "our pages and messages would not know these applications, which the login page knows:\n  "
                + "\n  ".join(wrong)
            )
        return Change(kind="keep", what=self.what, detail=tuple(missing))

    def do(self) -> None:
        """Nothing: the settings are the operator's."""


def _broker_name(client: Mapping[str, Any]) -> str:
    """How Keycloak's broker names a client in `state`: by its id if that is a UUID, else by its `clientId`."""
    try:
        return str(UUID(client["id"]))
    except ValueError:
        return str(client["clientId"])


@dataclass(frozen=True, kw_only=True)
class ClientChoices:
    """Each application has the first connection and the login theme of the settings; the others have none of ours."""

    realm: Admin
    clients: Mapping[str, Client]
    what: str = "what applications choose"

    def check(self) -> Change:
        there = self._all()
        found = [line for client in there for line in self._lines(client)]
        missing = {it.client_id for it in self.clients.values() if it.connection or it.theme}
        missing -= {client["clientId"] for client in there}
        detail = [f"{name}: the realm has no such client yet" for name in sorted(missing)]
        return Change(kind="change" if found else "keep", what=self.what, detail=(*found, *detail))

    def do(self) -> None:
        for client in self._all():
            if wanted := self._wanted(client):
                attributes = {**client.get("attributes", {}), **wanted}
                self.realm.put("clients", client["id"], body={**client, "attributes": attributes})

    def _lines(self, client: Mapping[str, Any]) -> list[str]:
        attributes = client.get("attributes", {})
        return [
            f"{client['clientId']}: {_NAMES[name]}: {attributes.get(name) or 'not set'} → {value or 'not set'}"
            for name, value in self._wanted(client).items()
            if name in _NAMES
        ]

    def _all(self) -> list[dict[str, Any]]:
        clients: list[dict[str, Any]] = self.realm.get("clients")
        return clients

    def _wanted(self, client: Mapping[str, Any]) -> dict[str, str]:
        """The attributes that must change; an empty text takes one away."""
        attributes = client.get("attributes", {})
        said = self.clients.get(client["clientId"])
        wanted = {}
        connection = said.connection if said else ""
        if attributes.get(CONNECTION, "") != connection:
            wanted[CONNECTION] = connection
        return wanted | _theme(attributes, said.theme if said else "")


#: What they are called in a plan.
_NAMES = {CONNECTION: "first connection", THEME: "login theme"}


def _theme(attributes: Mapping[str, str], wanted: str) -> dict[str, str]:
    present = attributes.get(THEME, "")
    ours, _, before = attributes.get(PREVIOUS_THEME, "").partition(_BETWEEN)
    if wanted:
        # What was before us, also where the settings change their mind.
        kept = before if ours and present == ours else present
        noted = f"{wanted}{_BETWEEN}{kept}"
        changes = {THEME: wanted, PREVIOUS_THEME: noted}
        return {} if present == wanted and ours == wanted else changes
    if not ours:
        return {}
    return {PREVIOUS_THEME: "", **({THEME: before} if present == ours else {})}
