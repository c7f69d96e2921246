"""Which browser this is: a random cookie that belongs to no account and signs nobody in."""

from __future__ import annotations

import re
import secrets

from flask import Request, Response, g

from sidecar.edge.network import network_of
from sidecar.errors import CookieMissing
from sidecar.login.room import Caller

#: `__Host-` makes browsers refuse it from a subdomain or without Secure (RFC 6265bis §4.1.3.2).
COOKIE = "__Host-passwordless"
_LIFETIME_S = 86_400
#: How long an address knows a browser after a success; each one renews it.
_KNOWN_LIFETIME_S = 180 * 86_400
_SECRET_BYTES = 32
_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")


def caller_of(request: Request) -> Caller:
    """The browser of this request; one that has no cookie yet gets its own with the answer."""
    secret = request.cookies.get(COOKIE, "")
    if not _SHAPE.fullmatch(secret):
        secret = g.setdefault("new_browser_secret", secrets.token_urlsafe(_SECRET_BYTES))
    return Caller(browser_secret=secret, network=network_of(request.remote_addr))


def known_caller(request: Request) -> Caller | None:
    """The browser of this request if it has its cookie already; one that has none gets none."""
    return caller_of(request) if _SHAPE.fullmatch(request.cookies.get(COOKIE, "")) else None


def require_cookie(request: Request) -> None:
    """Tell a browser that keeps no cookies from one that has another's page.

    Raises:
        CookieMissing: it sent none.
    """
    if COOKIE not in request.cookies:
        raise CookieMissing


def set_new_cookie(response: Response) -> Response:
    """Hand out the cookie that `caller_of` made, if it made one."""
    secret = g.get("new_browser_secret")
    if secret:
        _set(response, secret, _LIFETIME_S)
    return response


def remember(response: Response, caller: Caller) -> Response:
    """Let the browser of a success keep its cookie: the address knows it from now on. It is no login."""
    _set(response, caller.browser_secret, _KNOWN_LIFETIME_S)
    return response


def _set(response: Response, secret: str, lifetime_s: int) -> None:
    response.set_cookie(
        COOKIE, secret, max_age=lifetime_s, path="/", secure=True, httponly=True, samesite="Lax"
    )
