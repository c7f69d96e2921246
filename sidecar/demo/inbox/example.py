"""The single-page example beside the inbox: an application of its own origin, for the demo to have one."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flask import Blueprint, Response, redirect, send_from_directory
from flask.typing import ResponseReturnValue

from sidecar import assets

_FOLDER = assets.EXAMPLES / "single-page"


def blueprint(settings: Mapping[str, str]) -> Blueprint:
    """`/example/`; `settings` is what its script reads: `url`, `keycloak`, `realm`, `clientId`."""
    bp = Blueprint("example", __name__, url_prefix="/example")
    hosts = f"{settings['url']} {settings['keycloak']}"
    policy = (
        f"default-src 'none'; script-src 'self' {settings['url']}; style-src 'self'; connect-src 'self' {hosts};"
        f" form-action 'self' {hosts}; base-uri 'none'; frame-ancestors 'none'"
    )

    @bp.get("")
    def without_slash() -> ResponseReturnValue:
        return redirect("/example/", 303)

    @bp.get("/settings.json")
    def told() -> ResponseReturnValue:
        return Response(json.dumps(dict(settings)), mimetype="application/json")

    @bp.get("/", defaults={"name": "index.html"})
    @bp.get("/<name>")
    def file(name: str) -> ResponseReturnValue:
        return send_from_directory(_FOLDER, name)

    @bp.after_request
    def allow(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        # With none at all, its form would be sent as of the origin `null`, which is nobody's.
        response.headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
        return response

    return bp
