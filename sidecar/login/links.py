"""The link in a message: read by whoever opens it, spent only by the browser that asked.

Opening it changes nothing, so a mail scanner may, with scripts too. In the browser that asked a person confirms, and
the challenge is spent like with a code. Anywhere else the link shows the code, to be typed in the window that asked:
who was made to open somebody else's link has completed nothing. What was asked for through the API was asked for by no
page of ours, so there the link shows the code in every browser.
"""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.errors import ChallengeNotFound, ChallengeRefused
from sidecar.login import codes, limits, mailed
from sidecar.login.keys import KeyRing
from sidecar.login.resend import afresh
from sidecar.login.room import Caller, LoginRoom
from sidecar.login.verify import Verified, grant
from sidecar.model.challenge import Challenge

#: How long a link that is over is still told from one that never was.
REMEMBERED_S = 86_400
_PURPOSE = "login-link"


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A link that somebody opened, and whether the browser is the one that asked for it."""

    challenge: Challenge
    is_own: bool

    @property
    def is_open(self) -> bool:
        """For display; whoever has the link reads the mail, so they may know of a denial, or of a success elsewhere."""
        return self.challenge.is_open and not self.challenge.is_suppressed

    @property
    def can_be_renewed(self) -> bool:
        """Not a used one: Keycloak has its answer, so a new link would lead to nothing there."""
        return self.is_own and not self.is_open and self.challenge.used_at is None


def token_for(keys: KeyRing, challenge: Challenge) -> str:
    """The link's token.

    Raises:
        KeyError: the server key it was made under is revoked.
    """
    return mailed.token_for(keys, challenge, _PURPOSE)


def read(room: LoginRoom, unverified_token: str, caller: Caller | None) -> Opened:
    """What the link is about; changes nothing, whoever opens it. `None`: a browser that has no cookie of ours.

    Raises:
        ChallengeNotFound: forged, of a message without a link, too old, or of a key that is revoked; all alike.
    """
    challenge = room.challenges.of_message(mailed.challenge_of(unverified_token), within_s=REMEMBERED_S)
    mailed.require_right(room.keys, challenge, _PURPOSE, unverified_token)
    if not challenge.method.has_link:
        raise ChallengeNotFound
    is_own = not challenge.request.api_client and caller is not None and _is_own(room, challenge, caller)
    return Opened(challenge=challenge, is_own=is_own)


def shown_code(room: LoginRoom, opened: Opened) -> str:
    """The code that the link shows outside of the browser that asked.

    Raises:
        ChallengeNotFound: the link is over, or this is the browser that asked.
    """
    if opened.is_own or not opened.is_open:
        raise ChallengeNotFound
    return codes.derive_code(room.keys, opened.challenge)


def verify_link(room: LoginRoom, unverified_token: str, caller: Caller) -> Verified:
    """Spend the link's challenge, in the order that holds for a code too: count, compare, spend.

    Raises:
        ChallengeNotFound: as `read`, or of the API; nothing was counted.
        ChallengeRefused: used, dead, denied, expired, or another browser's.
        RateLimited: the address's failures are used up.
    """
    challenge = read(room, unverified_token, caller).challenge
    if challenge.request.api_client:
        raise ChallengeNotFound
    # Without the budgets of short codes: a link is long.
    rules = limits.for_try(room.connection(challenge.realm, challenge.connection).limits)
    macs = caller.macs(room.keys)
    counted = room.verification.count_try(challenge, macs, network=caller.network, rules=rules)
    try:
        mailed.require_right(room.keys, counted, _PURPOSE, unverified_token)
    except ChallengeNotFound:
        room.verification.note_wrong(counted, macs, network=caller.network)
        raise ChallengeRefused(tries_left=counted.tries_left) from None
    return grant(room, counted, caller, is_by_link=True)


def renew(room: LoginRoom, unverified_token: str, caller: Caller) -> Challenge:
    """A fresh challenge for the request of a link that is over, in the browser that asked for it.

    Raises:
        ChallengeNotFound: as `read`; or still open, used, or another browser's.
        RateLimited: a budget is used up.
    """
    opened = read(room, unverified_token, caller)
    if not opened.can_be_renewed:
        raise ChallengeNotFound
    return afresh(room, opened.challenge, caller)


def _is_own(room: LoginRoom, challenge: Challenge, caller: Caller) -> bool:
    try:
        room.challenges.find(challenge.id, caller.macs(room.keys))
    except ChallengeNotFound:
        return False
    return True
