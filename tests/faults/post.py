"""A mail server in a process of its own, which may be killed: `python -m tests.faults.post PORT FILE`.

Each message is a line of the file before it is answered, so that none is taken and forgotten.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller

#: As a server far away takes; so there is a time between a message's end and its answer.
_ANSWERS_AFTER_S = 0.02


class Letter(NamedTuple):
    """A message as it came; `message_id` is the outbox's row."""

    message_id: str
    challenge_id: str
    recipient: str
    code: str


class _Post:
    def __init__(self, file: Path) -> None:
        self._file = file.open("a", encoding="utf-8")

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        message = message_from_bytes(envelope.original_content, policy=policy.default)
        text = str(message.get_body(("plain",)).get_content())  # type: ignore[union-attr]
        letter = Letter(
            message_id=str(message["Message-ID"]).strip("<>").partition("@")[0],
            challenge_id=re.search(r"/not-me/([\w-]{22})\.", text)[1],  # type: ignore[index]
            recipient=",".join(envelope.rcpt_tos),
            code=str(message["Subject"]).split()[0],
        )
        self._file.write(json.dumps(letter) + "\n")
        self._file.flush()
        await asyncio.sleep(_ANSWERS_AFTER_S)
        return "250 kept"


def letters(file: Path) -> list[Letter]:
    """All that came by now, in their order."""
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return [Letter(*json.loads(line)) for line in lines]


if __name__ == "__main__":
    Controller(_Post(Path(sys.argv[2])), hostname="127.0.0.1", port=int(sys.argv[1])).start()
    threading.Event().wait()
