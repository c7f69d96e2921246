"""Tokens of the links in a message: `ID.MAC`, derived like a code from seed and server key, stored nowhere."""

from __future__ import annotations

import base64
import hmac
import re

from sidecar.errors import ChallengeNotFound
from sidecar.login.codes import derive_secret
from sidecar.login.keys import KeyRing
from sidecar.model.challenge import Challenge

_TOKEN = re.compile(r"(?P<id>[A-Za-z0-9_-]{22})\.(?P<mac>[A-Za-z0-9_-]{43})")


def token_for(keys: KeyRing, challenge: Challenge, purpose: str) -> str:
    """The token of one purpose: the challenge's id, and 256 bits that only who has seed and key can make.

    Raises:
        KeyError: the server key it was made under is revoked.
    """
    derived = derive_secret(keys, challenge, purpose)
    return f"{challenge.id}.{base64.urlsafe_b64encode(derived).rstrip(b'=').decode()}"


def challenge_of(unverified_token: str) -> str:
    """The id of the challenge that a token is about; says nothing of whether it is right.

    Raises:
        ChallengeNotFound: it can't be a token.
    """
    found = _TOKEN.fullmatch(unverified_token)
    if not found:
        raise ChallengeNotFound
    return found["id"]


def require_right(keys: KeyRing, challenge: Challenge, purpose: str, unverified_token: str) -> None:
    """Compare in constant time.

    Raises:
        ChallengeNotFound: it is another one, or of a key that is revoked; both alike.
    """
    try:
        expected = token_for(keys, challenge, purpose)
    except KeyError:
        raise ChallengeNotFound from None
    if not hmac.compare_digest(expected, unverified_token):
        raise ChallengeNotFound
