"""The last messages, in memory: bounded in number and in bytes, safe to use from several threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

from sidecar.demo.inbox.message import Message

MAX_MESSAGES = 500
MAX_BYTES = 64 * 1024 * 1024


class Mailbox:
    """Newest first. When it is full the oldest message goes.

    `version` is another number after each change, so that a page can ask whether there is news.
    """

    def __init__(self, *, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._messages: OrderedDict[str, Message] = OrderedDict()
        self._read: set[str] = set()
        self._bytes = 0
        self._version = 0

    @property
    def version(self) -> int:
        with self._lock:
            return self._version

    def add(self, message: Message) -> None:
        with self._lock:
            self._messages[message.id] = message
            self._bytes += len(message.raw)
            while len(self._messages) > self._max_messages or (
                self._bytes > self._max_bytes and len(self._messages) > 1
            ):
                self._drop(next(iter(self._messages)))
            self._version += 1

    def all(self) -> list[Message]:
        with self._lock:
            return list(reversed(self._messages.values()))

    def get(self, message_id: str) -> Message | None:
        with self._lock:
            return self._messages.get(message_id)

    def mark_read(self, message_id: str) -> None:
        """Note that somebody looked at it. It is no change of the mailbox."""
        with self._lock:
            if message_id in self._messages:
                self._read.add(message_id)

    def read_ids(self) -> frozenset[str]:
        with self._lock:
            return frozenset(self._read)

    def delete(self, message_ids: Iterable[str] | None = None) -> None:
        """Delete these messages; all of them without an argument. Unknown ids are passed over."""
        with self._lock:
            for message_id in list(self._messages) if message_ids is None else message_ids:
                self._drop(message_id)
            self._version += 1

    def _drop(self, message_id: str) -> None:
        message = self._messages.pop(message_id, None)
        self._read.discard(message_id)
        self._bytes -= len(message.raw) if message else 0
