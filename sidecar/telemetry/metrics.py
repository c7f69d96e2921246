"""The metrics (docs/operations.md). Labels are names from the settings and the code, never what a request says."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram

#: Of this process alone; with several, `exporter.py` reads what all of them wrote.
REGISTRY = CollectorRegistry()

REQUESTS = Counter(
    "passwordless_requests", "Requests answered.", ["route", "method", "status"], registry=REGISTRY
)
REQUEST_SECONDS = Histogram(
    "passwordless_request_seconds",
    "Time to answer a request.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=REGISTRY,
)
STARTED = Counter(
    "passwordless_challenges_started", "Challenges opened.", ["realm", "connection"], registry=REGISTRY
)
RESENT = Counter(
    "passwordless_challenges_resent", "Messages asked for again.", ["realm", "connection"], registry=REGISTRY
)
MESSAGES = Counter(
    "passwordless_messages",
    "Messages by provider: sent, refused (by this one), delayed (by all; tried again), failed (for good).",
    ["realm", "connection", "provider", "outcome"],
    registry=REGISTRY,
)
CODES = Counter(
    "passwordless_codes",
    "Codes typed: compared, accepted or wrong (of those), closed (not compared: used, dead or expired).",
    ["realm", "connection", "outcome"],
    registry=REGISTRY,
)
AUTH_CODES = Counter(
    "passwordless_auth_codes",
    "Authorization codes at the token endpoint: redeemed, refused.",
    ["realm", "connection", "outcome"],
    registry=REGISTRY,
)
REFUSALS = Counter(
    "passwordless_refusals",
    "Starts, resends and tries that a limit, or an operator's stop, refused.",
    ["realm", "connection", "budget"],
    registry=REGISTRY,
)

_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})


def install(app: Flask) -> None:
    """Count every answer by its route's pattern; a path that is none of ours is one route, `none`."""

    @app.before_request
    def begin() -> None:
        g.metered_from = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        route = str(request.url_rule) if request.url_rule else "none"
        method = request.method if request.method in _METHODS else "other"
        REQUESTS.labels(route, method, str(response.status_code)).inc()
        REQUEST_SECONDS.labels(route).observe(
            time.perf_counter() - g.get("metered_from", time.perf_counter())
        )
        return response
