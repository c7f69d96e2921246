"""All endpoints of the face, put together: those that programs call, and those that browsers are sent to."""

from __future__ import annotations

from flask import Blueprint, request

from sidecar.api import cors
from sidecar.api.cors import Sharing
from sidecar.api.sdk import (
    authorize,
    cross_origin,
    discovery,
    errors,
    logout,
    start,
    token,
    verify,
    verify_redirect,
)
from sidecar.api.sdk.desk import Desk
from sidecar.errors import InvalidRequest

CALLED, VISITED = "sdk", "sdk_pages"


def called(desk: Desk) -> Blueprint:
    """Endpoints of scripts and programs: what is refused is JSON."""
    bp = Blueprint(CALLED, __name__)
    errors.install(bp)
    sharing = Sharing(
        realm=lambda: desk.realm_name,
        sends="Content-Type, Auth0-Client, X-Request-Language, Authorization",
        reads="Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset",
        has_cookies=lambda: request.endpoint == f"{CALLED}.{cross_origin.ENDPOINT}",
    )
    cors.install(bp, desk.room, sharing)
    for endpoint in (start, token, cross_origin, discovery, verify):
        endpoint.install(bp, desk)
    return bp


def visited(desk: Desk) -> Blueprint:
    """Endpoints that a person's browser comes to: what is refused is told on a page."""
    bp = Blueprint(VISITED, __name__)

    @bp.before_request
    def require_realm() -> None:
        if not desk.realm_name and "realm" not in (request.view_args or {}):
            raise InvalidRequest("no realm is meant by this host: see sdk_hosts and sdk.default_realm")

    for endpoint in (authorize, logout, verify_redirect):
        endpoint.install(bp, desk)
    return bp
