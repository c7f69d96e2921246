"""Errors as kind pages: which error has which status and words. Nothing of the inside is ever shown."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import Flask, Response, jsonify, make_response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from sidecar.errors import (
    AccountStopped,
    ChallengeNotFound,
    ConnectionStopped,
    CookieMissing,
    InvalidRequest,
    SidecarError,
    StoreUnavailable,
    TicketRefused,
)
from sidecar.web.pages import Pages

_log = structlog.get_logger()

#: error → (status, heading key, message key)
_TABLE: dict[type[SidecarError], tuple[int, str, str]] = {
    ConnectionStopped: (503, "passwordlessErrorTitle", "passwordlessErrorSmsStopped"),
    AccountStopped: (403, "passwordlessErrorTitle", "passwordlessErrorAccountStopped"),
    ChallengeNotFound: (404, "passwordlessErrorNotFoundTitle", "passwordlessErrorNotFound"),
    CookieMissing: (400, "passwordlessErrorCookiesTitle", "passwordlessErrorCookies"),
    TicketRefused: (404, "passwordlessErrorNotFoundTitle", "passwordlessErrorNotFound"),
    InvalidRequest: (400, "passwordlessErrorTitle", "passwordlessErrorRequest"),
    StoreUnavailable: (503, "passwordlessErrorTitle", "passwordlessErrorUnavailable"),
}
_UNAVAILABLE = (503, "passwordlessErrorTitle", "passwordlessErrorUnavailable")
_RETRY_AFTER_S = 5


def install(
    app: Flask, pages: Pages, *, elsewhere: Callable[[HTTPException], Response | None] = lambda _: None
) -> None:
    """Every way to fail ends in `_page`, the unforeseen ones too.

    `elsewhere` answers, or not, for requests that no route took and that are another face's.
    """

    def answer(status: int, heading: str, message: str, code: str) -> ResponseReturnValue:
        if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
            response = jsonify(type="about:blank", title=code, status=status)
            response.status_code = status
            response.mimetype = "application/problem+json"
        else:
            realm = (request.view_args or {}).get("realm", "")
            words = pages.words(realm)
            response = pages.render(
                "error.html",
                realm=realm,
                words=words,
                http_status=status,
                heading=words(heading),
                message=words(message),
                continue_url=None,
                continue_label="",
            )
        if status == _UNAVAILABLE[0]:
            response.headers["Retry-After"] = str(_RETRY_AFTER_S)
        return response

    @app.errorhandler(SidecarError)
    def expected(error: SidecarError) -> ResponseReturnValue:
        status, heading, message = _TABLE.get(type(error), _UNAVAILABLE)
        _log.warning("request_refused", code=error.code, reason=str(error))
        return answer(status, heading, message, error.code)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> ResponseReturnValue:
        if theirs := elsewhere(error):
            return theirs
        status = error.code or 500
        response = make_response(
            answer(status, "passwordlessErrorTitle", "passwordlessErrorRequest", (error.name or "").lower())
        )
        if isinstance(error, MethodNotAllowed):
            # RFC 9110 §15.5.6 requires it.
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
        return response

    @app.errorhandler(Exception)
    def unforeseen(error: Exception) -> ResponseReturnValue:
        _log.error("unforeseen", error=type(error).__name__, exc_info=error)
        return answer(*_UNAVAILABLE, "unavailable")
