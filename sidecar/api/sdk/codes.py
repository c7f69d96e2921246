"""A code that an SDK brings, for the address that it names: tried once, and refused in the words of its endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sidecar.api.callers import Call
from sidecar.api.sdk import errors
from sidecar.api.sdk.desk import KIND, Desk
from sidecar.api.sdk.errors import SdkRefused
from sidecar.errors import ChallengeNotFound, ChallengeRefused, InvalidAddress, InvalidRequest, RateLimited
from sidecar.model.address import Address
from sidecar.model.challenge import Challenge
from sidecar.settings import Connection


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """How an endpoint refuses a code; the sentences are the same everywhere."""

    status: int
    error: str

    def wrong(self, connection: Connection) -> SdkRefused:
        return SdkRefused(self.status, self.error, errors.wrong_code(KIND[connection.strategy]))

    def no_more_tries(self) -> SdkRefused:
        return SdkRefused(self.status, self.error, errors.NO_MORE_TRIES)

    def expired(self) -> SdkRefused:
        return SdkRefused(self.status, self.error, errors.EXPIRED)


@contextmanager
def refusing(refusals: Refusals, connection: Connection) -> Iterator[None]:
    """What the flow refuses while a code is tried, in those words."""
    try:
        yield
    except ChallengeRefused as refused:
        raise (refusals.wrong(connection) if refused.tries_left else refusals.no_more_tries()) from None
    except (ChallengeNotFound, InvalidAddress, InvalidRequest):
        raise refusals.wrong(connection) from None
    except RateLimited:
        raise errors.blocked() from None


def newest(desk: Desk, realm: str, call: Call, connection: Connection, address: Address) -> Challenge:
    """The client's challenge that a code for the address is for, however it stands.

    Raises:
        ChallengeNotFound: the client started none.
    """
    macs = call.caller.macs(desk.room.keys)
    return desk.room.challenges.newest(realm, connection.id, address.canonical, macs)


def still_open(challenge: Challenge, connection: Connection, refusals: Refusals) -> Challenge:
    """The same one, if it may be tried. Whoever started it may know which end it had.

    Raises:
        SdkRefused: it is over.
    """
    if challenge.used_at is not None or challenge.retired_at is not None:
        raise refusals.wrong(connection)
    if challenge.tries_left == 0:
        raise refusals.no_more_tries()
    if challenge.life_left_s == 0:
        raise refusals.expired()
    return challenge
