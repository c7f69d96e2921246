"""The demo's applications: one that sends people to Keycloak, and three for the API, which are switched on."""

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
COMMAND_LINE, FLASK = "command-line", "flask-example"


def secret_of(server_key: str) -> str:
    """The confidential client's secret: the same as long as the state is."""
    return hmac.digest(server_key.encode(), CONFIDENTIAL.encode(), hashlib.sha256).hex()[:32]


def set_up(
    admin: Admin, settings: Settings, realm_name: str, *, example_url: str, flask_url: str, secret: str
) -> None:
    """Make them, or bring them to what they should be, and switch on those of the API.

    Args:
        admin: from `connect`.
        settings: the demo's.
        realm_name: the demo's realm.
        example_url: where the single-page example is, without a slash at its end.
        flask_url: where the Flask example is, likewise.
        secret: the confidential client's.
    """
    realm = admin.at("realms", realm_name)
    # By its other name it is on another site than the sidecar.
    examples = [f"{example_url}/", f"{example_url.replace('//localhost:', '//127.0.0.1:')}/"]
    callback = settings.embedded_callback(realm_name)
    wanted: list[dict[str, Any]] = [
        {
            "clientId": PUBLIC,
            "name": "Single-page example",
            "publicClient": True,
            "redirectUris": [*examples, callback],
            "webOrigins": [url.removesuffix("/").rpartition("/")[0] for url in examples],
            "attributes": {"post.logout.redirect.uris": "##".join(examples)},
        },
        {
            "clientId": CONFIDENTIAL,
            "name": "Server-side example",
            "publicClient": False,
            "secret": secret,
            "redirectUris": [callback],
            "webOrigins": [],
        },
        {
            "clientId": COMMAND_LINE,
            "name": "Command-line example",
            "publicClient": True,
            "redirectUris": [callback],
            "webOrigins": [],
        },
        {
            "clientId": FLASK,
            "name": "Flask example",
            "publicClient": True,
            "baseUrl": f"{flask_url}/",
            "redirectUris": [f"{flask_url}/signed-in"],
            "webOrigins": [],
            "attributes": {
                "pkce.code.challenge.method": "S256",
                "post.logout.redirect.uris": f"{flask_url}/",
            },
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
            if callback in client["redirectUris"]:
                enabled = enable_api_client(admin, settings, realm_name, client["clientId"], origins=[])
                SqlClients(database).enable(enabled)
    finally:
        database.dispose()
