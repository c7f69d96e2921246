"""Previewing and enabling passwordless login in a realm: the steps, in the order that is safe to stop in.

What users meet comes last: until the flow and the theme are bound, sign-in goes on as before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak.account_client import ACCOUNT_CLIENT, AccountClient
from sidecar.keycloak.admin import Admin
from sidecar.keycloak.admin_api_client import ADMIN_API_CLIENT, AdminApiClient
from sidecar.keycloak.before import Before
from sidecar.keycloak.change import Change
from sidecar.keycloak.client_steps import ClientChoices, ClientIds
from sidecar.keycloak.desired import POST_LOGIN_FLOW, STOCK_THEME, THEME, chosen_theme, desired_realm
from sidecar.keycloak.flow_steps import BrowserFlow, IdentityProvider, OwnFlow, PostLoginFlow
from sidecar.keycloak.flows import flow_from
from sidecar.keycloak.own_client import RemovedClient
from sidecar.keycloak.passkeys import Passkeys, RestoredPasskeys, policy_of
from sidecar.keycloak.realm_steps import (
    ClientScope,
    DefaultScope,
    Es256Key,
    Languages,
    LoginPage,
    Texts,
    UserProfile,
)
from sidecar.keycloak.removal import (
    RemovedFlow,
    RemovedKey,
    RemovedNote,
    RemovedProvider,
    RemovedScope,
    RemovedTexts,
    RestoredLanguages,
    RestoredLoginPage,
    RestoredProfile,
    own_providers,
    require_realm,
)
from sidecar.keycloak.step import NamedThing, Step, taken
from sidecar.model.admin import CLIENT_ID as ADMIN_API
from sidecar.settings import CLASSIC_THEME, UNIVERSAL_THEME, Realm, Settings

_NEW_REALM_KEYS = ("realm", "displayName", "enabled", "sslRequired")
_LANGUAGE_KEYS = ("internationalizationEnabled", "supportedLocales", "defaultLocale")
_LOGIN_KEYS = ("browserFlow", "loginTheme")
_FIRST_BROKER_LOGIN = "passwordless first broker login"
#: Steps with nothing to do in a realm that is new.
_NOT_MADE = (ClientChoices, ClientIds, RestoredPasskeys)


def plan_realm(admin: Admin, settings: Settings, realm_name: str, *, theme: str = THEME) -> list[Change]:
    """What `apply_realm` would do, and what it would leave as it is; reads only.

    For a realm that does not exist, everything is to be created.

    Raises:
        SettingsError: the settings have no such realm.
        KeycloakUnavailable: Keycloak can't be asked, lacks the theme, or holds something of our names that is not ours.
    """
    desired = desired_realm(settings, realm_name, theme=theme)
    _require_themes(admin, settings.realms[realm_name], theme)
    realm = admin.at("realms", realm_name)
    steps = _steps(realm, desired, settings.realms[realm_name])
    if realm.find() is None:
        return [
            _new_realm(realm_name),
            *(Change(kind="create", what=step.what) for step in steps if not isinstance(step, _NOT_MADE)),
        ]
    return [step.check() for step in steps]


def apply_realm(
    admin: Admin,
    settings: Settings,
    realm_name: str,
    *,
    create: bool = False,
    theme: str = THEME,
    on_step: Callable[[Change], None] = lambda _: None,
) -> list[Change]:
    """Enable passwordless login in the realm; a second run changes nothing, and a run after an interrupted one goes on.

    Args:
        admin: from `connect`.
        settings: with `[realms.<realm_name>]`.
        realm_name: the realm.
        create: make the realm if there is none.
        theme: the login theme, or `stock` to leave the realm's own.
        on_step: is told of each change once it is done, and of what was kept.

    Raises:
        SettingsError: the settings have no such realm.
        KeycloakUnavailable: stopped at the first error; what `on_step` was told of is done.
    """
    desired = desired_realm(settings, realm_name, theme=theme)
    _require_themes(admin, settings.realms[realm_name], theme)
    realm = admin.at("realms", realm_name)
    done: list[Change] = []
    if realm.find() is None:
        _create_realm(admin, desired, create=create)
        done.append(_new_realm(realm_name))
        on_step(done[-1])
    return done + taken(_steps(realm, desired, settings.realms[realm_name]), on_step)


def plan_removal(
    admin: Admin,
    settings: Settings,
    realm_name: str,
    *,
    theme: str = THEME,
    on_user: Callable[[int], None] = lambda _: None,
) -> list[Change]:
    """What `remove_realm` would do; reads only.

    Args:
        admin: from `connect`.
        settings: with `[realms.<realm_name>]`.
        realm_name: the realm.
        theme: the login theme that `apply_realm` was given.
        on_user: is told how many of a connection's users have been looked at, which takes two calls for each.

    Raises:
        SettingsError: the settings have no such realm.
        KeycloakUnavailable: Keycloak can't be asked, or has no such realm.
    """
    steps = _removal(admin, settings, realm_name, theme, on_user)
    return [step.check() for step in steps]


def remove_realm(
    admin: Admin,
    settings: Settings,
    realm_name: str,
    *,
    theme: str = THEME,
    on_step: Callable[[Change], None] = lambda _: None,
    on_user: Callable[[int], None] = lambda _: None,
) -> list[Change]:
    """Take out what `apply_realm` made, and put back what it changed; a run after an interrupted one goes on.

    What an admin changed since stays as it is, and so does what somebody else's clients or providers use by now.
    Arguments and errors are those of `plan_removal`; it stops at the first error, and what `on_step` was told is done.
    """
    return taken(_removal(admin, settings, realm_name, theme, on_user), on_step)


def steps_of(admin: Admin, settings: Settings, realm_name: str, *, theme: str) -> Iterator[Step]:
    """The steps that `apply_realm` takes in a realm that is there, each to be asked what it would do.

    Raises:
        SettingsError: the settings have no such realm.
    """
    desired = desired_realm(settings, realm_name, theme=theme)
    return _steps(admin.at("realms", realm_name), desired, settings.realms[realm_name])


def _removal(
    admin: Admin, settings: Settings, realm_name: str, theme: str, on_user: Callable[[int], None]
) -> Iterator[Step]:
    """The way of `_steps` backwards: what users meet comes first."""
    desired = desired_realm(settings, realm_name, theme=theme)
    realm = admin.at("realms", realm_name)
    require_realm(realm, realm_name)
    providers = own_providers(realm, settings.issuer(realm_name, ""))
    ours = frozenset(providers)
    yield RestoredLoginPage(realm=realm, desired=_only(desired, _LOGIN_KEYS))
    yield ClientChoices(realm=realm, clients={})
    yield RemovedTexts(realm=realm, desired=desired["localizationTexts"])
    for alias in providers:
        yield RemovedProvider(realm=realm, alias=alias, ours=ours, on_user=on_user)
    for client in (ACCOUNT_CLIENT, ADMIN_API_CLIENT):
        yield RemovedClient(realm=realm, client=client)
    for scope in desired["clientScopes"]:
        yield RemovedScope(realm=realm, desired=scope)
    for alias in (desired["browserFlow"], _FIRST_BROKER_LOGIN, POST_LOGIN_FLOW):
        yield RemovedFlow(realm=realm, alias=alias, ours=ours)
    yield RestoredPasskeys(realm=realm)
    yield RestoredProfile(realm=realm, desired=_profile(desired))
    for key in desired["components"]["org.keycloak.keys.KeyProvider"]:
        yield RemovedKey(realm=realm, name=key["name"])
    yield RestoredLanguages(realm=realm, desired=_only(desired, _LANGUAGE_KEYS))
    yield RemovedNote(realm=realm)


def _steps(realm: Admin, desired: Mapping[str, Any], said: Realm) -> Iterator[Step]:
    otherwise = tuple(it for it in said.clients.values() if it.looks_otherwise)
    if otherwise:
        # First: what it refuses is mended in the settings, before anything is done.
        yield ClientIds(realm=realm, realm_name=said.name, clients=otherwise)
    yield Before(realm=realm, profile=_profile(desired))
    yield Languages(realm=realm, desired=_only(desired, _LANGUAGE_KEYS))
    for key in desired["components"]["org.keycloak.keys.KeyProvider"]:
        yield Es256Key(realm=realm, desired=key)
    yield UserProfile(realm=realm, desired=_profile(desired))
    if said.passkeys == "off":
        yield RestoredPasskeys(realm=realm)
    else:
        yield Passkeys(realm=realm, desired=policy_of(desired))
    yield OwnFlow(realm=realm, template=flow_from(desired, _FIRST_BROKER_LOGIN))
    yield BrowserFlow(realm=realm, template=flow_from(desired, desired["browserFlow"]))
    if said.step_up:
        # Before the identity providers that it is bound to: what is bound is whole.
        yield PostLoginFlow(realm=realm, template=flow_from(desired, POST_LOGIN_FLOW))
    yield from _provider_steps(realm, desired)
    yield from _scope_steps(realm, desired)
    for client in desired["clients"]:
        if client["clientId"] == ADMIN_API:
            yield AdminApiClient(realm=realm, desired=client, roles=desired["roles"]["client"][ADMIN_API])
        else:
            yield AccountClient(realm=realm, desired=client)
    yield Texts(realm=realm, desired=desired["localizationTexts"])
    yield ClientChoices(realm=realm, clients=said.clients)
    yield LoginPage(realm=realm, desired=_only(desired, _LOGIN_KEYS))


def _provider_steps(realm: Admin, desired: Mapping[str, Any]) -> Iterator[Step]:
    providers = ("identity-provider", "instances")
    for provider in desired["identityProviders"]:
        yield IdentityProvider(
            realm=realm, what=f"identity provider {provider['alias']}", collection=providers, desired=provider
        )
    for mapper in desired["identityProviderMappers"]:
        alias = mapper["identityProviderAlias"]
        what = f"mapper '{mapper['name']}' of identity provider {alias}"
        yield NamedThing(realm=realm, what=what, collection=(*providers, alias, "mappers"), desired=mapper)


def _scope_steps(realm: Admin, desired: Mapping[str, Any]) -> Iterator[Step]:
    for scope in desired["clientScopes"]:
        yield ClientScope(realm=realm, desired=scope)
    for name in desired["defaultDefaultClientScopes"]:
        yield DefaultScope(realm=realm, scope=name)


def _profile(desired: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The attributes of the user profile that we have a word on."""
    (provider,) = desired["components"]["org.keycloak.userprofile.UserProfileProvider"]
    return tuple(json.loads(provider["config"]["kc.user.profile.config"][0])["attributes"])


def require_theme(admin: Admin, theme: str) -> None:
    """Keycloak takes any theme name and then shows its own page, so ask first. Some admins can't see the list.

    Raises:
        KeycloakUnavailable: it has no such theme; says how to give it one.
    """
    if theme == STOCK_THEME:
        return
    themes = (admin.find("serverinfo") or {}).get("themes", {}).get("login", [])
    names = {entry["name"] for entry in themes}
    if names and theme not in names:
        raise KeycloakUnavailable(
            f"Keycloak has no login theme '{theme}': put {_folders(theme)} into Keycloak's themes folder"
            " and restart it, or leave the realm's own login page with --theme stock"
        )


def _folders(theme: str) -> str:
    if theme == CLASSIC_THEME:
        return f"the folders themes/{UNIVERSAL_THEME} and themes/{theme}, which builds on it,"
    return f"the folder themes/{theme}"


def _require_themes(admin: Admin, realm: Realm, theme: str) -> None:
    for name in (chosen_theme(realm, theme), *(it.theme or STOCK_THEME for it in realm.clients.values())):
        require_theme(admin, name)


def _create_realm(admin: Admin, desired: Mapping[str, Any], *, create: bool) -> None:
    name = desired["realm"]
    if not create:
        raise KeycloakUnavailable(
            f"Keycloak has no realm '{name}' that this admin can see: mend the name, or make it with --create"
        )
    admin.post("realms", body=_only(desired, _NEW_REALM_KEYS))


def _new_realm(name: str) -> Change:
    return Change(kind="create", what=f"realm {name}")


def _only(desired: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: desired[key] for key in keys if key in desired}
