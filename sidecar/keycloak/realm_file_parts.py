"""The parts of a RealmRepresentation, each under the paths at which the admin API has it.

Where the file has no id for a thing, its name is the id.
"""

# ruff: noqa: ARG002 - each part answers the same three calls, and few need all of what these give

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.errors import KeycloakUnavailable

Path = tuple[str, ...]
Thing = dict[str, Any]
DEFAULT_SCOPES = "defaultDefaultClientScopes"
_KEYS = "org.keycloak.keys.KeyProvider"
_PROFILE = "org.keycloak.userprofile.UserProfileProvider"
_ACTIONS = "requiredActions"
_PROFILE_TEXT = "kc.user.profile.config"
_CURVES = {"P-384": "ES384", "P-521": "ES512"}


class Part:
    """What the admin API has below one segment: `find`, `post` and `put` take the path below it."""

    def __init__(self, realm: Thing) -> None:
        self._realm = realm

    def find(self, path: Path, query: Mapping[str, str]) -> Any:
        """What is there, `None` if nothing is; it may be the representation's own object."""
        raise self._unknown(path)

    def post(self, path: Path, body: Any) -> str:
        """Add the thing; its id, where the API says it."""
        raise self._unknown(path)

    def put(self, path: Path, body: Any) -> None:
        """Give the thing these values."""
        raise self._unknown(path)

    def delete(self, path: Path) -> None:
        """Take the thing away."""
        raise self._unknown(path)

    def _list(self, key: str) -> list[Any]:
        found: list[Any] = self._realm.setdefault(key, [])
        return found

    def _components(self, kind: str) -> list[Thing]:
        found: list[Thing] = self._realm.setdefault("components", {}).setdefault(kind, [])
        return found

    def _unknown(self, path: Path) -> KeycloakUnavailable:
        return KeycloakUnavailable(
            f"a realm in a file has no {type(self).__name__} at /{'/'.join(path)}: import the file into Keycloak, and"
            " run this on the running Keycloak"
        )


class Clients(Part):
    """The applications."""

    def find(self, path: Path, query: Mapping[str, str]) -> Any:
        wanted = query.get("clientId")
        found = [it for it in self._list("clients") if wanted in {None, it["clientId"]}]
        return [{**it, "id": it.get("id", it["clientId"])} for it in found]

    def put(self, path: Path, body: Any) -> None:
        # An empty text is how an attribute is taken back.
        attributes = {name: value for name, value in body.get("attributes", {}).items() if value}
        _by_id(self._list("clients"), path[0], name="clientId")["attributes"] = attributes


class Components(Part):
    """Keys, and whatever else Keycloak keeps as components."""

    def find(self, path: Path, query: Mapping[str, str]) -> Any:
        found = _with_ids(self._components(query["type"]))
        return [it for it in found if query.get("name") in {None, it["name"]}]

    def post(self, path: Path, body: Any) -> str:
        self._components(body.pop("providerType")).append(body)
        return ""

    def put(self, path: Path, body: Any) -> None:
        _by_id(self._components(body.pop("providerType", _KEYS)), path[0]).update(body)


class Keys(Part):
    """The algorithms of the signing keys that matter here: those on elliptic curves that are in use."""

    def find(self, path: Path, query: Mapping[str, str]) -> Any:
        return {"active": dict.fromkeys(self._algorithms(), "")}

    def _algorithms(self) -> Iterator[str]:
        for key in self._components(_KEYS):
            config = {name: values[0] for name, values in key.get("config", {}).items() if values}
            is_on = "false" not in {config.get("enabled"), config.get("active")}
            if key["providerId"] == "ecdsa-generated" and is_on:
                yield _CURVES.get(config.get("ecdsaEllipticCurveKey", ""), "ES256")


class UserProfiles(Part):
    """The user profile; Keycloak's own, which an export leaves out, where the file has none."""

    def find(self, path: Path, query: Mapping[str, str]) -> Any:
        if path != ("profile",):
            raise self._unknown(path)
        said = self._config().get(_PROFILE_TEXT)
        return json.loads(said[0]) if said else _default_profile()

    def put(self, path: Path, body: Any) -> None:
        self._config()[_PROFILE_TEXT] = [json.dumps(body, separators=(",", ":"))]

    def _config(self) -> Thing:
        components = self._components(_PROFILE)
        if not components:
            components.append({"providerId": "declarative-user-profile", "subComponents": {}, "config": {}})
        config: Thing = components[0].setdefault("config", {})
        return config


class Providers(Part):
    """Identity providers and their mappers; all paths begin with `instances`."""

    def find(self, path: Path, query: Mapping[str, str]) -> Any:
        match path:
            case ("instances",):
                return self._list("identityProviders")
            case ("instances", alias, "mappers"):
                return _with_ids(self._mappers(alias))
        raise self._unknown(path)

    def post(self, path: Path, body: Any) -> str:
        self._list("identityProviders" if len(path) == 1 else "identityProviderMappers").append(body)
        return ""

    def put(self, path: Path, body: Any) -> None:
        match path:
            case ("instances", alias):
                _by_id(self._list("identityProviders"), alias, name="alias").update(body)
            case ("instances", alias, "mappers", mapper):
                _by_id(self._mappers(alias), mapper).update(body)
            case _:
                raise self._unknown(path)

    def _mappers(self, alias: str) -> list[Thing]:
        return [it for it in self._list("identityProviderMappers") if it["identityProviderAlias"] == alias]


class Scopes(Part):
    """Client scopes and their mappers."""

    def find(self, path: Path, query: Mapping[str, str]) -> Any:
        return [
            {**scope, "protocolMappers": _with_ids(scope.get("protocolMappers", []))}
            for scope in _with_ids(self._list("clientScopes"))
        ]

    def post(self, path: Path, body: Any) -> str:
        if path:
            self._scope(path[0]).setdefault("protocolMappers", []).append(body)
        else:
            self._list("clientScopes").append(body)
        return ""

    def put(self, path: Path, body: Any) -> None:
        scope = self._scope(path[0])
        if len(path) > 1:
            _by_id(scope["protocolMappers"], path[-1]).update(body)
        else:
            mappers = scope.get("protocolMappers", [])
            scope.update({**body, "protocolMappers": mappers})

    def delete(self, path: Path) -> None:
        mappers = self._scope(path[0])["protocolMappers"]
        mappers.remove(_by_id(mappers, path[-1]))

    def _scope(self, scope_id: str) -> Thing:
        return _by_id(self._list("clientScopes"), scope_id)


class DefaultScopes(Part):
    """The client scopes that new clients get."""

    def find(self, path: Path, query: Mapping[str, str]) -> Any:
        return [{"id": name, "name": name} for name in self._list(DEFAULT_SCOPES)]

    def put(self, path: Path, body: Any) -> None:
        self._list(DEFAULT_SCOPES).append(_by_id(self._list("clientScopes"), path[0])["name"])


class Texts(Part):
    """The realm's texts, by locale."""

    def find(self, path: Path, query: Mapping[str, str]) -> Any:
        texts = self._realm.get("localizationTexts") or {}
        return texts.get(path[0]) if path else sorted(texts)

    def post(self, path: Path, body: Any) -> str:
        if not self._realm.get("localizationTexts"):
            self._realm["localizationTexts"] = {}
        self._realm["localizationTexts"].setdefault(path[0], {}).update(body)
        return ""


class Flows(Part):
    """Flows, executions, configurations and required actions. An execution's id: its flow and its place in it."""

    def find(self, path: Path, query: Mapping[str, str]) -> Any:
        match path:
            case ("flows",):
                return self._list("authenticationFlows")
            case ("flows", alias, "executions"):
                return list(self._rows(alias, 0))
            case ("config", alias):
                return _by_id(self._list("authenticatorConfig"), alias, name="alias")
            case ("required-actions", alias):
                return next((it for it in self._list(_ACTIONS) if it["alias"] == alias), None)
        raise self._unknown(path)

    def post(self, path: Path, body: Any) -> str:
        match path:
            case ("flows",):
                self._list("authenticationFlows").append({**body, "authenticationExecutions": []})
            case ("flows", alias, "executions", "flow"):
                head = {
                    "alias": body["alias"],
                    "description": body["description"],
                    "providerId": body["type"],
                }
                more = {"topLevel": False, "builtIn": False, "authenticationExecutions": []}
                self._list("authenticationFlows").append(head | more)
                self._add(alias, {"flowAlias": body["alias"], "authenticatorFlow": True}, body["priority"])
                return str(body["alias"])
            case ("flows", alias, "executions", "execution"):
                step = {"authenticator": body["provider"], "authenticatorFlow": False}
                return self._add(alias, step, body["priority"])
            case ("register-required-action",):
                head = {"alias": body["providerId"], "enabled": True, "defaultAction": False, "config": {}}
                self._list(_ACTIONS).append({**body, **head})
            case ("executions", step_id, "config"):
                self._list("authenticatorConfig").append(body)
                self._execution(step_id)["authenticatorConfig"] = body["alias"]
            case _:
                raise self._unknown(path)
        return ""

    def put(self, path: Path, body: Any) -> None:
        match path:
            case ("flows", _, "executions"):
                step = self._execution(body["id"])
                step |= {key: body[key] for key in ("requirement", "priority")}
            case ("config", alias):
                _by_id(self._list("authenticatorConfig"), alias, name="alias").update(body)
            case ("required-actions", alias):
                _by_id(self._list(_ACTIONS), alias, name="alias").update(body)
            case _:
                raise self._unknown(path)

    def _rows(self, alias: str, level: int) -> Iterator[Thing]:
        """A flow's executions as the admin API lists them: flat, those of a sub-flow after it and one deeper."""
        steps = enumerate(self._flow(alias)["authenticationExecutions"])
        for position, step in sorted(steps, key=lambda entry: int(entry[1]["priority"])):
            row = {key: step[key] for key in ("requirement", "priority")}
            row |= {"id": f"{alias}/{position}", "level": level}
            if step.get("authenticatorConfig"):
                row["authenticationConfig"] = step["authenticatorConfig"]
            if not step.get("authenticatorFlow"):
                yield row | {"providerId": step["authenticator"]}
                continue
            inner = self._flow(step["flowAlias"])
            head = {"displayName": inner["alias"], "flowId": inner["alias"]}
            yield row | head | {"authenticationFlow": True, "description": inner.get("description", "")}
            yield from self._rows(inner["alias"], level + 1)

    def _add(self, alias: str, step: Thing, priority: int) -> str:
        steps = self._flow(alias)["authenticationExecutions"]
        steps.append({**step, "requirement": "DISABLED", "priority": priority, "userSetupAllowed": False})
        return f"{alias}/{len(steps) - 1}"

    def _execution(self, step_id: str) -> Thing:
        alias, _, position = step_id.rpartition("/")
        found: Thing = self._flow(alias)["authenticationExecutions"][int(position)]
        return found

    def _flow(self, alias: str) -> Thing:
        return _by_id(self._list("authenticationFlows"), alias, name="alias")


def _default_profile() -> Thing:
    names = {"length": {"max": 255}, "person-name-prohibited-characters": {}}
    validations: dict[str, Thing] = {
        "username": {
            "length": {"min": 3, "max": 255},
            "username-prohibited-characters": {},
            "up-username-not-idn-homograph": {},
        },
        "email": {"email": {}, "length": {"max": 255}},
        "firstName": names,
        "lastName": names,
    }
    attributes = [
        {
            "name": name,
            "displayName": f"${{{name}}}",
            "validations": validations[name],
            **({} if name == "username" else {"required": {"roles": ["user"]}}),
            "permissions": {"view": ["admin", "user"], "edit": ["admin", "user"]},
            "multivalued": False,
        }
        for name in validations
    ]
    group = {
        "name": "user-metadata",
        "displayHeader": "User metadata",
        "displayDescription": "Attributes, which refer to user metadata",
    }
    return {"attributes": attributes, "groups": [group]}


def _with_ids(things: list[Thing]) -> list[Thing]:
    return [{**it, "id": it.get("id", it.get("name"))} for it in things]


def _by_id(things: list[Thing], wanted: str, *, name: str = "name") -> Thing:
    """The thing itself, to be changed."""
    return next(it for it in things if wanted in {it.get("id"), it.get(name)})
