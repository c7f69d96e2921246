"""What a realm is made of, to be compared, and an admin API that breaks down."""

from __future__ import annotations

import json

from sidecar.keycloak import Admin

_FLOWS = ("authentication", "flows")


def pending(changes) -> list[str]:
    return [change.what for change in changes if change.is_pending]


def state(realm: Admin) -> dict:
    """Everything about the realm that apply may touch, without what differs between two realms by nature."""
    executions = {
        flow["alias"]: realm.get(*_FLOWS, flow["alias"], "executions") for flow in realm.get(*_FLOWS)
    }
    state = {
        # An empty text is how Keycloak takes a value back.
        "realm": {key: value for key, value in realm.get().items() if value != ""},
        "profile": realm.get("users", "profile"),
        "executions": executions,
        "providers": realm.get("identity-provider", "instances"),
        "scopes": sorted(realm.get("client-scopes"), key=lambda scope: scope["name"]),
        "default scopes": sorted(scope["name"] for scope in realm.get("default-default-client-scopes")),
        "keys": sorted(realm.get("keys")["active"]),
        "clients": realm.get("clients"),
        "texts": {locale: realm.get("localization", locale) for locale in realm.get("localization")},
        "mappers": realm.find("identity-provider", "instances", "email", "mappers"),
    }
    return _anonymous(state, realm.get()["realm"])


def _anonymous(value, name: str):
    if isinstance(value, dict):
        kept = {
            key: inner
            for key, inner in value.items()
            if not key.lower().endswith("id") or key in {"providerId", "clientId"}
        }
        kept.pop("authenticationConfig", None)
        kept.pop("defaultRole", None)
        kept.pop("secret", None)
        return {key: _anonymous(inner, name) for key, inner in kept.items()}
    if isinstance(value, list):
        items = [_anonymous(item, name) for item in value]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    return value.replace(name, "REALM") if isinstance(value, str) else value


class Interrupted(Exception):
    """Out of writes."""


class Budgeted(Admin):
    """An admin API that breaks down after so many writes, as a killed process would."""

    writes: list[int]

    @classmethod
    def over(cls, admin: Admin, *, writes: int) -> Budgeted:
        budgeted = cls(admin._connection)
        budgeted.writes = [writes]
        return budgeted

    def at(self, *path: str) -> Budgeted:
        deeper = super().at(*path)
        deeper.writes = self.writes
        return deeper

    def post(self, *path: str, body) -> str:
        self._spend()
        return super().post(*path, body=body)

    def put(self, *path: str, body=None) -> None:
        self._spend()
        super().put(*path, body=body)

    def delete(self, *path: str) -> None:
        self._spend()
        super().delete(*path)

    def _spend(self) -> None:
        if not self.writes[0]:
            raise Interrupted
        self.writes[0] -= 1
