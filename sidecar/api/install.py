"""Puts the API on the application: `/api/v1`, its OpenAPI document, and the way its errors look."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_smorest import Api, Blueprint

from sidecar.api import continuing, cors, problems
from sidecar.api.challenges import Challenges
from sidecar.api.ports import ClientCredentials
from sidecar.edge.asker import Places
from sidecar.login.room import LoginRoom
from sidecar.words import Catalogue

PREFIX = "/api/v1"


class _Api(Api):
    """Without its own answers to errors: pages and API each have theirs."""

    def _register_error_handlers(self) -> None:
        pass


def install(
    app: Flask, room: LoginRoom, credentials: ClientCredentials, catalogue: Catalogue, places: Places
) -> None:
    """Add the routes."""
    app.config.update(
        API_TITLE="Passwordless login for Keycloak",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
    )
    api: Any = _Api(app)
    bp = Blueprint("challenges", __name__, url_prefix=PREFIX, description="From an address to a ticket.")
    problems.install(bp)
    cors.install(bp, room)
    Challenges(room, credentials, catalogue, places).install(bp)
    api.register_blueprint(bp)
    app.register_blueprint(continuing.blueprint(room, prefix=PREFIX))
