"""Taking passwordless login out of a realm: what `apply` made goes, what it changed becomes what it was.

What users meet comes first: once the earlier flow and theme are bound again, the rest is out of the way. What an admin
built on our parts meanwhile stays, and the plan says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak.admin import Admin
from sidecar.keycloak.before import Before, NotedBefore
from sidecar.keycloak.change import Change, differences
from sidecar.keycloak.desired import OWN_THEMES
from sidecar.keycloak.realm_steps import PREVIOUS_BROWSER_FLOW, key_named
from sidecar.keycloak.step import named, settled

_FLOWS = ("authentication", "flows")
_PROVIDERS = ("identity-provider", "instances")
_STOCK_FLOW = "browser"
#: What a client signs its own requests with, by a key of its own; the realm's keys have no part in it.
_CLIENTS_OWN_ALGORITHM = "token.endpoint.auth.signing.alg"
_PAGE = 200
#: Credentials with which a user signs in without an identity provider.
_WAYS_IN = {"password", "webauthn-passwordless"}


@dataclass(frozen=True, kw_only=True)
class RestoredLoginPage:
    """The flow and the theme that the realm had, where ours are bound still."""

    realm: Admin
    desired: Mapping[str, Any]
    what: str = "login page"

    def check(self) -> Change:
        actual = self.realm.get()
        wanted, detail = self._wanted(actual)
        return settled(self.what, (*differences(wanted, actual), *detail))

    def do(self) -> None:
        wanted, _ = self._wanted(self.realm.get())
        if wanted:
            self.realm.put(body=wanted)

    def _wanted(self, actual: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        wanted: dict[str, Any] = {}
        detail: tuple[str, ...] = ()
        if actual["browserFlow"] == self.desired["browserFlow"]:
            noted = actual["attributes"].get(PREVIOUS_BROWSER_FLOW, _STOCK_FLOW)
            present = {flow["alias"] for flow in self.realm.get(*_FLOWS)}
            wanted["browserFlow"] = noted if noted in present else _STOCK_FLOW
            if noted not in present:
                detail = (f"'{noted}', which was bound before, is gone: Keycloak's own flow is bound",)
        theme = self.desired.get("loginTheme")
        # Ours is ours, also where the settings have changed their mind since.
        ours = (theme, *(OWN_THEMES if theme in OWN_THEMES else ()))
        if theme and actual.get("loginTheme") in ours:
            wanted["loginTheme"] = NotedBefore.of(actual).login_theme
        return wanted, detail


@dataclass(frozen=True, kw_only=True)
class RemovedTexts:
    """The realm texts that only our theme reads."""

    realm: Admin
    desired: Mapping[str, Mapping[str, str]]
    what: str = "texts for the login theme"

    def check(self) -> Change:
        found = tuple(f"{locale}.{key}" for locale, keys, _ in self._present() for key in keys)
        return Change(kind="remove" if found else "keep", what=self.what, detail=found)

    def do(self) -> None:
        for locale, keys, others in self._present():
            if not others:
                # Keycloak would keep the locale with no texts.
                self.realm.delete("localization", locale)
                continue
            for key in keys:
                self.realm.delete("localization", locale, key)

    def _present(self) -> list[tuple[str, list[str], set[str]]]:
        """Where there is something of ours: the locale, our keys, and the others."""
        ours = {key for texts in self.desired.values() for key in texts}
        texts = {it: set(self.realm.find("localization", it) or {}) for it in self.realm.get("localization")}
        return [(it, sorted(ours & keys), keys - ours) for it, keys in texts.items() if ours & keys]


@dataclass(frozen=True, kw_only=True)
class RemovedProvider:
    """An identity provider of the sidecar's; Keycloak drops the links of its users and the mappers with it."""

    realm: Admin
    alias: str
    ours: frozenset[str]
    on_user: Callable[[int], None]

    @property
    def what(self) -> str:
        return f"identity provider {self.alias}"

    def check(self) -> Change:
        linked, stranded = 0, 0
        for user in self._users():
            linked += 1
            stranded += not self._has_another_way_in(user)
            self.on_user(linked)
        detail = [f"{_people(linked)} linked with it, and the links go with it"] if linked else []
        if stranded:
            detail.append(
                f"{_people(stranded)} left without a way in: no password, passkey, user federation or other provider"
            )
            detail.append(self._way_out())
        return Change(kind="remove", what=self.what, detail=tuple(detail))

    def do(self) -> None:
        self.realm.delete(*_PROVIDERS, self.alias)

    def _users(self) -> Iterator[Mapping[str, Any]]:
        first = 0
        while True:
            page = self.realm.get("users", idpAlias=self.alias, first=str(first), max=str(_PAGE))
            yield from page
            if len(page) < _PAGE:
                return
            first += _PAGE

    def _has_another_way_in(self, user: Mapping[str, Any]) -> bool:
        if user.get("federationLink"):
            return True
        linked = self.realm.get("users", user["id"], "federated-identity")
        if any(link["identityProvider"] not in self.ours for link in linked):
            return True
        return any(
            credential["type"] in _WAYS_IN
            for credential in self.realm.get("users", user["id"], "credentials")
        )

    def _way_out(self) -> str:
        realm = self.realm.get()
        if realm.get("resetPasswordAllowed") and realm.get("smtpServer", {}).get("host"):
            return "those with an email address can set a password with 'Forgot password'"
        return (
            "give them one first: switch on 'Forgot password' (Realm settings > Login) with a mail server,"
            " or set passwords"
        )


@dataclass(frozen=True, kw_only=True)
class RemovedScope:
    """Our client scope; one that an admin added mappers to loses ours only."""

    realm: Admin
    desired: Mapping[str, Any]

    @property
    def what(self) -> str:
        return f"client scope {self.desired['name']}"

    def check(self) -> Change:
        actual = self._actual()
        if actual is None:
            return Change(kind="keep", what=self.what)
        foreign = self._foreign(actual)
        if foreign:
            return Change(
                kind="change", what=self.what, detail=(f"stays, for the mappers {', '.join(foreign)}",)
            )
        return Change(
            kind="remove", what=self.what, detail=("its claims leave the tokens of clients that have it",)
        )

    def do(self) -> None:
        actual = self._actual()
        if actual is None:
            return
        where = ("client-scopes", actual["id"])
        if not self._foreign(actual):
            self.realm.delete(*where)
            return
        for mapper in actual["protocolMappers"]:
            if mapper["name"] in self._mappers():
                self.realm.delete(*where, "protocol-mappers", "models", mapper["id"])

    def _actual(self) -> dict[str, Any] | None:
        """The scope as long as there is something of ours in it."""
        found = named(self.realm.get("client-scopes"), self.desired["name"])
        if found and self._foreign(found) and not self._mappers() & _names(found):
            return None
        return found

    def _foreign(self, actual: Mapping[str, Any]) -> list[str]:
        return sorted(_names(actual) - self._mappers())

    def _mappers(self) -> set[str]:
        return {mapper["name"] for mapper in self.desired["protocolMappers"]}


@dataclass(frozen=True, kw_only=True)
class RemovedFlow:
    """A flow of ours, unless something else uses it."""

    realm: Admin
    alias: str
    ours: frozenset[str]

    @property
    def what(self) -> str:
        return f"flow {self.alias}"

    def check(self) -> Change:
        found = self._found()
        if found is None:
            return Change(kind="keep", what=self.what)
        users = self._users(found["id"])
        if users:
            return Change(kind="keep", what=self.what, detail=(f"stays, since {', '.join(users)} use it",))
        return Change(kind="remove", what=self.what)

    def do(self) -> None:
        found = self._found()
        if found is not None:
            self.realm.delete(*_FLOWS, found["id"])

    def _found(self) -> dict[str, Any] | None:
        return named(self.realm.get(*_FLOWS), self.alias, key="alias")

    def _users(self, flow_id: str) -> list[str]:
        """What of the realm, other than what goes too, is bound to the flow."""
        clients = [
            f"client {client['clientId']}"
            for client in self.realm.get("clients")
            if flow_id in (client.get("authenticationFlowBindingOverrides") or {}).values()
        ]
        providers = [
            f"identity provider {provider['alias']}"
            for provider in self.realm.get(*_PROVIDERS)
            if provider["alias"] not in self.ours
            and self.alias
            in {provider.get("firstBrokerLoginFlowAlias"), provider.get("postBrokerLoginFlowAlias")}
        ]
        return clients + providers


@dataclass(frozen=True, kw_only=True)
class RestoredProfile:
    """The user profile's attributes as they were noted, where they are as we made them; those we added go."""

    realm: Admin
    desired: tuple[Mapping[str, Any], ...]
    what: str = "user profile"

    def check(self) -> Change:
        _, detail = self._restored()
        return settled(self.what, detail)

    def do(self) -> None:
        profile, detail = self._restored()
        if detail:
            self.realm.put("users", "profile", body=profile)

    def _restored(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        noted = NotedBefore.of(self.realm.get()).attributes
        profile: dict[str, Any] = self.realm.get("users", "profile")
        ours = {attribute["name"]: attribute for attribute in self.desired}
        detail: list[str] = []
        kept: list[dict[str, Any]] = []
        for attribute in profile["attributes"]:
            name = attribute["name"]
            if name not in ours or name not in noted:
                kept.append(attribute)
                continue
            was = noted[name]
            if was is None:
                detail.append(f"{name}: removed; what users have there is dropped when they are edited next")
                continue
            if "required" in was and "required" not in attribute:
                attribute["required"] = was["required"]
                detail.append(f"{name}: optional → required")
            edit = attribute.get("permissions", {}).get("edit")
            if "edit" in was and edit == ours[name]["permissions"]["edit"] != was["edit"]:
                attribute["permissions"]["edit"] = was["edit"]
                detail.append(f"{name}: written by admins only → by {', '.join(was['edit'])}")
            kept.append(attribute)
        profile["attributes"] = kept
        return profile, tuple(detail)


@dataclass(frozen=True, kw_only=True)
class RemovedKey:
    """Our signing key, unless the realm or a client has begun to sign with its algorithm."""

    realm: Admin
    name: str
    what: str = "key ES256"

    def check(self) -> Change:
        if self._found() is None:
            return Change(kind="keep", what=self.what)
        users = self._users()
        if users:
            return Change(kind="keep", what=self.what, detail=(f"stays, since {', '.join(users)} use it",))
        return Change(kind="remove", what=self.what)

    def do(self) -> None:
        found = self._found()
        if found is not None:
            self.realm.delete("components", found["id"])

    def _found(self) -> dict[str, Any] | None:
        return key_named(self.realm, self.name)

    def _users(self) -> list[str]:
        users = ["the realm's tokens"] if self.realm.get().get("defaultSignatureAlgorithm") == "ES256" else []
        return users + [
            f"client {client['clientId']}"
            for client in self.realm.get("clients")
            if any(
                value == "ES256" and name != _CLIENTS_OWN_ALGORITHM
                for name, value in client.get("attributes", {}).items()
            )
        ]


@dataclass(frozen=True, kw_only=True)
class RestoredLanguages:
    """Without the languages that we added; the default and the switch as they were, where they are ours still."""

    realm: Admin
    desired: Mapping[str, Any]
    what: str = "languages"

    def check(self) -> Change:
        actual = self.realm.get()
        shown = {**actual, "supportedLocales": sorted(actual.get("supportedLocales") or [])}
        return settled(self.what, differences(self._wanted(actual), shown))

    def do(self) -> None:
        wanted = self._wanted(self.realm.get())
        if wanted:
            self.realm.put(body=wanted)

    def _wanted(self, actual: Mapping[str, Any]) -> dict[str, Any]:
        noted = NotedBefore.of(actual)
        if noted.locales is None:
            return {}
        ours = set(self.desired["supportedLocales"]) - set(noted.locales)
        present = actual.get("supportedLocales") or []
        kept = sorted(locale for locale in present if locale not in ours)
        wanted: dict[str, Any] = {"supportedLocales": kept}
        if actual.get("defaultLocale") in ours:
            wanted["defaultLocale"] = noted.default_locale
        if kept == sorted(noted.locales):
            wanted["internationalizationEnabled"] = noted.internationalized
        return wanted


@dataclass(frozen=True, kw_only=True)
class RemovedNote:
    """The realm attributes in which we noted what was; the last to go, so that a stopped run can go on."""

    realm: Admin
    what: str = "notes of what was before"

    def check(self) -> Change:
        return Change(kind="remove" if self._noted(self.realm.get()) else "keep", what=self.what)

    def do(self) -> None:
        actual = self.realm.get()
        # An update without an attribute drops it.
        attributes = {
            key: value for key, value in actual["attributes"].items() if key not in self._noted(actual)
        }
        self.realm.put(body={"attributes": attributes})

    @staticmethod
    def _noted(actual: Mapping[str, Any]) -> set[str]:
        return {name for name in (PREVIOUS_BROWSER_FLOW, Before.ATTRIBUTE) if name in actual["attributes"]}


def own_providers(realm: Admin, issuers: str) -> list[str]:
    """The aliases of the identity providers whose issuer is the sidecar's, whatever the settings name today.

    Args:
        realm: the realm.
        issuers: what the issuers of the realm's connections begin with.
    """
    return [
        provider["alias"]
        for provider in realm.get(*_PROVIDERS)
        if provider["providerId"] == "oidc" and provider["config"].get("issuer", "").startswith(issuers)
    ]


def require_realm(realm: Admin, name: str) -> None:
    """Refuse to go on without it."""
    if realm.find() is None:
        raise KeycloakUnavailable(f"Keycloak has no realm '{name}' that this admin can see: mend the name")


def _names(scope: Mapping[str, Any]) -> set[str]:
    return {mapper["name"] for mapper in scope.get("protocolMappers", ())}


def _people(count: int) -> str:
    return "1 user is" if count == 1 else f"{count} users are"
