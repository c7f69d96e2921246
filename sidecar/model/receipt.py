"""What a provider says of a message after it took it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Receipt(StrEnum):
    """Whether a message got to its recipient; values are what the store keeps."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"


@dataclass(frozen=True, kw_only=True, repr=False)
class Callback:
    """A provider's call about one message, as it came; nothing in it is believed before its signature was checked.

    `path` is what stands behind `server.public_url`; names of `headers` are in lower case.
    """

    path: str
    message_id: str
    headers: Mapping[str, str]
    body: bytes
