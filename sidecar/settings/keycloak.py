"""Where Keycloak is, and its realms' endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

_PROTOCOL = "protocol/openid-connect"


@dataclass(frozen=True, kw_only=True)
class Keycloak:
    """`url` as browsers reach it, `internal_url` on the back channel; both without a slash at the end."""

    url: str
    internal_url: str
    timeout_s: int

    def issuer(self, realm: str) -> str:
        """A realm's issuer identifier."""
        return f"{self.url}/realms/{quote(realm, safe='')}"

    def endpoint(self, realm: str, name: str) -> str:
        """One of a realm's OpenID Connect endpoints by Keycloak's name of it (`auth`, `token`, …), for browsers."""
        return f"{self.issuer(realm)}/{_PROTOCOL}/{name}"

    def internal_configuration(self, realm: str) -> str:
        """A realm's discovery document, on the back channel."""
        return f"{self.internal_url}/realms/{quote(realm, safe='')}/.well-known/openid-configuration"

    def internal_endpoint(self, realm: str, name: str) -> str:
        """The same on the back channel."""
        return f"{self.internal_url}/realms/{quote(realm, safe='')}/{_PROTOCOL}/{name}"
