"""An application that may call the API: switched on by the realm's admin, known to Keycloak."""

from __future__ import annotations

from dataclasses import dataclass

#: `client_assertion_type` of a client that proves itself by a JWT (RFC 7523 §2.2).
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, kw_only=True)
class ApiClient:
    """`client_id` as OAuth has it; `application`: the admin API's `id`, as Keycloak's broker names it in `state`.

    `origins`: the web origins (scheme, host, port) whose pages may call. A program sends none, and may call.
    """

    realm: str
    client_id: str
    application: str
    is_public: bool
    origins: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Walker:
    """For whom a login is walked. `agent`, `network_address`: the person's, as far as known, for Keycloak's events."""

    client: ApiClient
    client_secret: str
    connection: str
    scope: str
    agent: str
    network_address: str

    def __repr__(self) -> str:
        return f"Walker(client={self.client.client_id!r})"
