"""What every step of the flow is handed: the settings, the keys and the store's ports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sidecar.errors import InvalidRequest
from sidecar.login.keys import KeyRing
from sidecar.login.ports import (
    AuthCodes,
    Challenges,
    Clients,
    Complaints,
    Reservations,
    Tickets,
    Users,
    Verification,
)
from sidecar.model.client import ApiClient
from sidecar.settings import Connection, Settings


@dataclass(frozen=True, kw_only=True)
class LoginRoom:
    """Built once by the composition root; steps take it as their first argument."""

    settings: Settings
    keys: KeyRing
    challenges: Challenges
    verification: Verification
    auth_codes: AuthCodes
    complaints: Complaints
    tickets: Tickets
    reservations: Reservations
    clients: Clients
    #: `None` where no realm lets us look at its users.
    users: Users | None = None

    def connection(self, realm: str, connection: str) -> Connection:
        """The settings of one connection.

        Raises:
            InvalidRequest: there is none of that name.
        """
        try:
            return self.settings.realms[realm].connections[connection]
        except KeyError:
            raise InvalidRequest("there is no such realm or connection here") from None


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks: a browser by the secret of its cookie, and the network it comes from.

    `network` is an IPv4 address or an IPv6 /64, in canonical form.
    """

    browser_secret: str
    network: str
    kind: Literal["browser", "api-client"] = "browser"

    @property
    def is_browser(self) -> bool:
        return self.kind == "browser"

    def macs(self, keys: KeyRing) -> tuple[str, ...]:
        return keys.macs(self.kind, self.browser_secret.encode())

    def mac(self, keys: KeyRing) -> str:
        return keys.mac(self.kind, self.browser_secret.encode())


def api_caller(client: ApiClient, *, network: str) -> Caller:
    """An API client in the place of a browser: its challenges are its own, and no address ever knows it as a device.

    Else whoever calls for a public client would be known to every address that signed in through it.
    """
    return Caller(browser_secret=f"{client.realm}/{client.client_id}", network=network, kind="api-client")
