"""What the face for existing SDKs answers where it refuses: names and sentences are that contract, to the byte."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog
from flask import Blueprint, Response, json
from werkzeug.exceptions import HTTPException

from sidecar.errors import (
    AccountRefused,
    AccountStopped,
    ClientRefused,
    ConnectionStopped,
    KeycloakUnavailable,
    RateLimited,
    SidecarError,
    StoreUnavailable,
    TooBusy,
)

_log = structlog.get_logger()
_CONTENT = "application/json"
_BUSY_S = 2

NO_MORE_TRIES = "You've reached the maximum number of attempts. Please try to login again."
EXPIRED = "The verification code has expired. Please try to login again."


class SdkRefused(SidecarError):
    """`error` and `error_description` as an SDK compares them, and the status that it expects."""

    code = "sdk_refused"

    def __init__(self, status: int, error: str, description: str, **more: str) -> None:
        super().__init__(f"{error}: {description}")
        self.status = status
        self.error = error
        self.description = description
        self.more = more


def _answer(refused: SdkRefused) -> Response:
    body = {"error": refused.error, "error_description": refused.description, **refused.more}
    return Response(json.dumps(body), refused.status, mimetype=_CONTENT)


def wrong_code(kind: str) -> str:
    """`kind`: "email" or "phone number"."""
    return f"Wrong {kind} or verification code."


def blocked() -> SdkRefused:
    return SdkRefused(
        429,
        "too_many_attempts",
        "Your account has been blocked after multiple consecutive login attempts. We've sent you an email with"
        " instructions on how to unblock it.",
    )


def _too_many_requests() -> SdkRefused:
    return SdkRefused(
        429,
        "too_many_requests",
        "Too many requests. Check the X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset headers.",
    )


def missing(name: str) -> SdkRefused:
    return SdkRefused(400, "invalid_request", f"Missing required parameter: {name}")


def _client_refused(error: ClientRefused) -> Response:
    _log.warning("request_refused", code=error.code, reason=str(error))
    return _answer(SdkRefused(401, "invalid_client", "Client authentication failed"))


def _limited(error: RateLimited) -> Response:
    response = _answer(_too_many_requests())
    response.headers["Retry-After"] = str(error.retry_after_s)
    response.headers["X-RateLimit-Limit"] = str(error.limit)
    response.headers["X-RateLimit-Remaining"] = "0"
    response.headers["X-RateLimit-Reset"] = str(int(time.time()) + error.retry_after_s)
    return response


def _unavailable(error: SidecarError) -> Response:
    _log.warning("request_refused", code=error.code, reason=str(error))
    response = _answer(
        SdkRefused(503, "temporarily_unavailable", "Not available at present: try again later.")
    )
    response.headers["Retry-After"] = str(_BUSY_S)
    return response


def _account_refused(error: SidecarError) -> Response:
    _log.warning("request_refused", code=error.code, reason=str(error))
    return _answer(SdkRefused(401, "unauthorized", "user is blocked"))


def _http(error: HTTPException) -> Response:
    if error.code == 405:  # noqa: PLR2004
        return _answer(SdkRefused(405, "method_not_allowed", "Method not allowed"))
    return _answer(SdkRefused(error.code or 400, "bad.request", "the request can't be read"))


#: error → what is answered.
_HANDLERS: dict[type[Exception], Callable[[Any], Response]] = {
    SdkRefused: _answer,
    ClientRefused: _client_refused,
    RateLimited: _limited,
    ConnectionStopped: _unavailable,
    KeycloakUnavailable: _unavailable,
    StoreUnavailable: _unavailable,
    TooBusy: _unavailable,
    AccountRefused: _account_refused,
    AccountStopped: _account_refused,
    HTTPException: _http,
}


def install(bp: Blueprint) -> None:
    """Every way to fail at these endpoints ends in the two fields that SDKs read."""
    for kind, handler in _HANDLERS.items():
        bp.register_error_handler(kind, handler)
