"""The desired state of a realm: the files of `realm-config/`, filled from the settings, as one realm representation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sidecar.assets import REALM_CONFIG
from sidecar.errors import SettingsError
from sidecar.keycloak.account_client import ACCOUNT_PAGE
from sidecar.keycloak.brands import brands_text
from sidecar.keycloak.service_account import public_keys
from sidecar.settings import CLASSIC_THEME, UNIVERSAL_THEME, Connection, Realm, Settings

#: Leaves the realm's login theme as it is.
STOCK_THEME = "stock"
#: Ours: the one that the realm's `login_page` takes.
THEME = UNIVERSAL_THEME
OWN_THEMES = (UNIVERSAL_THEME, CLASSIC_THEME)
#: The flow after a login through a connection, in realms with `step_up`.
POST_LOGIN_FLOW = "passwordless post login"
#: The text that a connection without `display_name` shows on its button.
_DISPLAY_NAMES = {"email": "Email code", "sms": "Text message code"}
_PLACEHOLDER = re.compile(r"\$\{passwordless\.([a-z_]+)\}")


def desired_realm(
    settings: Settings, realm_name: str, *, theme: str = THEME, folder: Path = REALM_CONFIG
) -> dict[str, Any]:
    """The realm as it should be, in the shape of Keycloak's RealmRepresentation; only the keys that are ours.

    Args:
        settings: must have `[realms.<realm_name>]`.
        realm_name: the realm's name in Keycloak, the same as in the settings.
        theme: the login theme (ours is that of `login_page`), or `stock` to leave the realm's own.
        folder: the files; README.md there has the rules by which they are filled and merged.

    Raises:
        SettingsError: the settings have no such realm.
    """
    realm = settings.realms.get(realm_name)
    if realm is None:
        raise SettingsError(
            f"the settings have no [realms.{realm_name}] (they have {', '.join(sorted(settings.realms))}):"
            " add it with its connections, or mend the name"
        )
    result: dict[str, Any] = {}
    for file in sorted(folder.glob("*.json")):
        fragment = json.loads(file.read_text(encoding="utf-8"))
        for values in _fillings(file.suffixes, settings, realm, theme):
            _merge(result, _filled(fragment, values, file.name) or {})
    return result


def chosen_theme(realm: Realm, theme: str) -> str:
    """What `theme` means in this realm: ours is that of its `login_page`."""
    return realm.login_theme if theme == THEME else theme


def _fillings(suffixes: list[str], settings: Settings, realm: Realm, theme: str) -> Iterator[dict[str, Any]]:
    """The values for one file: once, or once for each connection or locale."""
    values = _realm_values(settings, realm, theme)
    if ".connection" in suffixes:
        for connection in realm.connections.values():
            yield values | _connection_values(settings, realm, connection)
    elif ".locale" in suffixes:
        for locale in realm.locales:
            yield values | {"locale": locale}
    else:
        yield values


def _realm_values(settings: Settings, realm: Realm, theme: str) -> dict[str, Any]:
    return {
        "realm": realm.name,
        "display_name": realm.display_name,
        "locales": list(realm.locales),
        "default_locale": realm.locales[0],
        "connections": " ".join(_named_for_theme(it) for it in realm.connections.values()),
        "brands": brands_text(settings, realm),
        "has_numbers": any(it.strategy == "sms" for it in realm.connections.values()),
        "has_withheld_addresses": any(map(_may_withhold_address, realm.connections.values())),
        "password_form": "true" if realm.passwords else "false",
        "password_execution": "REQUIRED" if realm.passwords else "DISABLED",
        "passkey_execution": "DISABLED" if realm.passwords else "CONDITIONAL",
        "has_passkeys": realm.passkeys != "off",
        "step_up": realm.step_up,
        "account_page": realm.account_page,
        "admin_api": realm.admin_api,
        "account_url": settings.account_url(realm.name),
        "account_keys": public_keys(settings, realm.name, ACCOUNT_PAGE),
        "post_login_flow": POST_LOGIN_FLOW if realm.step_up else None,
        "api": settings.server.public_url if realm.has_classic else "none",
        "login_theme": None if theme == STOCK_THEME else chosen_theme(realm, theme),
    }


def _connection_values(settings: Settings, realm: Realm, connection: Connection) -> dict[str, Any]:
    return {
        "connection": connection.id,
        "is_number": connection.strategy == "sms",
        "may_withhold_address": _may_withhold_address(connection),
        "connection_display_name": connection.display_name or _DISPLAY_NAMES[connection.strategy],
        "issuer": settings.issuer(realm.name, connection.id),
        "back_channel": f"{settings.server.internal_url}/realms/{realm.name}/{connection.id}",
    }


def _may_withhold_address(connection: Connection) -> bool:
    """Whether its users may come without an `email`, since another user has it."""
    return connection.strategy == "email" and connection.linking != "prompt"


def _named_for_theme(connection: Connection) -> str:
    """How the theme tells which connection takes numbers."""
    return f"{connection.id}/sms" if connection.strategy == "sms" else connection.id


def _filled(value: Any, values: Mapping[str, Any], where: str) -> Any:
    if isinstance(value, str):
        return _filled_text(value, values, where)
    if isinstance(value, list):
        filled = (_filled(item, values, where) for item in value)
        return [item for item in filled if item is not None]
    if not isinstance(value, dict):
        return value
    if "$if" in value:
        if not _filled(value["$if"], values, where):
            return None
        value = {key: inner for key, inner in value.items() if key != "$if"}
    if value.keys() == {"$json"}:
        return json.dumps(_filled(value["$json"], values, where), separators=(",", ":"))
    pairs = (
        (_filled_text(key, values, where), _filled(inner, values, where)) for key, inner in value.items()
    )
    return {key: inner for key, inner in pairs if inner is not None}


def _filled_text(text: str, values: Mapping[str, Any], where: str) -> Any:
    """Fill the placeholders; one that is the whole text keeps its value's type."""
    for name in _PLACEHOLDER.findall(text):
        if name not in values:
            raise SettingsError(
                f"realm-config/{where} has ${{passwordless.{name}}}, which nothing fills: see README.md there"
            )
    whole = _PLACEHOLDER.fullmatch(text)
    return values[whole[1]] if whole else _PLACEHOLDER.sub(lambda match: str(values[match[1]]), text)


def _merge(into: dict[str, Any], fragment: Mapping[str, Any]) -> None:
    for key, value in fragment.items():
        present = into.get(key)
        if isinstance(value, dict) and isinstance(present, dict):
            _merge(present, value)
        elif isinstance(value, list) and isinstance(present, list):
            present.extend(value)
        else:
            into[key] = value
