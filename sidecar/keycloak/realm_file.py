"""A realm in a file, for `plan` and `apply`: what they ask of the admin API, answered from a RealmRepresentation.

The same steps run over a file as over a running Keycloak, so what Keycloak imports afterwards is what they would have
made there.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from sidecar.errors import KeycloakUnavailable, SettingsError
from sidecar.keycloak.admin import Admin
from sidecar.keycloak.realm_file_parts import (
    DEFAULT_SCOPES,
    Clients,
    Components,
    DefaultScopes,
    Flows,
    Keys,
    Part,
    Path,
    Providers,
    Scopes,
    Texts,
    UserProfiles,
)

#: What a whole realm has; an import makes none of it once the file has any of its own.
_WHOLE = ("authenticationFlows", "clientScopes", "components", DEFAULT_SCOPES)
#: By the first segment of a path below the realm.
_PARTS: Mapping[str, type[Part]] = {
    "authentication": Flows,
    "client-scopes": Scopes,
    "clients": Clients,
    "components": Components,
    "default-default-client-scopes": DefaultScopes,
    "identity-provider": Providers,
    "keys": Keys,
    "localization": Texts,
    "users": UserProfiles,
}


class RealmFile(Admin):
    """The admin API over one realm's representation, as Keycloak exports it; what is written changes that object.

    It answers what the steps of `plan` and `apply` ask, and nothing else.
    """

    def __init__(self, realm: dict[str, Any], *path: str) -> None:
        self._realm = realm
        self._path = path

    @classmethod
    def of(cls, realm: Any, name: str) -> RealmFile:
        """The root of the API for the realm `name`, as it was read from a file.

        Raises:
            SettingsError: it is not that realm, or not the whole of it.
        """
        if not isinstance(realm, dict) or not isinstance(realm.get("realm"), str):
            raise SettingsError("the file holds no realm: give one that Keycloak exported")
        if realm["realm"] != name:
            raise SettingsError(
                f"the file holds the realm '{realm['realm']}', not '{name}': name that one, or give another file"
            )
        missing = [key for key in _WHOLE if not realm.get(key)]
        if missing:
            raise SettingsError(
                f"the file has no {', '.join(missing)}, which every realm has: Keycloak's import makes none for a file"
                " that brings others, so export the realm with `kc.sh export` (a new one: made by Keycloak's defaults)"
                " and give that file"
            )
        return cls(realm)

    def at(self, *path: str) -> RealmFile:
        return type(self)(self._realm, *self._path, *path)

    def get(self, *path: str, **query: str) -> Any:
        found = self.find(*path, **query)
        if found is None:
            raise self._unknown("GET", path)
        return found

    def find(self, *path: str, **query: str) -> Any:
        below = self._below(path)
        if below is None:
            return None
        if not below:
            return copy.deepcopy({"browserFlow": "browser", "attributes": {}, **self._realm})
        return copy.deepcopy(self._part("GET", below).find(below[1:], query))

    def post(self, *path: str, body: Any) -> str:
        below = self._below(path) or ()
        return self._part("POST", below).post(below[1:], copy.deepcopy(body))

    def put(self, *path: str, body: Any = None) -> None:
        below = self._below(path)
        if below == ():
            self._realm.update(copy.deepcopy(body))
        else:
            self._part("PUT", below or ()).put((below or ())[1:], copy.deepcopy(body))

    def delete(self, *path: str) -> None:
        below = self._below(path) or ()
        self._part("DELETE", below).delete(below[1:])

    def _below(self, path: Path) -> Path | None:
        """The path below the realm; `None` for another realm, and what lies beside realms."""
        match (*self._path, *path):
            case ("realms", name, *below) if name == self._realm["realm"]:
                return tuple(below)
        return None

    def _part(self, method: str, path: Path) -> Part:
        if not path or path[0] not in _PARTS:
            raise self._unknown(method, path)
        return _PARTS[path[0]](self._realm)

    def _unknown(self, method: str, path: Path) -> KeycloakUnavailable:
        return KeycloakUnavailable(
            f"a realm in a file has no answer to {method} /{'/'.join(path)}: import the file into Keycloak, and run"
            " this on the running Keycloak"
        )
