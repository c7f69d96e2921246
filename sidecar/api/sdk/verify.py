"""`POST /passwordless/verify`: a code is checked, and kept for the browser that comes next, with the same code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from sidecar.api.callers import browser_of
from sidecar.api.sdk.codes import Refusals, newest, refusing, still_open
from sidecar.api.sdk.desk import FIELD, Desk
from sidecar.api.sdk.errors import SdkRefused
from sidecar.api.sdk.fields import body, text
from sidecar.errors import ClientRefused
from sidecar.login import reserve
from sidecar.login.addressing import take

REFUSALS = Refusals(status=401, error="invalid_user_password")


def install(bp: Blueprint, desk: Desk) -> None:
    @bp.post("/passwordless/verify")
    def verify() -> ResponseReturnValue:
        return _verified(desk, body())


def _verified(desk: Desk, fields: Mapping[str, Any]) -> Response:
    for name in ("client_id", "connection"):
        _require(fields, name)
    connection = desk.realm.connections.get(text(fields, "connection"))
    if connection is None:
        raise SdkRefused(400, "invalid_request", "the connection was not found")
    for name in (FIELD[connection.strategy], "verification_code"):
        _require(fields, name)
    try:
        call = desk.call(fields)
    except ClientRefused:
        raise SdkRefused(403, "unauthorized_client", "invalid client") from None
    with refusing(REFUSALS, connection):
        address = take(desk.realm, connection, text(fields, FIELD[connection.strategy]))
        reserve.reserve(
            desk.room,
            challenge=still_open(
                newest(desk, desk.realm.name, call, connection, address), connection, REFUSALS
            ),
            unverified_code=text(fields, "verification_code"),
            caller=call.caller,
            # Only a page on our own host sends our cookie here, and keeps what we set.
            holder=browser_of(request),
        )
    return jsonify({})


def _require(fields: Mapping[str, Any], name: str) -> None:
    if not text(fields, name):
        raise SdkRefused(400, "invalid_request", f"missing {name} parameter")
