"""Switching a realm's client on for the API: what it is in Keycloak, and our callback among its redirect URIs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from sidecar.errors import SettingsError
from sidecar.keycloak.admin import Admin
from sidecar.keycloak.removal import require_realm
from sidecar.model.client import ApiClient
from sidecar.model.origin import origin_of
from sidecar.settings import Settings

#: In a client's web origins: those of its redirect URIs.
_OF_REDIRECTS = "+"


def enable_api_client(
    admin: Admin, settings: Settings, realm_name: str, client_id: str, *, origins: Sequence[str]
) -> ApiClient:
    """Look the client up and let the login that we walk for it end at our callback; a second run changes nothing.

    Args:
        admin: from `connect`.
        settings: where our callback is.
        realm_name: the client's realm.
        client_id: as OAuth has it.
        origins: whose pages may call; with none, the client's own web origins.

    Raises:
        SettingsError: there is no such client, it can't sign anybody in, or an origin is none.
        KeycloakUnavailable: Keycloak can't be asked.
    """
    realm = admin.at("realms", realm_name)
    require_realm(realm, realm_name)
    found = _client(realm, client_id)
    if found.get("bearerOnly") or not found.get("standardFlowEnabled") or not found.get("enabled"):
        raise SettingsError(
            f"the client '{client_id}' can't sign anybody in: switch on it and its standard flow in Keycloak"
        )
    callback = settings.embedded_callback(realm_name)
    if callback not in found["redirectUris"]:
        found = {**found, "redirectUris": [*found["redirectUris"], callback]}
        realm.put("clients", found["id"], body=found)
    return ApiClient(
        realm=realm_name,
        client_id=client_id,
        application=found["id"],
        is_public=bool(found.get("publicClient")),
        origins=tuple(origins) or _origins(found, callback),
    )


def disable_api_client(admin: Admin, settings: Settings, realm_name: str, client_id: str) -> None:
    """Take our callback from the client's redirect URIs, if it is there still.

    Raises:
        SettingsError: there is no such client.
        KeycloakUnavailable: Keycloak can't be asked.
    """
    realm = admin.at("realms", realm_name)
    found = _client(realm, client_id)
    callback = settings.embedded_callback(realm_name)
    if callback in found["redirectUris"]:
        kept = [uri for uri in found["redirectUris"] if uri != callback]
        realm.put("clients", found["id"], body={**found, "redirectUris": kept})


def _client(realm: Admin, client_id: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = realm.get("clients", clientId=client_id)
    if not found:
        raise SettingsError(f"the realm has no client '{client_id}': make it in Keycloak, or mend the name")
    return found[0]


def _origins(client: dict[str, Any], callback: str) -> tuple[str, ...]:
    """The client's web origins, those of its redirect URIs for `+`. `*` is refused: any page at all could call.

    Raises:
        SettingsError: one is no origin.
    """
    named = list(client.get("webOrigins") or ())
    if _OF_REDIRECTS in named:
        named.remove(_OF_REDIRECTS)
        named += [origin_of(uri) for uri in client["redirectUris"] if "://" in uri and uri != callback]
    return tuple(dict.fromkeys(checked_origin(origin) for origin in named))


def checked_origin(origin: str) -> str:
    """An origin as browsers send it.

    Raises:
        SettingsError: it is none; says what one looks like.
    """
    parts = urlsplit(origin)
    is_one = parts.scheme in {"http", "https"} and parts.hostname and origin == origin_of(origin)
    if not is_one or "*" in origin:
        raise SettingsError(
            f"'{origin}' is no web origin like https://shop.acme.example: name each by --origin, without a path"
        )
    return origin
