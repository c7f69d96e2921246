"""What the API needs of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from flask.typing import ResponseReturnValue

from sidecar.model.client import Walker


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """How a confidential client proves itself: a secret (RFC 6749 §2.3.1) or an assertion (RFC 7523 §2.2)."""

    client_id: str
    secret: str = ""
    assertion: str = ""

    def __repr__(self) -> str:
        return f"Credentials(client_id={self.client_id!r})"


class ClientCredentials(Protocol):
    """Keycloak's word on a client's credentials; none of them is kept here."""

    def are_right(self, realm: str, credentials: Credentials) -> bool:
        """Whether Keycloak takes them.

        Raises:
            KeycloakUnavailable: it can't be asked, so nobody is let in.
        """
        ...


class Walks(Protocol):
    """Logins that we walk for API clients, at Keycloak."""

    def admit(self) -> Callable[[], None]:
        """Take a place, before anything is counted, waiting for one if need be; what comes back gives it back.

        Raises:
            TooBusy: too many wait already, or it took too long.
        """
        ...

    def tokens(self, walker: Walker, authorize: Callable[[Mapping[str, str]], str]) -> dict[str, Any]:
        """Walk from Keycloak's authorization endpoint to its token endpoint; its answer there (RFC 6749 §5.1).

        `authorize` answers our own authorization endpoint: from its parameters to the URL that it redirects to.

        Raises:
            InteractionRequired: Keycloak shows a page to a person.
            AccountRefused: it lets nobody in.
            KeycloakUnavailable: it can't be reached, or answers what makes no sense.
        """
        ...


class Confirming(Protocol):
    """The page that asks a person before a browser is signed in that nobody has seen before."""

    def page(
        self, *, realm: str, application: str, action: str, hidden: Mapping[str, str], masked_address: str
    ) -> ResponseReturnValue:
        """Ask "Sign in?", with the address; the button posts `hidden` to `action`."""
        ...


class Passing(Protocol):
    """What Keycloak answers by itself: status and body.

    Each raises `KeycloakUnavailable` if there is no answer.
    """

    def token(self, realm: str, form: Mapping[str, str]) -> tuple[int, object]:
        """Of the token endpoint (RFC 6749 §3.2)."""
        ...

    def configuration(self, realm: str) -> tuple[int, object]:
        """What the realm says of itself (OpenID Connect Discovery §4)."""
        ...

    def jwks(self, realm: str) -> tuple[int, object]:
        """The realm's public keys (RFC 7517 §5)."""
        ...

    def has_redirect_uri(self, realm: str, client_id: str, redirect_uri: str) -> bool:
        """Whether it would go there with an answer for the client, by its own word (RFC 6749 §3.1.2)."""
        ...

    def userinfo(self, realm: str, authorization: str) -> tuple[int, object]:
        """Of the UserInfo endpoint (OpenID Connect Core §5.3)."""
        ...
