"""Under which path the sidecar answers: `server.public_url` may have one, behind a proxy that serves others too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

_Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def mounted(wsgi_app: _Wsgi, public_url: str) -> _Wsgi:
    """The application under the public URL's path, and at the root.

    At the root too: a proxy may take the path off, and Keycloak's back channel and health checks pass no proxy.
    """
    path = urlsplit(public_url).path
    if not path:
        return wsgi_app

    def take_path_off(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked = environ.get("PATH_INFO", "")
        if asked.startswith(f"{path}/"):
            environ = {**environ, "SCRIPT_NAME": path, "PATH_INFO": asked.removeprefix(path)}
        return wsgi_app(environ, start_response)

    return take_path_off
