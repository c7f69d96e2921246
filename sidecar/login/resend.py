"""Ask for the message again."""

from __future__ import annotations

from sidecar.errors import RateLimited
from sidecar.login import limits
from sidecar.login.addressing import read, take
from sidecar.login.issue import issue
from sidecar.login.pumping import text_message
from sidecar.login.room import Caller, LoginRoom
from sidecar.model.challenge import Challenge

#: With less life left than this, a fresh code is worth more than the old one once more.
FRESH_BELOW_S = 90


def resend(room: LoginRoom, *, challenge: Challenge, caller: Caller) -> Challenge:
    """Send the same code again, its expiry unmoved, so that a late first message still works.

    A challenge that is over, or nearly, or whose code is too short by now, is replaced by a fresh one for the same
    browser and request.

    Raises:
        ChallengeNotFound: another browser's, or over since it was found.
        RateLimited: too soon, or a budget is used up.
        ConnectionStopped: an operator has stopped the connection's text messages.
        NumberRefused: the connection sends no messages to the number's country any more.
    """
    connection = room.connection(challenge.realm, challenge.connection)
    # Settings may have changed since it was taken: no country is paid for that has left the list.
    address = take(room.settings.realms[challenge.realm], connection, challenge.destination)
    settings = connection.limits
    if not challenge.is_open or challenge.life_left_s < FRESH_BELOW_S:
        return afresh(room, challenge, caller)
    short = limits.for_short_codes(settings, challenge.digits, client=challenge.request.api_client)
    try:
        return room.challenges.send_again(
            challenge,
            caller.macs(room.keys),
            network=caller.network,
            rules=(*limits.for_resend(settings), *short),
            resend_after_s=settings.resend_after_s,
            text=text_message(connection, address, challenge.request),
        )
    except RateLimited as limited:
        if limited.budget not in limits.SHORT_CODES:
            raise
    return afresh(room, challenge, caller)


def afresh(room: LoginRoom, challenge: Challenge, caller: Caller) -> Challenge:
    """Another challenge for the same address and request, in the place of one that is over.

    Raises:
        RateLimited: a budget is used up.
    """
    return issue(
        room,
        realm=challenge.realm,
        connection=challenge.connection,
        address=read(challenge.destination),
        caller=caller,
        request=challenge.request,
        asker=challenge.asker,
        locale=challenge.locale,
        purpose=challenge.purpose,
        account=challenge.account,
    )
