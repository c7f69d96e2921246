"""Steps on the realm itself: its languages, key, user profile, texts, client scope and login page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.keycloak.admin import Admin
from sidecar.keycloak.change import Change, differences, merged
from sidecar.keycloak.mapper_order import in_turn, is_in_turn
from sidecar.keycloak.step import named, settled

#: Realm attribute: the browser flow that ours stands in for, so that it can be bound again.
PREVIOUS_BROWSER_FLOW = "passwordless.previousBrowserFlow"
#: Keycloak falls back to English texts last, so they are set even where English is no language of the realm.
_LAST_FALLBACK = "en"
_KEYS = "org.keycloak.keys.KeyProvider"
_NAMED_IN_PLAN = 10
_OWN_CLIENTS = {
    "account",
    "account-console",
    "admin-cli",
    "broker",
    "realm-management",
    "security-admin-console",
}


@dataclass(frozen=True, kw_only=True)
class Languages:
    """The login page speaks the desired languages, besides those it has; a default is set only where there is none."""

    realm: Admin
    desired: Mapping[str, Any]
    what: str = "languages"

    def check(self) -> Change:
        actual = self.realm.get()
        return settled(
            self.what, differences(self._wanted(actual), actual | {"supportedLocales": _locales(actual)})
        )

    def do(self) -> None:
        self.realm.put(body=self._wanted(self.realm.get()))

    def _wanted(self, actual: Mapping[str, Any]) -> dict[str, Any]:
        present = _locales(actual)
        return {
            "internationalizationEnabled": self.desired["internationalizationEnabled"],
            "supportedLocales": sorted({*present, *self.desired["supportedLocales"]}),
            "defaultLocale": actual.get("defaultLocale") or self.desired["defaultLocale"],
        }


@dataclass(frozen=True, kw_only=True)
class Es256Key:
    """The realm has an active ES256 key, its own or ours. The realm's default signature algorithm stays as it is."""

    realm: Admin
    desired: Mapping[str, Any]
    what: str = "key ES256"

    def check(self) -> Change:
        if "ES256" in self.realm.get("keys")["active"]:
            return Change(kind="keep", what=self.what)
        actual = self._actual()
        if actual is None:
            return Change(
                kind="create", what=self.what, detail=("for the signature of Keycloak's token requests",)
            )
        return settled(self.what, differences(self.desired, actual))

    def do(self) -> None:
        actual = self._actual()
        if actual is None:
            self.realm.post("components", body={**self.desired, "providerType": _KEYS})
        else:
            self.realm.put("components", actual["id"], body=merged(actual, self.desired))

    def _actual(self) -> dict[str, Any] | None:
        return key_named(self.realm, self.desired["name"])


def key_named(realm: Admin, name: str) -> dict[str, Any] | None:
    """The realm's key provider of that name, or `None`."""
    found: list[dict[str, Any]] = realm.get("components", type=_KEYS, name=name)
    return found[0] if found else None


@dataclass(frozen=True, kw_only=True)
class UserProfile:
    """What realm-config does not require is not required, and what users may not write there they can't write here.

    Attributes that Keycloak has not got are added; all else of the profile stays.
    """

    realm: Admin
    desired: tuple[Mapping[str, Any], ...]
    what: str = "user profile"

    def check(self) -> Change:
        present = {attribute["name"]: attribute for attribute in self._profile()["attributes"]}
        return settled(
            self.what,
            tuple(
                line
                for wanted in self.desired
                for line in self._differences(wanted, present.get(wanted["name"]))
            ),
        )

    def do(self) -> None:
        profile = self._profile()
        present = {attribute["name"]: attribute for attribute in profile["attributes"]}
        for wanted in self.desired:
            actual = present.get(wanted["name"])
            if actual is None:
                profile["attributes"].append(dict(wanted))
                continue
            if "required" not in wanted:
                actual.pop("required", None)
            if _writers(actual) > _writers(wanted):
                actual["permissions"] = {**actual["permissions"], "edit": wanted["permissions"]["edit"]}
        self.realm.put("users", "profile", body=profile)

    def _profile(self) -> dict[str, Any]:
        profile: dict[str, Any] = self.realm.get("users", "profile")
        return profile

    def _differences(self, wanted: Mapping[str, Any], actual: Mapping[str, Any] | None) -> Iterator[str]:
        name = wanted["name"]
        if actual is None:
            yield f"{name}: added, written by {', '.join(sorted(_writers(wanted)))} only"
            return
        if "required" in actual and "required" not in wanted:
            yield f"{name}: required → optional"
        if _writers(actual) > _writers(wanted):
            # Whoever could write it would receive its owner's logins.
            yield f"{name}: written by users → by admins only"


@dataclass(frozen=True, kw_only=True)
class Texts:
    """What the login theme must know, as realm texts in each of the realm's languages; other texts stay."""

    realm: Admin
    desired: Mapping[str, Mapping[str, str]]
    what: str = "texts for the login theme"

    def check(self) -> Change:
        found = [
            line
            for locale, texts in self._wanted().items()
            for line in differences(texts, self._present(locale), f"{locale}.")
        ]
        return settled(self.what, tuple(found))

    def do(self) -> None:
        for locale, texts in self._wanted().items():
            if differences(texts, self._present(locale)):
                self.realm.post("localization", locale, body=dict(texts))

    def _wanted(self) -> dict[str, Mapping[str, str]]:
        """The desired texts; languages of the realm that the settings don't name get the same ones."""
        any_texts = next(iter(self.desired.values()))
        locales = {*self.desired, *_locales(self.realm.get()), _LAST_FALLBACK}
        return {locale: self.desired.get(locale, any_texts) for locale in sorted(locales)}

    def _present(self, locale: str) -> dict[str, str]:
        return self.realm.find("localization", locale) or {}


@dataclass(frozen=True, kw_only=True)
class ClientScope:
    """A client scope with its mappers; mappers that an admin added to it stay."""

    realm: Admin
    desired: Mapping[str, Any]

    @property
    def what(self) -> str:
        return f"client scope {self.desired['name']}"

    def check(self) -> Change:
        actual = self._actual()
        if actual is None:
            return Change(kind="create", what=self.what, detail=(self.desired["description"],))
        found = differences(self._head(), actual)
        for mapper, present in self._mappers(actual):
            found += differences(mapper, present, f"{mapper['name']}.")
            if present and not is_in_turn(present):
                found += (f"{mapper['name']}: made anew, since Keycloak runs it out of turn",)
        return settled(self.what, found)

    def do(self) -> None:
        actual = self._actual()
        if actual is None:
            mappers = [in_turn(mapper) for mapper in self.desired["protocolMappers"]]
            self.realm.post("client-scopes", body={**self.desired, "protocolMappers": mappers})
            return
        where = ("client-scopes", actual["id"])
        models = (*where, "protocol-mappers", "models")
        self.realm.put(*where, body=merged(actual, self._head()))
        for mapper, present in self._mappers(actual):
            if not present:
                self.realm.post(*models, body=in_turn(mapper))
            elif not is_in_turn(present):
                # An id can't be changed.
                self.realm.delete(*models, present["id"])
                self.realm.post(*models, body=in_turn(mapper))
            elif differences(mapper, present):
                self.realm.put(*models, present["id"], body=merged(present, mapper))

    def _actual(self) -> dict[str, Any] | None:
        return named(self.realm.get("client-scopes"), self.desired["name"])

    def _head(self) -> dict[str, Any]:
        return {key: value for key, value in self.desired.items() if key != "protocolMappers"}

    def _mappers(self, actual: Mapping[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        present = {mapper["name"]: mapper for mapper in actual.get("protocolMappers", ())}
        return [(mapper, present.get(mapper["name"], {})) for mapper in self.desired["protocolMappers"]]


@dataclass(frozen=True, kw_only=True)
class DefaultScope:
    """New clients get the scope. Existing ones are left alone, and named."""

    realm: Admin
    scope: str

    @property
    def what(self) -> str:
        return f"default client scope {self.scope}"

    def check(self) -> Change:
        has_default = any(
            scope["name"] == self.scope for scope in self.realm.get("default-default-client-scopes")
        )
        return Change(
            kind="keep" if has_default else "create", what=self.what, detail=self._clients_without()
        )

    def do(self) -> None:
        scopes = self.realm.get("client-scopes")
        scope_id = next(scope["id"] for scope in scopes if scope["name"] == self.scope)
        self.realm.put("default-default-client-scopes", scope_id)

    def _clients_without(self) -> tuple[str, ...]:
        names = sorted(client["clientId"] for client in self.realm.get("clients") if self._lacks(client))
        if not names:
            return ()
        more = f" and {len(names) - _NAMED_IN_PLAN} more" if len(names) > _NAMED_IN_PLAN else ""
        listed = ", ".join(names[:_NAMED_IN_PLAN])
        return (
            f"existing clients stay without it: {listed}{more}; add it to those whose application reads `amr`",
        )

    def _lacks(self, client: Mapping[str, Any]) -> bool:
        has = {*client.get("defaultClientScopes", ()), *client.get("optionalClientScopes", ())}
        return (
            client.get("protocol") == "openid-connect"
            and client["clientId"] not in _OWN_CLIENTS
            and self.scope not in has
        )


@dataclass(frozen=True, kw_only=True)
class LoginPage:
    """The realm signs in through our flow and theme; comes last. The flow that ours replaces is noted on the realm."""

    realm: Admin
    desired: Mapping[str, Any]
    what: str = "login page"

    def check(self) -> Change:
        return settled(self.what, differences(self.desired, self.realm.get()))

    def do(self) -> None:
        actual = self.realm.get()
        body = dict(self.desired)
        if actual["browserFlow"] != self.desired["browserFlow"]:
            # Keycloak drops the attributes that an update leaves out, so all go along.
            body["attributes"] = {**actual["attributes"], PREVIOUS_BROWSER_FLOW: actual["browserFlow"]}
        self.realm.put(body=body)


def _writers(attribute: Mapping[str, Any]) -> set[str]:
    return set(attribute.get("permissions", {}).get("edit", ()))


def _locales(actual: Mapping[str, Any]) -> list[str]:
    return sorted(actual.get("supportedLocales") or [])
