"""Signing keys as they are stored, and the one rule that says what each is good for now: time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

#: How long a process uses the keys that it read.
CACHE_S = 5
#: What the key endpoint's `Cache-Control` allows everybody else.
PUBLISHED_CACHE_S = 60
#: Keycloak asks for keys at most every ten seconds.
KEYCLOAK_PAUSE_S = 10
#: A key must have been published this long before it signs.
LEAST_OVERLAP_S = CACHE_S + PUBLISHED_CACHE_S + KEYCLOAK_PAUSE_S
OVERLAP_S = 120
#: A key stays published for this long after its successor took over: more than tokens and caches live.
RETIRED_S = 600


class KeyState(StrEnum):
    """`next` is published and does not sign yet, `current` signs, `retired` is published for tokens still under way."""

    NEXT = "next"
    CURRENT = "current"
    RETIRED = "retired"


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """`public_jwk` is JSON (RFC 7517), `wrapped_private_jwk` a compact JWE (RFC 7516) under the secret `key_id`."""

    kid: str
    public_jwk: str
    wrapped_private_jwk: str
    key_id: str


@dataclass(frozen=True, kw_only=True)
class StoredKey(NewKey):
    """`signs_from` is milliseconds since the epoch by the database's clock; `state` is as of when it was read."""

    signs_from: int
    state: KeyState


def states(signs_from: Sequence[int], now: int) -> list[KeyState | None]:
    """What each key of one realm is, in the order given; `None` for one that is no longer published.

    Nothing is stored but when a key begins: the newest that has begun signs, the others follow from it. So a
    rotation needs no second command, and taking a key away puts the one before it back in its place.
    """
    return [_state(begin, rank, signs_from, now) for rank, begin in enumerate(signs_from)]


def _state(begin: int, rank: int, signs_from: Sequence[int], now: int) -> KeyState | None:
    if begin > now:
        return KeyState.NEXT
    successors = [
        other for number, other in enumerate(signs_from) if other <= now and (other, -number) > (begin, -rank)
    ]
    if not successors:
        return KeyState.CURRENT
    return KeyState.RETIRED if now < min(successors) + RETIRED_S * 1000 else None
