"""Errors as problem documents (RFC 9457): a stable code, a status, a sentence. Nothing of the inside is ever shown."""

from __future__ import annotations

import time
from typing import Any

import structlog
from flask import Response, json
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from sidecar.errors import (
    AccountStopped,
    ChallengeNotFound,
    ChallengeRefused,
    ClientRefused,
    ConfirmationRefused,
    ConnectionStopped,
    IdempotencyKeyReused,
    InvalidAddress,
    InvalidRequest,
    KeycloakUnavailable,
    KeyRefused,
    NotPermitted,
    RateLimited,
    SettingsError,
    SidecarError,
    StoreUnavailable,
    TicketRefused,
    TokenRefused,
    UsersRefused,
)

_log = structlog.get_logger()
#: error → (status, sentence). The first that fits.
_TABLE: tuple[tuple[type[SidecarError], int, str], ...] = (
    (InvalidAddress, 422, "The address is none that this connection sends to."),
    (AccountStopped, 403, "The account must not be opened by this code; an admin of the realm is told why."),
    (ChallengeNotFound, 404, "There is no such challenge of this client."),
    (ChallengeRefused, 422, "The code was not accepted."),
    (IdempotencyKeyReused, 422, "The idempotency key was given to another start before: make a new one."),
    (RateLimited, 429, "Too many: wait as Retry-After says."),
    (ConnectionStopped, 503, "This connection sends nothing at present."),
    (ClientRefused, 401, "The client is not switched on for the API, or did not prove who it is."),
    (TicketRefused, 422, "The ticket was not accepted."),
    (InvalidRequest, 400, "The request can't be understood."),
    (TokenRefused, 401, "The access token is not accepted here."),
    (NotPermitted, 403, "The token has no role that allows it."),
    (UsersRefused, 422, "The users can't be worked on as asked."),
    (ConfirmationRefused, 409, "The plan has become another one, or was not shown: look at it again."),
    (KeyRefused, 409, "The key can't be rotated now."),
    (SettingsError, 409, "The settings don't allow it."),
    (KeycloakUnavailable, 503, "Not available at present: try again later."),
    (StoreUnavailable, 503, "Not available at present: try again later."),
)
#: Their text is for whoever calls.
_TELLING = (InvalidRequest, UsersRefused, KeyRefused, SettingsError)
_UNAVAILABLE = (503, "Not available at present: try again later.")
_RETRY_AFTER_S = 5
_UNPROCESSABLE = 422
_CODES = {400: "invalid_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def problem(status: int, code: str, detail: str, **more: Any) -> Response:
    """One problem document; `code` is the stable name, which `type` holds too."""
    document = {"type": f"urn:passwordless:{code}", "title": code, "status": status, "detail": detail, **more}
    response = Response(json.dumps(document), status, mimetype="application/problem+json")
    if status == _UNAVAILABLE[0]:
        response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    return response


def install(bp: Blueprint) -> None:
    """Every way to fail below this blueprint ends in `problem`."""

    @bp.errorhandler(SidecarError)
    def expected(error: SidecarError) -> ResponseReturnValue:
        _log.warning("request_refused", code=error.code, reason=str(error))
        status, detail = next(
            ((status, text) for kind, status, text in _TABLE if isinstance(error, kind)), _UNAVAILABLE
        )
        if isinstance(error, _TELLING):
            return problem(status, error.code, f"{error}.")
        if isinstance(error, ChallengeRefused):
            return problem(status, error.code, detail, tries_left=error.tries_left)
        response = problem(status, error.code, detail)
        if isinstance(error, RateLimited):
            response.headers["Retry-After"] = str(error.retry_after_s)
            response.headers["X-RateLimit-Limit"] = str(error.limit)
            response.headers["X-RateLimit-Remaining"] = "0"
            response.headers["X-RateLimit-Reset"] = str(int(time.time()) + error.retry_after_s)
        elif isinstance(error, ClientRefused):
            response.headers["WWW-Authenticate"] = 'Basic realm="passwordless"'
        elif isinstance(error, TokenRefused):
            response.headers["WWW-Authenticate"] = 'Bearer realm="passwordless", error="invalid_token"'
        return response

    @bp.errorhandler(HTTPException)
    def http(error: HTTPException) -> ResponseReturnValue:
        return of_http(error)

    @bp.errorhandler(Exception)
    def unforeseen(error: Exception) -> ResponseReturnValue:
        _log.error("unforeseen", error=type(error).__name__, exc_info=error)
        return problem(*(_UNAVAILABLE[0], "unavailable", _UNAVAILABLE[1]))


def of_http(error: HTTPException) -> Response:
    """What the framework refuses: no such path or method, a body that can't be read, fields that are wrong."""
    status = error.code or 500
    if status == _UNPROCESSABLE:
        fields = getattr(error, "data", {}).get("messages", {})
        return problem(status, "invalid_fields", "Some fields are missing, unknown or wrong.", errors=fields)
    response = problem(status, _CODES.get(status, "invalid_request"), "The request can't be understood.")
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response
