"""All endpoints of the face, put together."""

from __future__ import annotations

from flask import Blueprint

from sidecar.api import cors
from sidecar.api.cors import Sharing
from sidecar.api.sdk import errors, start, token
from sidecar.api.sdk.desk import Desk

_ENDPOINTS = (start, token)


def blueprint(desk: Desk) -> Blueprint:
    bp = Blueprint("sdk", __name__)
    errors.install(bp)
    sharing = Sharing(
        realm=lambda: desk.realm.name,
        sends="Content-Type, Auth0-Client, X-Request-Language",
        reads="Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset",
        # Of start and token no browser's cookie is asked, so none may come along.
        has_cookies=lambda: False,
    )
    cors.install(bp, desk.room, sharing)
    for endpoint in _ENDPOINTS:
        endpoint.install(bp, desk)
    return bp
