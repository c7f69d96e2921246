"""`POST /co/authenticate`: a page of an application on any of its origins brings a code, and gets a login ticket.

The ticket is that browser's where its page is on our own site, for the cookie comes and goes with this call. Of a page
on another site no browser lets us set one: its ticket is nobody's, and whoever comes with it is asked first.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from sidecar.api.callers import Call, browser_of
from sidecar.api.sdk.codes import Refusals, newest, refusing, still_open
from sidecar.api.sdk.desk import Desk
from sidecar.api.sdk.errors import SdkRefused
from sidecar.api.sdk.fields import text
from sidecar.api.sdk.token import OTP_GRANT
from sidecar.edge.network import network_of
from sidecar.errors import AccountStopped
from sidecar.login import tickets
from sidecar.login.addressing import take
from sidecar.login.room import Caller, api_caller
from sidecar.model.client import ApiClient

#: The Flask endpoint of the one call of this face that cookies come along with.
ENDPOINT = "authenticate"
_KEYS = frozenset({"client_id", "credential_type", "username", "otp", "realm"})
_REFUSALS = Refusals(status=403, error="access_denied")
_BYTES = 32


def install(bp: Blueprint, desk: Desk) -> None:
    @bp.post("/co/authenticate", endpoint=ENDPOINT)
    def authenticate() -> ResponseReturnValue:
        given = request.get_json(silent=True) if request.is_json else None
        fields: dict[str, Any] = given if isinstance(given, dict) else {}
        if set(fields) != _KEYS or not all(text(fields, key) for key in _KEYS):
            raise SdkRefused(
                400,
                "invalid_request",
                "Invalid request body. All and only of client_id, credential_type, username, otp, realm are required.",
            )
        if fields["credential_type"] != OTP_GRANT:
            raise SdkRefused(400, "unsupported_credential_type", "Unknown credential type parameter.")
        client = desk.room.clients.find(desk.realm.name, text(fields, "client_id"))
        origin = request.headers.get("Origin")
        # A page keeps no secret, so nobody proves here to be a confidential client.
        if client is None or not client.is_public or not client.origins or origin is None:
            raise SdkRefused(401, "unauthorized_client", "Cross origin login not allowed.")
        if origin not in client.origins:
            return Response(f"Origin {origin} is not allowed.", 403, mimetype="text/plain")
        return _authenticated(desk, client, fields)


def _authenticated(desk: Desk, client: ApiClient, fields: Mapping[str, Any]) -> Response:
    connection = desk.realm.connections.get(text(fields, "realm"))
    if connection is None:
        raise SdkRefused(400, "invalid_request", f"Unknown realm {text(fields, 'realm')}.")
    network = network_of(request.remote_addr)
    call = Call(client=client, caller=api_caller(client, network=network))
    try:
        with refusing(_REFUSALS, connection):
            address = take(desk.realm, connection, text(fields, "username"))
            raw_ticket = tickets.verify(
                desk.room,
                challenge=still_open(
                    newest(desk, desk.realm.name, call, connection, address), connection, _REFUSALS
                ),
                unverified_code=text(fields, "otp"),
                caller=call.caller,
                client=client,
                holder=browser_of(request) or _nobody(network),
            ).raw_ticket
    except AccountStopped:
        raise SdkRefused(403, "blocked_user", "Blocked user") from None
    # What is held to this browser is held by the cookie; the SDK wants two more values to keep, and sends neither.
    return jsonify(
        login_ticket=raw_ticket,
        co_verifier=secrets.token_urlsafe(_BYTES),
        co_id=secrets.token_urlsafe(_BYTES),
    )


def _nobody(network: str) -> Caller:
    """A browser that there is not: its ticket opens the page that asks, in every browser."""
    return Caller(browser_secret=secrets.token_urlsafe(_BYTES), network=network)
