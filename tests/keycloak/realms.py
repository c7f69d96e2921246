"""What a realm is made of, to be compared, and an admin API that breaks down."""

from __future__ import annotations

import json
import secrets

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
        kept.pop("client.secret.creation.time", None)
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


def exported(realm: Admin, *, of: str) -> dict:
    """Keycloak's own export of the realm of that name, with clients, groups and roles."""
    query = "exportClients=true&exportGroupsAndRoles=true"
    answer = realm._connection.raw_post(f"admin/realms/{of}/partial-export?{query}", data="{}")
    assert answer.ok, answer.text
    return answer.json()


def _read(text: str):
    """A text of JSON as what it says: Keycloak writes the user profile's anew each time."""
    return json.loads(text) if text.startswith("{") else text


def fresh_export(admin: Admin, *, name: str = "") -> dict:
    """Keycloak's own export of a realm by its defaults, without the ids that only one can have; the realm is gone."""
    name = name or f"t-{secrets.token_hex(4)}"
    admin.post("realms", body={"realm": name, "enabled": True})
    try:
        return without_ids(exported(admin.at("realms", name), of=name))
    finally:
        admin.delete("realms", name)


def without_ids(value):
    if isinstance(value, dict):
        return {key: without_ids(inner) for key, inner in value.items() if key not in {"id", "containerId"}}
    return [without_ids(it) for it in value] if isinstance(value, list) else value


def whole(realm: Admin, *, of: str) -> dict:
    """All that a realm is: Keycloak's own export with clients, groups and roles, and what that leaves out.

    `of` is the realm's name. Lists are in an order of their own, which Keycloak does not promise.
    """
    users = {it["username"]: it for it in realm.get("users", max="1000", briefRepresentation="false")}
    users |= {
        client["clientId"]: realm.get("clients", client["id"], "service-account-user")
        for client in realm.get("clients")
        if client.get("serviceAccountsEnabled")
    }
    return _sorted(
        {
            "realm": exported(realm, of=of),
            "users": users,
            "of users": {
                name: {it: realm.get("users", user["id"], *it.split("/")) for it in _OF_USERS}
                for name, user in users.items()
            },
            "texts": {it: realm.get("localization", it) for it in realm.get("localization")},
            "keys": realm.get("keys"),
            "profile": realm.get("users", "profile"),
            "default scopes": realm.get("default-default-client-scopes"),
            "events": realm.get("events", "config"),
        }
    )


def alike(realm: Admin, *, of: str) -> dict:
    """All that a realm is but for what differs between two realms by nature: names, ids and keys."""
    state = whole(realm, of=of)
    state["keys"] = sorted(state["keys"]["active"])
    # An empty text is how Keycloak takes a value back; the profile has a component once somebody wrote it.
    state["realm"] = {key: value for key, value in state["realm"].items() if value != ""}
    state["realm"]["components"].pop("org.keycloak.userprofile.UserProfileProvider", None)
    return _sorted(_anonymous(state, of))


_OF_USERS = ("credentials", "federated-identity", "role-mappings", "groups")


def _sorted(value):
    if isinstance(value, str):
        read = _read(value)
        return read if isinstance(read, str) else _sorted(read)
    if isinstance(value, dict):
        return {key: _sorted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted(map(_sorted, value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def differing(before, after, path: str = "") -> list[str]:
    """Where two of `whole` differ, each with what was there and what is."""
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            line
            for key in sorted({*before, *after})
            for line in differing(before.get(key), after.get(key), f"{path}/{key}")
        ]
    if isinstance(before, list) and isinstance(after, list):
        gone, come = [it for it in before if it not in after], [it for it in after if it not in before]
        if len(gone) == len(come):
            return [
                line
                for old, new in zip(gone, come, strict=True)
                for line in differing(old, new, f"{path}[]")
                if old != new
            ]
        return [f"{path}: gone {gone}, come {come}"]
    return [f"{path}: {before!r} → {after!r}"]


class Counting(Admin):
    """An admin API that counts what is asked of Keycloak."""

    asked: list[str]

    @classmethod
    def over(cls, admin: Admin) -> Counting:
        counting = cls(admin._connection)
        counting.asked = []
        return counting

    def at(self, *path: str) -> Counting:
        deeper = super().at(*path)
        deeper.asked = self.asked
        return deeper

    def _send(self, verb: str, path: tuple[str, ...], **arguments: str):
        self.asked.append(f"{verb} {self._url(path)}")
        return super()._send(verb, path, **arguments)
