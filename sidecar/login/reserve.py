"""A code that an SDK has checked first and then sends again with the browser: kept in between, for one try."""

from __future__ import annotations

from sidecar.login import codes, tickets
from sidecar.login.room import Caller, LoginRoom
from sidecar.login.tickets import Ticketed
from sidecar.login.verify import compared, proven
from sidecar.model.challenge import Challenge
from sidecar.model.client import ApiClient

#: From the answer to the redirect.
LIFETIME_S = 60


def reserve(
    room: LoginRoom, *, challenge: Challenge, unverified_code: str, caller: Caller, holder: Caller | None
) -> None:
    """Count a try and compare; a right code is kept for a minute, unspent, whatever else runs out meanwhile.

    `holder`: the browser that may come for it without being asked.

    Raises:
        InvalidRequest, ChallengeRefused, RateLimited: as `verify`.
    """
    counted = proven(room, challenge=challenge, unverified_code=unverified_code, caller=caller)
    room.reservations.make(
        counted,
        caller.macs(room.keys),
        network=caller.network,
        holder_mac=holder.mac(room.keys) if holder else None,
        lifetime_s=LIFETIME_S,
    )


def is_held(room: LoginRoom, *, challenge: Challenge, caller: Caller, holder: Caller) -> bool:
    """Whether the challenge's right code is kept for that browser."""
    return room.reservations.is_held(challenge, caller.macs(room.keys), holder_macs=holder.macs(room.keys))


def redeem(
    room: LoginRoom,
    *,
    challenge: Challenge,
    unverified_code: str,
    caller: Caller,
    client: ApiClient,
    holder: Caller,
) -> Ticketed | None:
    """Spend a challenge whose right code is kept, with that code, for a ticket of this client that the holder has.

    What is kept is good for one try, so whoever guesses has one more of them for each right code, and no second.

    Returns:
        `None` if it is not kept: it is an ordinary challenge then.

    Raises:
        InvalidRequest, ChallengeRefused, AccountStopped, KeycloakUnavailable: as `verify`.
    """
    cleaned = codes.clean_code(unverified_code, challenge.digits)
    if not room.reservations.take(challenge, caller.macs(room.keys), network=caller.network):
        return None
    right = compared(room, challenge, cleaned, caller)
    return tickets.buy(room, right, caller=caller, client=client, holder=holder, grace_s=LIFETIME_S)
