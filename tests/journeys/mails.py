"""A real SMTP server that keeps what it is given, and the real worker and provider that send to it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from sidecar.app import Parts
from sidecar.delivery.smtp import Smtp
from sidecar.delivery.worker import Worker
from tests.stack import free_port, wait_until


@dataclass(frozen=True)
class Mail:
    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def link(self) -> str:
        return re.findall(r"https?://\S+/l/\S+", self.message.get_body(("plain",)).get_content())[0]

    @property
    def code(self) -> str:
        return str(self.message["Subject"]).split()[0]


@dataclass
class Mails:
    """`commands` are the RCPT lines as they came; `rcpt_answer` is what each of them gets."""

    rcpt_answer: str = "250 ok"
    kept: list[Mail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    port: int = field(default_factory=free_port)

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        self.commands.append(address)
        if self.rcpt_answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.rcpt_answer

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.kept.append(Mail(list(envelope.rcpt_tos), envelope.original_content))
        return "250 kept"

    def worker(self, parts: Parts) -> tuple[Worker, Smtp]:
        """The worker of these parts, sending to here, and the provider it sends with."""
        provider = Smtp(replace(parts.settings.providers["smtp"], port=self.port))
        worker = parts.worker()
        return replace(worker, providers=dict.fromkeys(worker.providers, (provider,))), provider

    def send_all(self, parts: Parts) -> None:
        """Let the worker send what is queued."""
        worker, provider = self.worker(parts)
        while worker.step():
            pass
        provider.close()


@contextmanager
def mail_server(rcpt_answer: str = "250 ok") -> Iterator[Mails]:
    mails = Mails(rcpt_answer)
    controller = Controller(mails, hostname="127.0.0.1", port=mails.port, decode_data=False)
    controller.start()
    yield mails
    # Clients are gone by now; a session that has not noticed yet would leave its socket open.
    wait_until(lambda: not asyncio.all_tasks(controller.loop), "the mail server's last session to end")
    controller.stop()
