"""`GET /authorize`: on to Keycloak, with the connection that the application names and the ticket that it got.

Which redirect URIs a client has is Keycloak's to know. So what is refused here goes back to one only if Keycloak itself
would go there; else a page says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as AnyResponse

from sidecar.api.onward import PASSED_ON, to_keycloak
from sidecar.api.sdk.desk import Desk
from sidecar.api.sdk.fields import one
from sidecar.errors import InvalidRequest, TicketRefused
from sidecar.login import tickets

ALSO = ("login_hint", "display", "id_token_hint", "claims_locales", "request", "request_uri")
_OURS = ("client_id", "connection", "realm", "login_ticket")


def install(bp: Blueprint, desk: Desk) -> None:
    @bp.get("/authorize")
    def authorize() -> ResponseReturnValue:
        given = {name: one(name) for name in (*PASSED_ON, *ALSO, *_OURS)}
        connection = given["connection"] or given["realm"]
        if given["realm"] not in {"", connection}:
            return refuse(
                desk, desk.realm.name, given, "invalid_request", "connection and realm name two of them"
            )
        if connection and connection not in desk.realm.connections:
            return refuse(desk, desk.realm.name, given, "invalid_request", "the connection was not found")
        if given["login_ticket"] and not _is_good(
            desk, given["client_id"], connection, given["login_ticket"]
        ):
            return refuse(desk, desk.realm.name, given, "invalid_request", "Unknown login ticket.")
        return go_on(desk, desk.realm.name, given, connection=connection, raw_ticket=given["login_ticket"])


def go_on(
    desk: Desk, realm: str, given: Mapping[str, str], *, connection: str, raw_ticket: str = ""
) -> AnyResponse:
    """To Keycloak, with a ticket or without."""
    ours = {"kc_idp_hint": connection}
    if raw_ticket:
        # Whoever is signed in to Keycloak as somebody else would stay so, and the application not know.
        ours |= {"login_hint": raw_ticket, "prompt": given["prompt"] or "login"}
    wanted = {name: given.get(name, "") for name in (*PASSED_ON, *ALSO)}
    return to_keycloak(desk.room.settings.keycloak, realm, given["client_id"], {**wanted, **ours})


def refuse(desk: Desk, realm: str, given: Mapping[str, str], error: str, description: str) -> AnyResponse:
    """The error of RFC 6749 §4.1.2.1 at the client's redirect URI.

    Raises:
        InvalidRequest: it is not the client's, so that nothing is redirected there.
    """
    redirect_uri = given["redirect_uri"]
    if not redirect_uri or not desk.passing.has_redirect_uri(realm, given["client_id"], redirect_uri):
        raise InvalidRequest(f"{description}, and the redirect_uri is not the client's")
    answer = {"error": error, "error_description": description, "state": given["state"]}
    encoded = urlencode({name: value for name, value in answer.items() if value})
    parts = urlsplit(redirect_uri)
    is_fragment = given["response_mode"] == "fragment" or "token" in given["response_type"]
    if is_fragment and given["response_mode"] != "query":
        return redirect(urlunsplit(parts._replace(fragment=encoded)), 303)
    query = "&".join(filter(None, (parts.query, encoded)))
    return redirect(urlunsplit(parts._replace(query=query)), 303)


def _is_good(desk: Desk, client_id: str, connection: str, unverified_ticket: str) -> bool:
    client = desk.room.clients.find(desk.realm.name, client_id)
    if client is None:
        return False
    try:
        tickets.look(desk.room, client=client, connection=connection, unverified_ticket=unverified_ticket)
    except TicketRefused:
        return False
    return True
