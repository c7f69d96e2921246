"""Start a challenge: an address, asked for by a browser on behalf of an authorization request."""

from __future__ import annotations

import secrets
from dataclasses import replace

from sidecar.errors import RateLimited
from sidecar.login import codes, limits
from sidecar.login.not_me import MUTE_S
from sidecar.login.pumping import text_message
from sidecar.login.room import Caller, LoginRoom
from sidecar.model.address import Address
from sidecar.model.asker import Asker
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.challenge import Challenge, Method, NewChallenge, Once, Purpose

_ID_BYTES = 16


def issue(
    room: LoginRoom,
    *,
    realm: str,
    connection: str,
    address: Address,
    caller: Caller,
    request: AuthorizationRequest,
    asker: Asker,
    locale: str,
    purpose: Purpose = Purpose.LOGIN,
    account: str | None = None,
    once: Once | None = None,
) -> Challenge:
    """Open a challenge and queue its message; both are committed when this returns.

    Walks the same way for an address that exists, one that doesn't, and one that gets no message. While many codes
    of the connection are guessed wrong, strangers' browsers get a long one. `account`: Keycloak's id of the user whose
    account it is for, where it is for one; nobody signs up by it, so it is none of sign-up's business. `once`: where
    the same was asked for before, the challenge that it opened then, as it stands, and no message.

    Raises:
        IdempotencyKeyReused: something else was asked for with the same key.
        RateLimited: a budget of the address, the network or the connection's text messages is used up.
        ConnectionStopped: an operator has stopped the connection's text messages.
        StoreUnavailable: the database did not answer; nothing was sent.
    """
    settings = room.connection(realm, connection)
    rules = limits.for_start(settings.limits)
    short = limits.for_short_codes(settings.limits, settings.digits, client=request.api_client)
    new = NewChallenge(
        id=secrets.token_urlsafe(_ID_BYTES),
        realm=realm,
        connection=connection,
        address=address.canonical,
        destination=address.destination,
        browser_mac=caller.mac(room.keys),
        key_id=room.keys.newest_id,
        seed=codes.new_seed(),
        digits=settings.digits,
        method=Method(settings.method).narrowed(request.send) if purpose is Purpose.LOGIN else Method.CODE,
        lifetime_s=settings.lifetime_s,
        max_tries=settings.limits.tries_per_code,
        open_challenges=settings.limits.open_challenges,
        signup=settings.signup or purpose is not Purpose.LOGIN,
        mute_s=MUTE_S,
        locale=locale,
        request=request,
        asker=asker,
        purpose=purpose,
        account=account,
        once=once,
    )
    macs = caller.macs(room.keys)
    text = text_message(settings, address, request)
    try:
        return room.challenges.open(new, macs, network=caller.network, rules=(*rules, *short), text=text)
    except RateLimited as limited:
        if limited.budget not in limits.SHORT_CODES:
            raise
    long = replace(new, digits=limits.LONG_DIGITS)
    return room.challenges.open(long, macs, network=caller.network, rules=rules, text=text)
