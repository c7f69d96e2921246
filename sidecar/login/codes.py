"""One-time codes that are derived, never stored (NIST SP 800-63B-4 §3.1.3.2, RFC 4226).

The secret is an HMAC over the row's random seed and all that the code is for, under a server key: the database
alone gives no code, nor does the key alone. It is fresh for each challenge, so HOTP's counter stays 0.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets

import pyotp

from sidecar.errors import InvalidRequest
from sidecar.login.keys import KeyRing
from sidecar.model.challenge import Challenge

SEED_BYTES = 32
_MAX_TYPED_CHARS = 64
# What people type between digits; also the marks that right-to-left keyboards and copying leave around them.
_PUNCTUATION = re.compile(r"[\s\-\u2010-\u2015\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def new_seed() -> bytes:
    return secrets.token_bytes(SEED_BYTES)


def derive_secret(keys: KeyRing, challenge: Challenge, purpose: str) -> bytes:
    """32 bytes for one purpose of a challenge, from its seed and all that it is bound to, under its server key.

    Raises:
        KeyError: that key is revoked.
    """
    return keys.derive(
        challenge.key_id,
        purpose,
        challenge.seed,
        challenge.id.encode(),
        challenge.realm.encode(),
        challenge.connection.encode(),
        challenge.destination.encode(),
        challenge.key_id.encode(),
    )


def derive_code(keys: KeyRing, challenge: Challenge) -> str:
    """The code of a challenge, as a string of its digits, zeros in front kept.

    Raises:
        KeyError: the server key it was made under is revoked; there is no code any more.
    """
    secret = derive_secret(keys, challenge, f"one-time-code/{challenge.purpose}")
    return pyotp.HOTP(base64.b32encode(secret).decode(), digits=challenge.digits, digest=hashlib.sha256).at(0)


def clean_code(unverified_raw: str, digits: int) -> str:
    """What was typed, without spaces and dashes; it must then be exactly that many ASCII digits.

    Raises:
        InvalidRequest: it can't be a code. Nothing is counted for it, for nothing is compared.
    """
    cleaned = _PUNCTUATION.sub("", unverified_raw) if len(unverified_raw) <= _MAX_TYPED_CHARS else ""
    if not re.fullmatch(rf"[0-9]{{{digits}}}", cleaned):
        raise InvalidRequest(f"a code has {digits} digits")
    return cleaned


def is_right(keys: KeyRing, challenge: Challenge, cleaned_code: str, *, pinned: str | None = None) -> bool:
    """Compare in constant time. Call it only for a try that the store has counted.

    `pinned`: the code that the settings fix in place of the derived one; its first digits, where fewer are asked for.
    One that is too short is never right.
    """
    try:
        expected = derive_code(keys, challenge)
    except KeyError:
        return False
    if pinned is not None:
        expected = pinned[: challenge.digits] if len(pinned) >= challenge.digits else ""
    return hmac.compare_digest(expected, cleaned_code) and not challenge.is_suppressed
