"""The demo's applications for the API: one public, one confidential, made in the realm and switched on."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from sidecar.keycloak import Admin
from sidecar.keycloak.api_clients import enable_api_client
from sidecar.settings import Settings
from sidecar.store.api_clients import SqlClients
from sidecar.store.engine import Database

PUBLIC, CONFIDENTIAL = "embedded-example", "embedded-confidential"


def secret_of(server_key: str) -> str:
    """The confidential client's secret: the same as long as the state is."""
    return hmac.digest(server_key.encode(), CONFIDENTIAL.encode(), hashlib.sha256).hex()[:32]


def set_up(admin: Admin, settings: Settings, realm_name: str, *, example_url: str, secret: str) -> None:
    """Make both, or bring them to what they should be, and switch them on.

    Args:
        admin: from `connect`.
        settings: the demo's.
        realm_name: the demo's realm.
        example_url: where the single-page example is, without a slash at its end.
        secret: the confidential client's.
    """
    realm = admin.at("realms", realm_name)
    origin = example_url.rpartition("/")[0]
    callback = settings.embedded_callback(realm_name)
    wanted: list[dict[str, Any]] = [
        {
            "clientId": PUBLIC,
            "name": "Single-page example",
            "publicClient": True,
            "redirectUris": [f"{example_url}/", callback],
            "webOrigins": [origin],
            "attributes": {"post.logout.redirect.uris": f"{example_url}/"},
        },
        {
            "clientId": CONFIDENTIAL,
            "name": "Server-side example",
            "publicClient": False,
            "secret": secret,
            "redirectUris": [callback],
            "webOrigins": [],
        },
    ]
    database = Database(settings.database.url.reveal())
    try:
        for client in wanted:
            body = {"protocol": "openid-connect", "standardFlowEnabled": True, **client}
            found = realm.get("clients", clientId=client["clientId"])
            if found:
                realm.put("clients", found[0]["id"], body={**found[0], **body})
            else:
                realm.post("clients", body=body)
            enabled = enable_api_client(admin, settings, realm_name, client["clientId"], origins=[])
            SqlClients(database).enable(enabled)
    finally:
        database.dispose()
