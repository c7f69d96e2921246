"""Making our service accounts in a realm, with the least roles that they work with, and taking them out again.

The command line's always; the sidecar's own, for a realm with `service_account = true`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak.admin import Admin
from sidecar.keycloak.change import Change, differences, merged
from sidecar.keycloak.own_client import OwnClient, RemovedClient
from sidecar.keycloak.removal import require_realm
from sidecar.keycloak.service_account import ALGORITHM, SIDECAR, TOOL, ServiceAccount, public_keys
from sidecar.keycloak.step import Step, settled, taken
from sidecar.settings import Settings

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
    """Make the service accounts, or with `undo` take them out; a second run changes nothing.

    A sidecar's account that the settings no longer ask for is taken out either way.

    Args:
        admin: from `connect`; one who may give roles to users.
        settings: with the server secrets that the account's keys are derived from.
        realm_name: the realm.
        undo: take them out.
        on_step: is told of each change once it is done, and of what was kept.

    Raises:
        KeycloakUnavailable: stopped at the first error; what `on_step` was told of is done.
    """
    return taken(_steps(admin, settings, realm_name, undo=undo), on_step)


def _steps(admin: Admin, settings: Settings, realm_name: str, *, undo: bool) -> list[Step]:
    realm = admin.at("realms", realm_name)
    require_realm(realm, realm_name)
    wanted = [] if undo else [TOOL, *([SIDECAR] if settings.realms[realm_name].service_account else [])]
    steps: list[Step] = []
    for account in (TOOL, SIDECAR):
        if account in wanted:
            steps += account_steps(realm, settings, realm_name, account)
        elif account is TOOL or has_account(realm, account):
            steps.append(RemovedClient(realm=realm, client=_client(account)))
    return steps


def account_steps(
    realm: Admin, settings: Settings, realm_name: str, account: ServiceAccount
) -> list[AccountClient | AccountRoles]:
    """What makes one account: its client, then its roles."""
    jwks = public_keys(settings, realm_name, account)
    return [
        AccountClient(realm=realm, account=account, jwks=jwks),
        AccountRoles(realm=realm, account=account),
    ]


@dataclass(frozen=True, kw_only=True)
class AccountClient:
    """The client: nothing but its own signature signs it in, and no user signs in through it."""

    realm: Admin
    account: ServiceAccount
    jwks: str

    @property
    def what(self) -> str:
        return _client(self.account).what

    def check(self) -> Change:
        actual = _client(self.account).find(self.realm)
        if actual is None:
            return Change(kind="create", what=self.what, detail=("signs in by a key of this sidecar's",))
        return settled(self.what, differences(self._desired(), actual))

    def do(self) -> None:
        actual = _client(self.account).find(self.realm)
        if actual is None:
            # Two scopes of Keycloak's own carry its roles; what the realm adds for applications is not for it.
            scopes = {"defaultClientScopes": ["basic", "roles"], "optionalClientScopes": []}
            self.realm.post("clients", body={**self._desired(), **scopes})
        else:
            self.realm.put("clients", actual["id"], body=merged(actual, self._desired()))

    def _desired(self) -> dict[str, Any]:
        return {
            "clientId": self.account.client_id,
            "name": self.account.name,
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
class AccountRoles:
    """The roles of its service account: these, and no others, so that what somebody added is taken back."""

    realm: Admin
    account: ServiceAccount

    @property
    def what(self) -> str:
        return f"roles of {self.account.client_id}"

    def check(self) -> Change:
        client = _client(self.account).find(self.realm)
        if client is None:
            return Change(kind="create", what=self.what, detail=tuple(map(_named, self.account.roles)))
        missing, surplus = self._compared(self.realm.get("users", self._user(client), "role-mappings"))
        return settled(
            self.what,
            (
                *(f"{_named(role)}: is given" for role in missing),
                *(f"{name}: is taken away" for names in surplus.values() for name in names),
            ),
        )

    def do(self) -> None:
        client = _client(self.account).find(self.realm)
        if client is None:
            raise KeycloakUnavailable(
                f"the client '{self.account.client_id}' was removed meanwhile: run the command again"
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

    def _compared(self, mappings: Mapping[str, Any]) -> tuple[list[str], dict[tuple[str, ...], list[str]]]:
        """The roles that are missing, and those too many, by the path whose DELETE takes away all that stand there."""
        clients: Mapping[str, Any] = mappings.get("clientMappings") or {}
        held = {role["name"] for role in clients.get(_MANAGEMENT, {}).get("mappings", ())}
        surplus: dict[tuple[str, ...], list[str]] = {
            ("realm",): [role["name"] for role in mappings.get("realmMappings") or ()]
        }
        for name, client in clients.items():
            wanted = self.account.roles if name == _MANAGEMENT else ()
            surplus["clients", client["id"]] = [
                f"{name} {role['name']}" for role in client["mappings"] if role["name"] not in wanted
            ]
        return (
            [role for role in self.account.roles if role not in held],
            {path: names for path, names in surplus.items() if names},
        )


def has_account(realm: Admin, account: ServiceAccount) -> bool:
    """Whether the realm has the account's client, made by us."""
    return _client(account).is_in(realm)


def _client(account: ServiceAccount) -> OwnClient:
    return OwnClient(client_id=account.client_id, mark=_OURS)


def _named(role: str) -> str:
    return f"{_MANAGEMENT} {role}"
