"""Under which host names the sidecar answers: its public URL's and its internal URL's, and no other.

Links never come from a request anyway; this keeps a forged Host from reaching anything that might look at it.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from flask import Flask, request

from sidecar.errors import InvalidRequest
from sidecar.settings import Server

_DEFAULT_PORTS = {"https": ":443", "http": ":80"}
# Orchestrators ask by address.
_ANY_HOST = ("/health/",)


def install(
    app: Flask, server: Server, others: Collection[str] = (), *, serving: Collection[str] = ()
) -> None:
    """Refuse every other host; `others` are hosts that serve nothing but the blueprints of `serving`."""
    known = frozenset(_host(url) for url in (server.public_url, server.internal_url))
    # The router would mend `//` with a 308 to an address made of the request's Host, and a 308 posts a form again.
    app.url_map.merge_slashes = False

    @app.before_request
    def require_known_host() -> None:
        given = request.headers.get("Host", "").lower()
        given = given.removesuffix(_DEFAULT_PORTS.get(request.scheme, ""))
        is_known = given in known or (given in others and request.blueprint in serving)
        if not is_known and not request.path.startswith(_ANY_HOST):
            raise InvalidRequest("the Host header names another host than server.public_url")


def _host(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc.lower().removesuffix(_DEFAULT_PORTS[parts.scheme])
