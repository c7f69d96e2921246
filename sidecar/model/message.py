"""A message to send: a row of the outbox, taken by one worker for a while. It holds no code."""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.model.challenge import Challenge
from sidecar.model.own_account import AccountChange

#: How long a worker has a message to itself, and how long a dead one delays it. A living one that is slower may send it
#: twice, with one Message-ID.
CLAIM_S = 30


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A taken message with its challenge, from which the code is derived at the moment of sending.

    `attempt` counts from 1. `deadline_at` is when the code ends: nothing is sent after it. `is_test`: it is for a test
    address. `change`: what a notice tells of.
    """

    id: str
    template: str
    attempt: int
    deadline_at: int
    taken_at: int
    challenge: Challenge
    is_test: bool = False
    change: AccountChange | None = None

    @property
    def is_rehearsed(self) -> bool:
        """Whether it goes a message's way without being handed over: nobody must get it."""
        return self.challenge.is_suppressed or self.is_test
