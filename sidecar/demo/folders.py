"""Where the demo puts what it downloads and keeps: outside the checkout, where the platform wants caches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sidecar.errors import DemoError

_VERSION = re.compile(r"\d+\.\d+\.\d+(\.[0-9A-Za-z]+)*")


def require_version(version: str) -> str:
    """A version of Keycloak as it may stand in file names and URLs.

    Raises:
        DemoError: it is none.
    """
    if not _VERSION.fullmatch(version):
        raise DemoError(f"'{version}' is no version of Keycloak: give one like 26.7.4 in KEYCLOAK_VERSION")
    return version


def cache_folder(environment: Mapping[str, str]) -> Path:
    """`$PASSWORDLESS_CACHE`, else `$XDG_CACHE_HOME/passwordless`, else `~/.cache/passwordless`.

    A relative `XDG_CACHE_HOME` is passed over, as the XDG Base Directory Specification asks for.
    """
    if environment.get("PASSWORDLESS_CACHE"):
        return Path(environment["PASSWORDLESS_CACHE"]).expanduser().absolute()
    xdg = Path(environment.get("XDG_CACHE_HOME", ""))
    return (xdg if xdg.is_absolute() else Path.home() / ".cache") / "passwordless"


def downloads_folder(cache: Path) -> Path:
    return cache / "downloads"


def state_folder(cache: Path, keycloak_version: str) -> Path:
    """One for each version of Keycloak, since its database can't go back to an older one."""
    return cache / "demo" / keycloak_version
