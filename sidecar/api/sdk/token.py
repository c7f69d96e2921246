"""`POST /oauth/token`: the passwordless OTP grant, walked here; other grants, and `GET /userinfo`, are Keycloak's."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from sidecar.api.callers import Call, with_credentials
from sidecar.api.sdk import errors
from sidecar.api.sdk.codes import Refusals, newest, refusing, still_open
from sidecar.api.sdk.desk import Desk, person_of, scope_of
from sidecar.api.sdk.errors import SdkRefused
from sidecar.api.sdk.fields import body, text
from sidecar.edge.answer import answer_url
from sidecar.edge.network import address_of
from sidecar.errors import InteractionRequired
from sidecar.login import tickets
from sidecar.login.addressing import take
from sidecar.model.address import Address
from sidecar.model.client import Walker
from sidecar.model.ticket import Holding
from sidecar.settings import Connection

OTP_GRANT = "http://auth0.com/oauth/grant-type/passwordless/otp"
PASSED_ON = ("authorization_code", "refresh_token")
_REFUSALS = Refusals(status=403, error="invalid_grant")
_MAX_TOKEN_CHARS = 8192
_MAX_AGENT_CHARS = 512


def install(bp: Blueprint, desk: Desk) -> None:
    @bp.post("/oauth/token")
    def token() -> ResponseReturnValue:
        return _granted(desk, with_credentials(request, body()))

    @bp.get("/userinfo")
    def userinfo() -> ResponseReturnValue:
        authorization = request.headers.get("Authorization", "")[:_MAX_TOKEN_CHARS]
        status, answer = desk.passing.userinfo(desk.realm.name, authorization)
        return jsonify(answer), status


def _granted(desk: Desk, fields: dict[str, Any]) -> ResponseReturnValue:
    grant = text(fields, "grant_type")
    if not grant:
        raise errors.missing("grant_type")
    if grant in PASSED_ON:
        return _passed_on(desk, fields)
    if grant != OTP_GRANT:
        raise SdkRefused(400, "unsupported_grant_type", "Grant type not supported")
    return _by_code(desk, fields)


def _passed_on(desk: Desk, fields: Mapping[str, Any]) -> ResponseReturnValue:
    """A grant of Keycloak's own; where it refuses one, SDKs expect 403 rather than RFC 6749's 400."""
    form = {name: value for name, value in fields.items() if isinstance(value, str)}
    status, answer = desk.passing.token(desk.realm.name, form)
    is_refused = isinstance(answer, dict) and answer.get("error") == "invalid_grant"
    return jsonify(answer), 403 if is_refused else status


def _by_code(desk: Desk, fields: Mapping[str, Any]) -> Response:
    for name in ("client_id", "username", "otp", "realm"):
        if not text(fields, name):
            raise errors.missing(name)
    call = desk.call(fields)
    connection = desk.connection(text(fields, "realm"))
    with refusing(_REFUSALS, connection):
        address = take(desk.realm, connection, text(fields, "username"))
    # Before the try is counted: whoever is sent away for want of room may come again with the same code.
    leave = desk.walks.admit()
    try:
        raw_ticket = _verified(desk, call, connection, address, text(fields, "otp"))
        walker = Walker(
            client=call.client,
            client_secret=text(fields, "client_secret"),
            connection=connection.id,
            scope=scope_of(fields),
            agent=request.headers.get("User-Agent", "")[:_MAX_AGENT_CHARS],
            network_address=address_of(person_of(call.client)),
        )
        return jsonify(desk.walks.tokens(walker, partial(_authorized, desk, connection, call, raw_ticket)))
    except InteractionRequired:
        raise SdkRefused(
            403,
            "interaction_required",
            "Keycloak has to ask the user something: go on in a browser at interaction_url.",
            interaction_url=f"{desk.room.settings.keycloak.issuer(desk.realm.name)}/account/",
        ) from None
    finally:
        leave()


def _verified(desk: Desk, call: Call, connection: Connection, address: Address, code: str) -> str:
    with refusing(_REFUSALS, connection):
        return tickets.verify(
            desk.room,
            challenge=still_open(
                newest(desk, desk.realm.name, call, connection, address), connection, _REFUSALS
            ),
            unverified_code=code,
            caller=call.caller,
            client=call.client,
        ).raw_ticket


def _authorized(
    desk: Desk, connection: Connection, call: Call, raw_ticket: str, parameters: Mapping[str, str]
) -> str:
    """Our own authorization endpoint, without a way over the network."""
    authorization = desk.parse(desk.realm.name, connection.id, MultiDict(parameters))
    raw_auth_code = tickets.exchange(
        desk.room,
        realm=desk.realm.name,
        connection=connection.id,
        unverified_ticket=raw_ticket,
        request=authorization,
        holding=Holding.CLIENT,
        caller=call.caller,
    )
    issuer = desk.room.settings.issuer(desk.realm.name, connection.id)
    return answer_url(authorization, issuer=issuer, code=raw_auth_code)
