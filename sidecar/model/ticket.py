"""A ticket: what a challenge that was met through the API is worth, for a minute and once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: How a ticket begins, so that a `login_hint` that is one can't be taken for an address.
PREFIX = "tkt_"


#: With a character that no application's name has (`AuthorizationRequest.application`).
_LOGIN = "login\n"


def of_login(login: str) -> str:
    """What stands for a login under way at Keycloak (`AuthorizationRequest.login`) in the place of an application."""
    return f"{_LOGIN}{login}"


class Holding(StrEnum):
    """By what right a ticket is exchanged."""

    #: The browser in which its challenge was met, or that it was bound to since.
    BROWSER = "browser"
    #: Another browser, whose person saw whom they would be and pressed a button.
    CONFIRMED = "confirmed"
    #: The API client that met the challenge, for which we walk to Keycloak ourselves.
    CLIENT = "client"


@dataclass(frozen=True, kw_only=True)
class NewTicket:
    """What is written in the transaction that spends the challenge.

    `application`: the client in Keycloak (the admin API's `id`), which alone may be signed in to by it; or `of_login`,
    where Keycloak's own page asked. `browser_mac`: the browser it was verified in; `None` for a client's.
    """

    mac: str
    application: str
    browser_mac: str | None
    lifetime_s: int


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """A live ticket, as far as a page may know it. `is_of_client`: no browser holds it."""

    application: str
    address: str
    is_of_client: bool
