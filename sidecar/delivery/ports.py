"""What the worker needs of the others, in the model's values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sidecar.errors import DeliveryFailed
from sidecar.model.message import Parcel


class Outbox(Protocol):
    """Messages to send. One worker holds a message at a time, and only for `claim_s`."""

    def take(self, worker_id: str, *, claim_s: int) -> Parcel | None:
        """Claim the message that is due longest; `None` if there is none."""
        ...

    def let_out(self, parcel: Parcel) -> bool:
        """Let an unknown challenge speak: its messages are sent, its code counts. `False` if it may not any more."""
        ...

    def note_refused(self, parcel: Parcel, worker_id: str, failure: DeliveryFailed, *, provider: str) -> None:
        """One provider did not take it; the message stays in the worker's hands."""
        ...

    def mark_sent(self, parcel: Parcel, worker_id: str, *, provider: str, reference: str = "") -> None:
        """A provider took it, and calls it by `reference`."""
        ...

    def mark_failed(self, parcel: Parcel, worker_id: str, failure: DeliveryFailed) -> None:
        """No try is left."""
        ...

    def put_back(self, parcel: Parcel, worker_id: str, failure: DeliveryFailed, *, after_s: float) -> None:
        """Another try, later."""
        ...


class Doorbell(Protocol):
    """How a worker learns that a message was queued, without asking all the time."""

    def wait(self, timeout_s: float) -> None:
        """Return when a message may be there, at the latest after `timeout_s`."""
        ...


@dataclass(frozen=True, kw_only=True, repr=False)
class Rendered:
    """A message ready to send. It holds the code: never log it, never store it."""

    subject: str
    text: str
    html: str


class Provider(Protocol):
    """One way out. `send` returns when the provider has taken responsibility for the message."""

    id: str
    #: When it gives up on a server that does not answer.
    timeout_s: int

    def send(self, *, message_id: str, destination: str, content: Rendered, locale: str) -> str:
        """Hand over one message for exactly one recipient; what the provider calls it, or an empty string.

        Raises:
            DeliveryFailed: it did not take it; says whether another try can help.
        """
        ...

    def rehearse(self, *, message_id: str, destination: str, content: Rendered, locale: str) -> None:
        """Go `send`'s way up to the message itself, and take about its time: for one that nobody must get.

        Raises:
            DeliveryFailed: as `send` would for every message now, whomever it is for.
        """
        ...

    def close(self) -> None:
        """Let go of what it keeps open; the next message opens it anew."""
        ...
