"""Try a code. The order is the guard: count, compare, look, spend, settle; each committed before the next.

To look and to settle is for connections that link accounts by looking at the realm's users: `linking.py`.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sidecar.errors import ChallengeRefused, RateLimited
from sidecar.login import codes, limits, linking
from sidecar.login.keys import KeyRing
from sidecar.login.pinned import pinned
from sidecar.login.room import Caller, LoginRoom
from sidecar.model.challenge import Challenge
from sidecar.model.proof import NewGrant, amr_of
from sidecar.model.ticket import NewTicket
from sidecar.settings import Connection

#: RFC 6749 §4.1.2 allows ten minutes; Keycloak comes back at once, so a minute is plenty.
AUTH_CODE_LIFETIME_S = 60
AUTH_CODE_BYTES = 32
_SUBJECT_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A spent challenge and the authorization code it bought; the raw code exists here and in the redirect only."""

    challenge: Challenge
    raw_auth_code: str


def verify(room: LoginRoom, *, challenge: Challenge, unverified_code: str, caller: Caller) -> Verified:
    """Spend the challenge, as this caller found it, with the right code.

    Raises:
        InvalidRequest: what was typed can't be a code; nothing was counted.
        ChallengeRefused: wrong, expired, used, dead, or another browser's.
        RateLimited: the address's failures are used up.
        AccountStopped: the code was right, and the account must not be opened by it.
        KeycloakUnavailable: the code was right, and the account could not be looked at, or made ready.
    """
    counted = proven(room, challenge=challenge, unverified_code=unverified_code, caller=caller)
    return grant(room, counted, caller, is_by_link=False)


def proven(room: LoginRoom, *, challenge: Challenge, unverified_code: str, caller: Caller) -> Challenge:
    """Count a try and compare; what comes back is right, and still to be spent.

    Raises:
        InvalidRequest, ChallengeRefused, RateLimited: as above.
    """
    cleaned = codes.clean_code(unverified_code, challenge.digits)
    return compared(room, count(room, challenge, caller), cleaned, caller)


def compared(room: LoginRoom, counted: Challenge, cleaned_code: str, caller: Caller) -> Challenge:
    """Compare a code whose try is counted.

    Raises:
        ChallengeRefused: wrong.
    """
    test = pinned(room.connection(counted.realm, counted.connection), counted)
    if not codes.is_right(room.keys, counted, cleaned_code, pinned=test.code.reveal() if test else None):
        room.verification.note_wrong(counted, caller.macs(room.keys), network=caller.network)
        raise ChallengeRefused(tries_left=counted.tries_left)
    return counted


def grant(room: LoginRoom, counted: Challenge, caller: Caller, *, is_by_link: bool) -> Verified:
    """Spend a challenge whose counted try was compared and right.

    Raises:
        ChallengeRefused: somebody was first, or it ran out meanwhile.
        AccountStopped, KeycloakUnavailable: as `verify`; nobody has an authorization code.
    """
    raw_auth_code = secrets.token_urlsafe(AUTH_CODE_BYTES)
    mac = mac_of_auth_code(room.keys, counted.realm, counted.connection, raw_auth_code)
    spend(room, counted, caller, is_by_link=is_by_link, auth_code_mac=mac)
    return Verified(challenge=counted, raw_auth_code=raw_auth_code)


def spend(
    room: LoginRoom,
    counted: Challenge,
    caller: Caller,
    *,
    is_by_link: bool,
    auth_code_mac: str = "",
    ticket: NewTicket | None = None,
    grace_s: int = 0,
) -> None:
    """Look, spend and settle, for an authorization code or for a ticket; `grace_s`: as `NewGrant` has it.

    Raises:
        ChallengeRefused, AccountStopped, KeycloakUnavailable: as `grant`.
    """
    outlook = linking.look(room, counted, caller)
    connection = room.connection(counted.realm, counted.connection)
    new = NewGrant(
        auth_code_mac=auth_code_mac,
        ticket=ticket,
        is_remembered=caller.is_browser,
        subject_id=new_subject_id(counted.connection),
        lifetime_s=AUTH_CODE_LIFETIME_S,
        amr=amr_of(connection.strategy, is_by_link=is_by_link),
        is_test=pinned(connection, counted) is not None,
        idle_s=_idle_s(connection),
        withheld=outlook.withheld,
        grace_s=grace_s,
    )
    subject_id = room.verification.spend(counted, caller.macs(room.keys), new, network=caller.network)
    linking.settle(room, counted, caller, outlook, subject_id=subject_id)


def _idle_s(connection: Connection) -> int | None:
    """Numbers are given to somebody else some time after they fall silent; nobody tells us when."""
    if connection.strategy == "sms" and connection.idle_days:
        return connection.idle_days * 24 * 3600
    return None


def count(room: LoginRoom, challenge: Challenge, caller: Caller) -> Challenge:
    """Count the try; a code that is too short by now is over, and another, long one can be asked for.

    Raises:
        ChallengeRefused, RateLimited: as `verify`.
    """
    macs = caller.macs(room.keys)
    given = room.connection(challenge.realm, challenge.connection).limits
    short = limits.for_short_codes(given, challenge.digits, client=challenge.request.api_client)
    rules = (*limits.for_try(given), *short)
    try:
        return room.verification.count_try(challenge, macs, network=caller.network, rules=rules)
    except RateLimited as limited:
        if limited.budget not in limits.SHORT_CODES:
            raise
        room.challenges.retire(challenge.id, macs)
        raise ChallengeRefused(tries_left=0) from None


def new_subject_id(connection: str) -> str:
    """`email.…`: opaque, unguessable, never the address, and of characters that Keycloak takes in a user name."""
    return f"{connection}.{secrets.token_hex(_SUBJECT_BYTES)}"


def mac_of_auth_code(keys: KeyRing, realm: str, connection: str, raw_auth_code: str) -> str:
    """What is stored of an authorization code."""
    return _auth_code_macs(keys, realm, connection, raw_auth_code)[0]


def auth_code_macs(room: LoginRoom, realm: str, connection: str, raw_auth_code: str) -> tuple[str, ...]:
    """How an authorization code is looked up: by its MAC, which its realm and connection are part of."""
    return _auth_code_macs(room.keys, realm, connection, raw_auth_code)


def _auth_code_macs(keys: KeyRing, realm: str, connection: str, raw_auth_code: str) -> tuple[str, ...]:
    return keys.macs("authorization-code", realm.encode(), connection.encode(), raw_auth_code.encode())
