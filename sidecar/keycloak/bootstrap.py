"""Making the tool's service account in a realm, with the least roles that it works with, and taking it out again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak.admin import Admin
from sidecar.keycloak.change import Change, differences, merged
from sidecar.keycloak.removal import require_realm
from sidecar.keycloak.service_account import ALGORITHM, CLIENT_ID, public_keys
from sidecar.keycloak.step import Step, settled, taken
from sidecar.settings import Settings

#: Of `realm-management`. What `apply` and `remove` write: realm, flows, keys and texts; clients' scopes; identity
#: providers. And what they read: which ways in a user has.
ROLES = ("manage-clients", "manage-identity-providers", "manage-realm", "view-users")
_MANAGEMENT = "realm-management"
_OURS = "passwordless.tool"
_TOKEN_LIFE_S = 300


def plan_bootstrap(admin: Admin, settings: Settings, realm_name: str, *, undo: bool = False) -> list[Change]:
    """What `bootstrap_realm` would do; reads only.

    Raises:
        KeycloakUnavailable: Keycloak can't be asked, has no such realm, or has somebody else's client of that name.
    """
    return [step.check() for step in _steps(admin, settings, realm_name, undo=undo)]


def bootstrap_realm(
    admin: Admin,
    settings: Settings,
    realm_name: str,
    *,
    undo: bool = False,
    on_step: Callable[[Change], None] = lambda _: None,
) -> list[Change]:
    """Make the service account, or with `undo` take it out; a second run changes nothing.

    Args:
        admin: from `connect`; one who may give roles to users.
        settings: with the server secrets that the account's keys are derived from.
        realm_name: the realm.
        undo: take it out.
        on_step: is told of each change once it is done, and of what was kept.

    Raises:
        KeycloakUnavailable: stopped at the first error; what `on_step` was told of is done.
    """
    return taken(_steps(admin, settings, realm_name, undo=undo), on_step)


def _steps(admin: Admin, settings: Settings, realm_name: str, *, undo: bool) -> list[Step]:
    realm = admin.at("realms", realm_name)
    require_realm(realm, realm_name)
    if undo:
        return [RemovedClient(realm=realm)]
    return [ToolClient(realm=realm, jwks=public_keys(settings, realm_name)), ToolRoles(realm=realm)]


@dataclass(frozen=True, kw_only=True)
class ToolClient:
    """The client: nothing but its own signature signs it in, and no user signs in through it."""

    realm: Admin
    jwks: str
    what: str = f"client {CLIENT_ID}"

    def check(self) -> Change:
        actual = own_client(self.realm)
        if actual is None:
            return Change(kind="create", what=self.what, detail=("signs in by a key of this sidecar's",))
        return settled(self.what, differences(self._desired(), actual))

    def do(self) -> None:
        actual = own_client(self.realm)
        if actual is None:
            # Two scopes of Keycloak's own carry its roles; what the realm adds for applications is not for it.
            scopes = {"defaultClientScopes": ["basic", "roles"], "optionalClientScopes": []}
            self.realm.post("clients", body={**self._desired(), **scopes})
        else:
            self.realm.put("clients", actual["id"], body=merged(actual, self._desired()))

    def _desired(self) -> dict[str, Any]:
        return {
            "clientId": CLIENT_ID,
            "name": "Passwordless login's command line",
            "enabled": True,
            "protocol": "openid-connect",
            "publicClient": False,
            "bearerOnly": False,
            "standardFlowEnabled": False,
            "implicitFlowEnabled": False,
            "directAccessGrantsEnabled": False,
            "serviceAccountsEnabled": True,
            "fullScopeAllowed": True,
            "redirectUris": [],
            "webOrigins": [],
            "clientAuthenticatorType": "client-jwt",
            "attributes": {
                _OURS: "true",
                "token.endpoint.auth.signing.alg": ALGORITHM,
                "use.jwks.url": "false",
                "use.jwks.string": "true",
                "jwks.string": self.jwks,
                "access.token.lifespan": str(_TOKEN_LIFE_S),
            },
        }


@dataclass(frozen=True, kw_only=True)
class ToolRoles:
    """The roles of its service account: these, and no others, so that what somebody added is taken back."""

    realm: Admin
    what: str = f"roles of {CLIENT_ID}"

    def check(self) -> Change:
        client = own_client(self.realm)
        if client is None:
            return Change(kind="create", what=self.what, detail=tuple(map(_named, ROLES)))
        missing, surplus = self._compared(self.realm.get("users", self._user(client), "role-mappings"))
        return settled(
            self.what,
            (
                *(f"{_named(role)}: is given" for role in missing),
                *(f"{name}: is taken away" for names in surplus.values() for name in names),
            ),
        )

    def do(self) -> None:
        client = own_client(self.realm)
        if client is None:
            raise KeycloakUnavailable(
                f"the client '{CLIENT_ID}' was removed meanwhile: run the command again"
            )
        mappings = ("users", self._user(client), "role-mappings")
        _, surplus = self._compared(self.realm.get(*mappings))
        for path in surplus:
            self.realm.delete(*mappings, *path)
        missing, _ = self._compared(self.realm.get(*mappings))
        if missing:
            management = self.realm.get("clients", clientId=_MANAGEMENT)[0]["id"]
            roles = [self.realm.get("clients", management, "roles", role) for role in missing]
            self.realm.post(*mappings, "clients", management, body=roles)

    def _user(self, client: Mapping[str, Any]) -> str:
        return str(self.realm.get("clients", client["id"], "service-account-user")["id"])

    @staticmethod
    def _compared(
        mappings: Mapping[str, Any],
    ) -> tuple[list[str], dict[tuple[str, ...], list[str]]]:
        """The roles that are missing, and those too many, by the path whose DELETE takes away all that stand there."""
        clients: Mapping[str, Any] = mappings.get("clientMappings") or {}
        held = {role["name"] for role in clients.get(_MANAGEMENT, {}).get("mappings", ())}
        surplus: dict[tuple[str, ...], list[str]] = {
            ("realm",): [role["name"] for role in mappings.get("realmMappings") or ()]
        }
        for name, client in clients.items():
            wanted = ROLES if name == _MANAGEMENT else ()
            surplus["clients", client["id"]] = [
                f"{name} {role['name']}" for role in client["mappings"] if role["name"] not in wanted
            ]
        return (
            [role for role in ROLES if role not in held],
            {path: names for path, names in surplus.items() if names},
        )


@dataclass(frozen=True, kw_only=True)
class RemovedClient:
    """The client and, with it, its service account."""

    realm: Admin
    what: str = f"client {CLIENT_ID}"

    def check(self) -> Change:
        return Change(kind="keep" if own_client(self.realm) is None else "remove", what=self.what)

    def do(self) -> None:
        client = own_client(self.realm)
        if client is not None:
            self.realm.delete("clients", client["id"])


def own_client(realm: Admin) -> dict[str, Any] | None:
    """The tool's client.

    Raises:
        KeycloakUnavailable: one of that name is somebody else's.
    """
    found: list[dict[str, Any]] = realm.get("clients", clientId=CLIENT_ID)
    if not found:
        return None
    if found[0].get("attributes", {}).get(_OURS) != "true":
        raise KeycloakUnavailable(
            f"the realm has another client '{CLIENT_ID}', which this tool did not make: rename or delete it"
        )
    return found[0]


def _named(role: str) -> str:
    return f"{_MANAGEMENT} {role}"
