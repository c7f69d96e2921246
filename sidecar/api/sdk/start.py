"""`POST /passwordless/start`: a code goes to the address."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from sidecar.api.sdk.desk import FIELD, Desk
from sidecar.api.sdk.errors import SdkRefused
from sidecar.api.sdk.fields import body, text
from sidecar.edge.asker import asker_of
from sidecar.errors import InvalidAddress
from sidecar.login.addressing import take
from sidecar.login.issue import issue
from sidecar.model.address import Address
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.challenge import Challenge, Method
from sidecar.settings import Connection

_FIELDS = frozenset(
    {
        *("tenant", "client_id", "client_secret", "client_assertion", "client_assertion_type"),
        *("connection", "email", "phone_number", "send", "authParams", "captcha"),
    }
)
_SENDS = frozenset({"link", "code", "link_ios", "link_android"})
_ID_CHARS = 24


def install(bp: Blueprint, desk: Desk) -> None:
    @bp.post("/passwordless/start")
    def start() -> ResponseReturnValue:
        return _started(desk, _checked(body()))


def _checked(fields: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(fields) - _FIELDS)
    if unknown:
        raise SdkRefused(
            400, "bad.request", f"the following properties are not allowed: {', '.join(unknown)}"
        )
    for name in ("client_id", "connection"):
        if not text(fields, name):
            raise SdkRefused(400, f"bad.{name}", f"Missing required property: {name}")
    send = text(fields, "send") or "link"
    if send not in _SENDS:
        raise SdkRefused(400, "bad.send", f"error in send - No enum match for: {send}")
    if not isinstance(fields.get("authParams") or {}, Mapping):
        raise SdkRefused(
            400, "bad.authParams", "error in authParams - invalid type: string (expected object)"
        )
    return fields


def _started(desk: Desk, fields: Mapping[str, Any]) -> Response:
    call = desk.call(fields)
    connection = desk.connection(text(fields, "connection"))
    if not Method(connection.method).has_code:
        raise SdkRefused(400, "bad.connection", "Connection is disabled")
    address = _address(desk, connection, fields)
    words = desk.catalogue.negotiate(
        request.headers.get("X-Request-Language", "").split(),
        request.headers.get("Accept-Language"),
        desk.realm.locales,
    )
    challenge = issue(
        desk.room,
        realm=desk.realm.name,
        connection=connection.id,
        address=address,
        caller=call.caller,
        request=AuthorizationRequest.through_api(call.client.application, page_host=call.page_host),
        asker=asker_of(request, desk.places, network=call.caller.network, locale=words.locale),
        locale=words.locale,
    )
    started = {"_id": _id(challenge)}
    if connection.strategy == "email":
        return jsonify({**started, "email": address.destination, "email_verified": False})
    return jsonify(
        {
            **started,
            "phone_number": address.destination,
            "phone_verified": False,
            "request_language": request.headers.get("X-Request-Language"),
        }
    )


def _address(desk: Desk, connection: Connection, fields: Mapping[str, Any]) -> Address:
    name = FIELD[connection.strategy]
    given = text(fields, name)
    if not given:
        raise SdkRefused(400, f"bad.{name}", f"Missing required property: {name}")
    try:
        return take(desk.realm, connection, given)
    except InvalidAddress:
        if name == "email":
            description = f"error in email - email format validation failed: {given}"
        else:
            description = r"String does not match pattern: ^\+[0-9]{1,15}$"
        raise SdkRefused(400, f"bad.{name}", description) from None


def _id(challenge: Challenge) -> str:
    """24 hexadecimal digits, as SDKs expect; they name nothing that could be asked for."""
    return hashlib.sha256(challenge.id.encode()).hexdigest()[:_ID_CHARS]
