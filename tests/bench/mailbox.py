"""An SMTP server (aiosmtpd) that tells codes to who waits for them, and when each message came."""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller

_CODE = re.compile(rb"^Subject: (\d{6}) ", re.MULTILINE)


class Arrival(NamedTuple):
    code: str
    at: float


class Mailbox:
    def __init__(self, port: int) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=port)
        self._arrivals: dict[str, list[Arrival]] = defaultdict(list)
        self._came = threading.Condition()
        self.count = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        at = time.perf_counter()
        found = _CODE.search(envelope.original_content)
        assert found, "a message without a code in its subject"
        with self._came:
            self._arrivals[envelope.rcpt_tos[0]].append(Arrival(found[1].decode(), at))
            self.count += 1
            self._came.notify_all()
        return "250 kept"

    def take(self, address: str, seconds: float = 30) -> Arrival:
        """The oldest message to the address that nobody took yet."""
        with self._came:
            assert self._came.wait_for(lambda: self._arrivals[address], seconds), f"no mail to {address}"
            return self._arrivals[address].pop(0)

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()
