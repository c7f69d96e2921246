"""A code that was verified through the API: it buys a ticket, and the ticket an authorization code at our endpoint."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from sidecar.errors import TicketRefused
from sidecar.login.room import Caller, LoginRoom
from sidecar.login.verify import AUTH_CODE_LIFETIME_S, auth_code_macs, proven, spend
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.challenge import Challenge
from sidecar.model.client import ApiClient
from sidecar.model.ticket import PREFIX, Holding, NewTicket, Ticket, of_login

#: From the verified code to Keycloak's authorize request is one redirect, or one click.
LIFETIME_S = 60
_BYTES = 32
_SHAPE = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, kw_only=True)
class Ticketed:
    """A spent challenge and the ticket it bought; the raw ticket exists here and in the answer only."""

    challenge: Challenge
    raw_ticket: str


def is_ticket(unverified_hint: str) -> bool:
    """Whether a `login_hint` is meant as a ticket: nothing that begins like one is ever read as an address."""
    return unverified_hint.startswith(PREFIX)


def verify(
    room: LoginRoom,
    *,
    challenge: Challenge,
    unverified_code: str,
    caller: Caller,
    client: ApiClient,
    holder: Caller | None = None,
    login: str = "",
) -> Ticketed:
    """Spend the challenge with the right code, for a ticket of this client, or of a login under way at Keycloak.

    A browser's ticket is that browser's; a client's is nobody's, until it is bound to a browser or exchanged by us.
    `holder`: the browser that gets it of a client at once; the challenge stays the client's.

    Raises:
        InvalidRequest: what was typed can't be a code; nothing was counted.
        ChallengeRefused: wrong, expired, used, dead, or another caller's.
        RateLimited: the address's failures are used up.
        AccountStopped, KeycloakUnavailable: as for a page.
    """
    counted = proven(room, challenge=challenge, unverified_code=unverified_code, caller=caller)
    return buy(room, counted, caller=caller, client=client, holder=holder, login=login)


def buy(
    room: LoginRoom,
    counted: Challenge,
    *,
    caller: Caller,
    client: ApiClient,
    holder: Caller | None = None,
    login: str = "",
    grace_s: int = 0,
) -> Ticketed:
    """Spend a challenge whose counted try was compared and right; as `verify`.

    Raises:
        ChallengeRefused, AccountStopped, KeycloakUnavailable: as `verify`.
    """
    holder = holder or (caller if caller.is_browser else None)
    raw_ticket = PREFIX + secrets.token_urlsafe(_BYTES)
    ticket = NewTicket(
        mac=_macs(room, raw_ticket)[0],
        application=of_login(login) if login else client.application,
        browser_mac=holder.mac(room.keys) if holder else None,
        lifetime_s=LIFETIME_S,
    )
    spend(room, counted, caller, is_by_link=False, ticket=ticket, grace_s=grace_s)
    return Ticketed(challenge=counted, raw_ticket=raw_ticket)


def find(room: LoginRoom, *, realm: str, connection: str, unverified_ticket: str) -> Ticket | None:
    """A live ticket of this connection; looking at it does not spend it."""
    if not _SHAPE.fullmatch(unverified_ticket):
        return None
    return room.tickets.find(_macs(room, unverified_ticket), realm=realm, connection=connection)


def look(room: LoginRoom, *, client: ApiClient, connection: str, unverified_ticket: str) -> Ticket:
    """A live ticket of this client and connection that a browser holds; looking at it does not spend it.

    Raises:
        TicketRefused: unknown, over, used, another's, or no browser's; recorded.
    """
    found = find(room, realm=client.realm, connection=connection, unverified_ticket=unverified_ticket)
    if found is None or found.is_of_client or found.application != client.application:
        if _SHAPE.fullmatch(unverified_ticket):
            room.tickets.note_refused(_macs(room, unverified_ticket), realm=client.realm)
        raise TicketRefused
    return found


def bind(room: LoginRoom, *, client: ApiClient, unverified_ticket: str, caller: Caller) -> str:
    """Give a client's ticket to the browser that its own page sent here; the ticket's connection.

    Raises:
        TicketRefused: unknown, over, used, another client's, or a browser's already.
    """
    connection = None
    if _SHAPE.fullmatch(unverified_ticket):
        connection = room.tickets.bind(
            _macs(room, unverified_ticket),
            realm=client.realm,
            application=client.application,
            browser_macs=caller.macs(room.keys),
        )
    if connection is None:
        raise TicketRefused
    return connection


def exchange(
    room: LoginRoom,
    *,
    realm: str,
    connection: str,
    unverified_ticket: str,
    request: AuthorizationRequest,
    holding: Holding,
    caller: Caller,
) -> str:
    """Spend the ticket; the raw authorization code for the request.

    Raises:
        TicketRefused: unknown, over, used, another realm's, connection's or application's, or not held that way.
    """
    raw_auth_code = secrets.token_urlsafe(_BYTES)
    if not _SHAPE.fullmatch(unverified_ticket) or not room.tickets.exchange(
        _macs(room, unverified_ticket),
        request,
        realm=realm,
        connection=connection,
        holding=holding,
        browser_macs=caller.macs(room.keys),
        auth_code_mac=auth_code_macs(room, realm, connection, raw_auth_code)[0],
        lifetime_s=AUTH_CODE_LIFETIME_S,
    ):
        raise TicketRefused
    return raw_auth_code


def _macs(room: LoginRoom, raw_ticket: str) -> tuple[str, ...]:
    return room.keys.macs("ticket", raw_ticket.encode())
