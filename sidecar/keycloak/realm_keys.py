"""The keys a Keycloak realm signs with, fetched from its certs endpoint and kept."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import requests

from sidecar.errors import KeycloakUnavailable
from sidecar.settings import Keycloak

_FRESH_S = 600.0
# An assertion with an invented key id must not make us ask Keycloak each time.
_AGAIN_AFTER_S = 5.0
_MAX_BYTES = 256 * 1024


@dataclass
class _Cached:
    jwks: dict[str, Any] = field(default_factory=dict)
    fetched_at: float = float("-inf")
    asked_at: float = float("-inf")

    def has(self, kid: str) -> bool:
        return any(key.get("kid") == kid for key in self.jwks.get("keys", []))


class FetchedRealmKeys:
    """`oidc.ports.RealmKeys` over HTTP, on the back channel."""

    def __init__(self, settings: Keycloak) -> None:
        self._settings = settings
        self._cache: dict[str, _Cached] = {}
        self._lock = threading.Lock()

    def jwks(self, realm: str, *, must_have_kid: str) -> dict[str, object]:
        cached = self._cache.setdefault(realm, _Cached())
        if self._is_good(cached, must_have_kid):
            return cached.jwks
        with self._lock:
            if (
                not self._is_good(cached, must_have_kid)
                and time.monotonic() - cached.asked_at > _AGAIN_AFTER_S
            ):
                self._refresh(realm, cached)
        if not cached.jwks:
            raise KeycloakUnavailable(
                f"the keys of realm {realm} can't be fetched from {self._settings.internal_url}"
            )
        return cached.jwks

    def _is_good(self, cached: _Cached, kid: str) -> bool:
        return cached.has(kid) and time.monotonic() - cached.fetched_at < _FRESH_S

    def _refresh(self, realm: str, cached: _Cached) -> None:
        """Fetch; a Keycloak that is away leaves the keys we know in force."""
        cached.asked_at = time.monotonic()
        url = self._settings.internal_endpoint(realm, "certs")
        try:
            response = requests.get(url, timeout=self._settings.timeout_s, allow_redirects=False)
            response.raise_for_status()
            if response.status_code == requests.codes.ok and len(response.content) <= _MAX_BYTES:
                cached.jwks = response.json()
                cached.fetched_at = time.monotonic()
        except (requests.RequestException, ValueError):
            return
