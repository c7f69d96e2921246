"""Cross-origin calls (Fetch Standard §3.2): the exact origins that clients list, and no other; never a wildcard."""

from __future__ import annotations

from flask import Response, g, request
from flask_smorest import Blueprint

from sidecar.login.room import LoginRoom
from sidecar.model.client import ApiClient

_METHODS = "GET, POST"
_HEADERS = "Authorization, Content-Type, Idempotency-Key"
_EXPOSED = "Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
_PREFLIGHT_S = 600


def install(bp: Blueprint, room: LoginRoom) -> None:
    """Answer preflights, and let pages of listed origins read answers.

    Which client an origin belongs to is not known before the body is read; the call itself holds it to its own.
    """

    @bp.after_request
    def allow(response: Response) -> Response:
        origin = request.headers.get("Origin")
        realm = (request.view_args or {}).get("realm", "")
        response.vary.add("Origin")
        if origin is None or not _is_listed(room, realm, origin):
            return response
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = _METHODS
            response.headers["Access-Control-Allow-Headers"] = _HEADERS
            response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_S)
        else:
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        return response


def _is_listed(room: LoginRoom, realm: str, origin: str) -> bool:
    """Whether a client of the realm lists it; the one that the call named was read already, if it got that far."""
    client: ApiClient | None = g.get("api_client")
    return (client is not None and origin in client.origins) or room.clients.allows(realm, origin)
