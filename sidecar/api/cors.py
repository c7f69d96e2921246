"""Cross-origin calls (Fetch Standard §3.2): exact origins that clients list, and Keycloak's where its page calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, g, request

from sidecar.api import login_page
from sidecar.login.room import LoginRoom
from sidecar.model.client import ApiClient

_METHODS = "GET, POST"
_PREFLIGHT_S = 600


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """What pages of listed origins may do; asked anew for each request.

    `sends`, `reads`: headers of the request and of the answer. `has_cookies`: whether cookies come along.
    """

    realm: Callable[[], str]
    sends: str
    reads: str
    has_cookies: Callable[[], bool]


def install(bp: Blueprint, room: LoginRoom, sharing: Sharing) -> None:
    """Answer preflights, and let pages of listed origins read answers.

    Which client an origin belongs to is not known before the body is read; the call itself holds it to its own.
    """

    @bp.after_request
    def allow(response: Response) -> Response:
        origin = request.headers.get("Origin")
        response.vary.add("Origin")
        if origin is None or not _is_listed(room, sharing.realm(), origin):
            return response
        response.headers["Access-Control-Allow-Origin"] = origin
        if sharing.has_cookies():
            response.headers["Access-Control-Allow-Credentials"] = "true"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = _METHODS
            response.headers["Access-Control-Allow-Headers"] = sharing.sends
            response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_S)
        else:
            response.headers["Access-Control-Expose-Headers"] = sharing.reads
        return response


def _is_listed(room: LoginRoom, realm: str, origin: str) -> bool:
    """Whether a client of the realm lists it; the one that the call named was read already, if it got that far."""
    client: ApiClient | None = g.get("api_client")
    if client is not None and origin in client.origins:
        return True
    return login_page.may_read(room.settings, realm, origin) or room.clients.allows(realm, origin)
