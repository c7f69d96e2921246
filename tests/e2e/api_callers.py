"""Applications that call the API: switched on as the command does it, and one on a page of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sidecar.keycloak import Admin
from sidecar.keycloak.api_clients import enable_api_client
from sidecar.settings import Settings
from sidecar.store.api_clients import SqlClients
from sidecar.store.engine import Database
from tests.e2e.conftest import NUMBERS, Stack


@contextmanager
def served(stack: Stack, client_id: str, files: Callable[..., BaseHTTPRequestHandler]) -> Iterator[int]:
    """A public client's page at `localhost` (the sidecar's site) and `127.0.0.1` (another); its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), files)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    origins = [f"http://{host}:{server.server_port}" for host in ("localhost", "127.0.0.1")]
    stack.admin.at("realms", NUMBERS).post(
        "clients",
        body={
            "clientId": client_id,
            "publicClient": True,
            "standardFlowEnabled": True,
            "redirectUris": [f"{origin}/*" for origin in origins],
            "webOrigins": origins,
            "attributes": {"pkce.code.challenge.method": "S256", "post.logout.redirect.uris": "+"},
        },
    )
    let_call(stack.admin, stack.settings, NUMBERS, client_id)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def let_call(admin: Admin, settings: Settings, realm: str, client_id: str) -> None:
    """Switch on a client that the realm has, for pages of its own web origins."""
    database = Database(settings.database.url.reveal())
    SqlClients(database).enable(enable_api_client(admin, settings, realm, client_id, origins=[]))
    database.dispose()
