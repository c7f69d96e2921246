"""This was not me: who reads an address's mail ends a start they did not ask for, and silences strangers for a while.

The link is no login and grants nothing. It kills its own challenge, with an authorization code that came of it and was
not redeemed yet, and for an hour strangers' starts for the address send nothing, which they can't tell; browsers that
the address knows go on as before. It can be taken back.
"""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.login import mailed
from sidecar.login.keys import KeyRing
from sidecar.login.room import LoginRoom
from sidecar.model.challenge import Challenge

MUTE_S = 3600
#: A message older than this is of no more use as proof that somebody asks right now.
LINK_LIFETIME_S = 86_400
_PURPOSE = "not-me-link"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What the page shows: the start that the message was for, and whether strangers are muted now."""

    challenge: Challenge
    is_muted: bool


def token_for(keys: KeyRing, challenge: Challenge) -> str:
    """The link's token.

    Raises:
        KeyError: the server key it was made under is revoked.
    """
    return mailed.token_for(keys, challenge, _PURPOSE)


def read(room: LoginRoom, unverified_token: str) -> Notice:
    """What the link is about; changes nothing, whoever opens it.

    Raises:
        ChallengeNotFound: forged, too old, or of a key that is revoked; all alike.
    """
    challenge, is_muted = room.complaints.find(
        mailed.challenge_of(unverified_token), mute_s=MUTE_S, within_s=LINK_LIFETIME_S
    )
    mailed.require_right(room.keys, challenge, _PURPOSE, unverified_token)
    return Notice(challenge=challenge, is_muted=is_muted)


def deny(room: LoginRoom, unverified_token: str) -> None:
    """End the challenge and what came of it, and mute strangers' starts for the address; twice is as once.

    Raises:
        ChallengeNotFound: as `read`.
    """
    room.complaints.deny(read(room, unverified_token).challenge)


def undo(room: LoginRoom, unverified_token: str) -> None:
    """Let strangers start again; the challenge stays ended.

    Raises:
        ChallengeNotFound: as `read`.
    """
    challenge = read(room, unverified_token).challenge
    room.complaints.unmute(challenge.realm, challenge.connection, challenge.address, by="page")
