"""What became of one address, as it is told: events of the ledger, and messages with their receipts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Happened:
    """An event of the ledger. `is_known`: it came from a browser that the address knows; `None`: from no browser.

    `number` orders events: a clock that was set back does not.
    """

    number: int
    at: int
    connection: str
    type: str
    network: str | None
    is_known: bool | None
    challenge_id: str | None
    detail: str


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A message of the outbox, as it stands."""

    created_at: int
    connection: str
    challenge_id: str
    status: str
    attempts: int
    provider: str | None
    reference: str | None
    reason: str | None
    receipt: str | None
    receipt_at: int | None


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Oldest first. Messages are kept for a shorter time than events."""

    events: tuple[Happened, ...]
    messages: tuple[Sent, ...]
