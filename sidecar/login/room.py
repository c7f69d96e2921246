"""What every step of the flow is handed: the settings, the keys and the store's ports."""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.errors import InvalidRequest
from sidecar.login.keys import KeyRing
from sidecar.login.ports import AuthCodes, Challenges, Complaints, Users, Verification
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

    def macs(self, keys: KeyRing) -> tuple[str, ...]:
        return keys.macs("browser", self.browser_secret.encode())

    def mac(self, keys: KeyRing) -> str:
        return keys.mac("browser", self.browser_secret.encode())
