"""One line an answer: which route, how it ended, how long it took. No query, no path, no address."""

from __future__ import annotations

import re
import secrets
import time

import structlog
from flask import Flask, Response, g, request

_log = structlog.get_logger()
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def install(app: Flask) -> None:
    """Give each request an id, the proxy's if it sent a sane one, and log its end."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
        g.began = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        _log.info(
            "request",
            method=request.method,
            # The rule, not the path: what stands in a path segment may be a secret.
            route=str(request.url_rule) if request.url_rule else "none",
            realm=(request.view_args or {}).get("realm", ""),
            status=response.status_code,
            ms=round((time.perf_counter() - g.began) * 1000, 1),
        )
        return response
