"""The application on SQLite, with a client of the API; what the store decides is tested on both databases elsewhere."""

from __future__ import annotations

import pytest

from sidecar.model.client import ApiClient
from sidecar.store.api_clients import SqlClients
from tests.contract.test_tickets import SHOP
from tests.oidc.fixtures import browser, built, environment, parts, realms

__all__ = ["browser", "environment", "parts", "realms"]

ORIGIN = "https://shop.acme.example"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture(scope="module")
def face(sqlite_template, realms, tmp_path_factory):
    """The SDKs' face for tables of what is refused: a client for pages, one without any, and a confidential one."""
    more = {"SDK__DEFAULT_REALM": "acme", "REALMS__OTHER__SDK_HOSTS": '["auth.other.example"]'}
    with built(sqlite_template, realms, tmp_path_factory.mktemp("face"), **more) as house:
        for client_id, is_public, origins in (
            ("shop", True, (ORIGIN,)),
            ("native", True, ()),
            ("backend", False, (ORIGIN,)),
        ):
            client = ApiClient(
                realm="acme", client_id=client_id, application=SHOP, is_public=is_public, origins=origins
            )
            SqlClients(house.parts.database).enable(client)
        yield house


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
