"""Keycloak's own login page as a caller: where the settings have it drive the API, for the login that it shows."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Request

from sidecar.edge.navigation import is_same_site
from sidecar.errors import ClientRefused
from sidecar.login.room import LoginRoom
from sidecar.model.client import ApiClient
from sidecar.model.origin import origin_of
from sidecar.settings import Settings


def may_read(settings: Settings, realm: str, origin: str) -> bool:
    """Whether the origin is Keycloak's, and any login page of the realm drives the API."""
    found = settings.realms.get(realm)
    return found is not None and found.has_classic and origin == origin_of(settings.keycloak.url)


def client_of(room: LoginRoom, realm: str, request: Request, fields: Mapping[str, str]) -> ApiClient:
    """The client whose login page this is.

    No client proves itself here, for anybody may open its login page: what counts is that the browser says that the
    page is Keycloak's, and holds our cookie. A ticket of it is for the login that the page shows, and no other.

    Raises:
        ClientRefused: the page is not Keycloak's, is on another site than we, or its realm or client has it otherwise.
    """
    settings, client_id = room.settings, fields.get("client_id", "")
    found = settings.realms.get(realm)
    if found is None or not client_id or not found.is_classic(client_id):
        raise ClientRefused(f"the login page of {client_id!r} is not set to drive the API")
    own = origin_of(settings.keycloak.url)
    is_on_our_origin = own == origin_of(settings.server.public_url)
    # Browsers name no origin where a page reads from its own.
    named = request.headers.get("Origin", own if request.method == "GET" and is_on_our_origin else "")
    if named != own:
        raise ClientRefused("the page is not Keycloak's")
    if not is_same_site(request):
        raise ClientRefused("Keycloak is on another site, where our cookie does not go")
    client = found.clients.get(client_id)
    return ApiClient(
        realm=realm,
        client_id=client_id,
        application=client.id if client else "",
        is_public=True,
        origins=(own,),
    )
