"""The application on SQLite, with a client of the API; what the store decides is tested on both databases elsewhere."""

from __future__ import annotations

import pytest

from sidecar.model.client import ApiClient
from sidecar.store.api_clients import SqlClients
from tests.contract.test_tickets import SHOP
from tests.oidc.fixtures import browser, environment, parts, realms

__all__ = ["browser", "environment", "parts", "realms"]

ORIGIN = "https://shop.acme.example"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def switched_on(parts):
    """Switches a client on; `shop` is on from the start."""

    def switch(client_id: str, *, application: str = SHOP, is_public: bool = True, origins=(), realm="acme"):
        client = ApiClient(
            realm=realm,
            client_id=client_id,
            application=application,
            is_public=is_public,
            origins=tuple(origins),
        )
        SqlClients(parts.database).enable(client)
        return client

    switch("shop", origins=[ORIGIN])
    return switch
