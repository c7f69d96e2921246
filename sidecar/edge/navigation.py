"""Whether a person brought the browser here, and whether a form is one of ours (Fetch Metadata, W3C)."""

from __future__ import annotations

from flask import Request

from sidecar.errors import InvalidRequest
from sidecar.model.origin import origin_of


def is_person_navigating(request: Request) -> bool:
    """Whether a person's own navigation is this GET: not a prefetch, a frame, a script, or a mail scanner.

    A browser that says nothing is taken as no: it gets a page with a button instead.
    """
    headers = request.headers
    return (
        request.method == "GET"
        and headers.get("Sec-Fetch-Dest") == "document"
        and headers.get("Sec-Fetch-User") == "?1"
        and "Sec-Purpose" not in headers
        and headers.get("Purpose") != "prefetch"
    )


def is_same_site(request: Request) -> bool:
    """Whether the browser says that a page of our own site calls: our cookie comes along then, and is kept."""
    return request.headers.get("Sec-Fetch-Site") in {"same-origin", "same-site"}


def require_own_form(request: Request, public_url: str) -> None:
    """Refuse a form that another site sent; the cookie is SameSite=Lax too, this is the second lock.

    Raises:
        InvalidRequest: the browser says that it comes from elsewhere.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in {"same-origin", "none"}:
        raise InvalidRequest("the form was sent from another site")
    origin = request.headers.get("Origin")
    if origin is not None and origin not in {origin_of(public_url), "null" if site == "same-origin" else ""}:
        raise InvalidRequest("the form was sent from another site")
