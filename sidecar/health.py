"""Liveness and readiness, for an orchestrator."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from sidecar.errors import StoreUnavailable


def blueprint(ping_database: Callable[[], None]) -> Blueprint:
    bp = Blueprint("health", __name__, url_prefix="/health")

    @bp.get("/live")
    def live() -> ResponseReturnValue:
        """The process answers; nothing else is asked, so a database that is away restarts nobody."""
        return jsonify(status="up")

    @bp.get("/ready")
    def ready() -> ResponseReturnValue:
        """The database answers too: logins can be served."""
        try:
            ping_database()
        except StoreUnavailable:
            return jsonify(status="down", database="unavailable"), 503
        return jsonify(status="up", database="up")

    return bp
