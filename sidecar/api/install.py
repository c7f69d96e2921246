"""Puts the API on the application: `/api/v1`, its OpenAPI document, and the way its errors look."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, request
from flask_smorest import Api, Blueprint
from werkzeug.exceptions import HTTPException

from sidecar.api import continuing, cors, page, problems
from sidecar.api.admin import Admin
from sidecar.api.admin_ports import AdminRoom
from sidecar.api.challenges import Challenges
from sidecar.api.cors import Sharing
from sidecar.api.ports import ClientCredentials
from sidecar.edge.asker import Places
from sidecar.login.room import LoginRoom
from sidecar.words import Catalogue

PREFIX = "/api/v1"
_ABOUT = """\
An application asks for the address on a page of its own, and for the code too: this API sends and checks it, and
Keycloak signs the person in. Errors are problem documents (RFC 9457), whose `title` is a stable code. Fields that are
not in this document are refused.
"""
_SECURITY = {
    "client": {
        "type": "http",
        "scheme": "basic",
        "description": "A confidential client's id and secret (RFC 6749 §2.3.1). It may send them in the body instead.",
    },
    "admin": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of the realm, for the client `passwordless-admin-api`, with its role `view` or"
        " `manage`.",
    },
}
_SHARING = Sharing(
    realm=lambda: (request.view_args or {}).get("realm", ""),
    sends="Authorization, Content-Type, Idempotency-Key",
    reads="Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset",
    has_cookies=lambda: True,
)


class _Api(Api):
    """Without its own answers to errors: pages and API each have theirs."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        pass

    # Nor with its own pages of lists, which are not ours.
    def _register_pagination_header(self) -> None:
        pass


def install(
    app: Flask,
    room: LoginRoom,
    credentials: ClientCredentials,
    catalogue: Catalogue,
    places: Places,
    *,
    admin_room: AdminRoom,
) -> None:
    """Add the routes."""
    app.config.update(
        API_TITLE="Passwordless login for Keycloak",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {"description": _ABOUT},
            "components": {"securitySchemes": _SECURITY},
            "security": [{}, {"client": []}],
        },
    )
    api: Any = _Api(app)
    bp = Blueprint("challenges", __name__, url_prefix=PREFIX, description="From an address to a ticket.")
    problems.install(bp)
    cors.install(bp, room, _SHARING)
    Challenges(room, credentials, catalogue, places).install(bp)
    api.register_blueprint(bp)
    admin_bp = Blueprint(
        "admin",
        __name__,
        url_prefix=f"{PREFIX}/admin",
        description="For admins of a realm, by a token of it.",
    )
    problems.install(admin_bp)
    Admin(admin_room).install(admin_bp)
    api.register_blueprint(admin_bp)
    app.register_blueprint(page.blueprint(api.spec.to_dict, prefix=PREFIX))
    app.register_blueprint(continuing.blueprint(room, prefix=PREFIX))


def unrouted(error: HTTPException) -> Response | None:
    """What is answered to a call below `/api/v1` that no route takes; `None` for all that is not the API's."""
    return problems.of_http(error) if request.path.startswith(f"{PREFIX}/") else None
