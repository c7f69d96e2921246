"""A large realm that knows nothing of passwordless login: `data/house-realm.json`, enlarged to 300 clients."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

CLIENTS = 300
_PORTION = 40
#: Of everybody in the two realms who has one.
PASSWORD = "correct-Horse-7"
#: What bruno's and carla's authenticator apps hold.
OTP_SECRET = "9Q4hVx2bT7mK0sLdJ3nR"
_DATA = Path(__file__).parent / "data"
_IDS = ("6f4d7c62-3f0e-4a51-9d0c-0b9c5a1e7d11", "1a0f2d5e-8f1b-4a43-8a3f-5c0e0f6b9a21")
_WRITTEN_FOR = "https://id.example.org"


def large_realm(keycloak_url: str, *, name: str, partner: str, fresh: Mapping[str, Any]) -> dict[str, Any]:
    """The house as an import of Keycloak's, with the few clients that somebody signs in to in the tests.

    Args:
        keycloak_url: where it will be.
        name: the realm's.
        partner: the name of the realm behind its identity providers.
        fresh: Keycloak's export of a realm by its defaults: a file with flows or scopes of its own must hold those of
            every realm, too, since the import makes none then.
    """
    house = _read("house", keycloak_url, name, partner)
    for key in ("authenticationFlows", "authenticatorConfig", "clientScopes"):
        house[key] = [*fresh[key], *house[key]]
    for key in ("defaultDefaultClientScopes", "defaultOptionalClientScopes"):
        house[key] = fresh[key]
    return house


def many_clients(there: int) -> Iterator[dict[str, Any]]:
    """The rest of the 300, as partial imports of Keycloak's; `there`: how many clients the realm has before.

    In portions: what Keycloak takes for one grows with the square of what is in it.
    """
    missing = CLIENTS - there
    for first in range(0, missing, _PORTION):
        clients = [_client(number) for number in range(first, min(first + _PORTION, missing))]
        yield {"ifResourceExists": "FAIL", "clients": clients}


def partner_realm(keycloak_url: str, *, name: str, partner: str) -> dict[str, Any]:
    """The realm behind the house's two identity providers."""
    return _read("partner", keycloak_url, name, partner)


def _read(file: str, keycloak_url: str, name: str, partner: str) -> dict[str, Any]:
    text = (_DATA / f"{file}-realm.json").read_text(encoding="utf-8")
    for old, new in {
        f"{_WRITTEN_FOR}/realms/house": f"{keycloak_url}/realms/{name}",
        f"{_WRITTEN_FOR}/realms/partner": f"{keycloak_url}/realms/{partner}",
        "default-roles-house": f"default-roles-{name}",
        # A Keycloak has each of these ids once.
        **{it: str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{it}.{name}")) for it in _IDS},
    }.items():
        text = text.replace(old, new)
    realm: dict[str, Any] = json.loads(text)
    return {**realm, "realm": {"house": name, "partner": partner}[file]}


def _client(number: int) -> Mapping[str, Any]:
    """One of the many: five kinds in turn, none like another."""
    name = f"department-{number:03d}"
    url = f"https://{name}.house.example"
    kinds: list[dict[str, Any]] = [
        {"publicClient": True, "webOrigins": [url], "attributes": {"pkce.code.challenge.method": "S256"}},
        {"secret": f"what-{name}-knows", "optionalClientScopes": ["department", "address", "offline_access"]},
        {"secret": f"what-{name}-knows", "serviceAccountsEnabled": True, "standardFlowEnabled": False},
        {"bearerOnly": True},
        {"protocol": "saml", "attributes": {"saml.server.signature": "true"}},
    ]
    kind = kinds[number % len(kinds)]
    return {
        "clientId": name,
        "name": f"Department {number}",
        "enabled": number % 17 != 0,
        "protocol": "openid-connect",
        "redirectUris": [] if kind.get("bearerOnly") else [f"{url}/*"],
        **kind,
    }
