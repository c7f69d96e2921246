"""A page of an application on another site hands its browser over, with a ticket."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as AnyResponse

from sidecar.api.onward import PASSED_ON, to_keycloak
from sidecar.edge.browser import caller_of
from sidecar.edge.forms import field
from sidecar.errors import InvalidRequest
from sidecar.login import tickets
from sidecar.login.room import LoginRoom


def blueprint(room: LoginRoom, *, prefix: str) -> Blueprint:
    """A person's browser comes here, so what is refused is told on a page, as everywhere but in the API."""
    bp = Blueprint("continuing", __name__, url_prefix=prefix)

    @bp.post("/realms/<realm>/tickets/continue")
    def go_on(realm: str) -> ResponseReturnValue:
        """Bind the ticket to this browser and go to Keycloak's authorization endpoint, as the application asks.

        A top-level form of the application's page: it carries the page's own origin, which a stranger's page can't
        forge, and the answer may set our cookie, which a script's call from another site may not.
        """
        return _redirected(room, realm)

    return bp


def _redirected(room: LoginRoom, realm: str) -> AnyResponse:
    client = room.clients.find(realm, field(request, "client_id"))
    if client is None or request.headers.get("Origin") not in client.origins:
        raise InvalidRequest("the form is not of a page of a client that was switched on for the API")
    wanted = {name: field(request, name) for name in PASSED_ON}
    unverified_ticket = field(request, "ticket")
    connection = tickets.bind(
        room, client=client, unverified_ticket=unverified_ticket, caller=caller_of(request)
    )
    return to_keycloak(
        room.settings.keycloak,
        realm,
        client.client_id,
        wanted,
        kc_idp_hint=connection,
        login_hint=unverified_ticket,
    )
