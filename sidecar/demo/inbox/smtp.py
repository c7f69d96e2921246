"""The mail server: it takes every mail for everybody, on the loopback interface only."""

from __future__ import annotations

from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from sidecar.demo.inbox.mailbox import Mailbox
from sidecar.demo.inbox.message import message_from_mail

MAX_MAIL_BYTES = 10 * 1024 * 1024


class _Sink:
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802
        """What aiosmtpd calls with a whole mail; the answer is SMTP's."""
        self._mailbox.add(
            message_from_mail(
                envelope.original_content or b"",
                envelope_from=envelope.mail_from or "",
                envelope_to=envelope.rcpt_tos,
            )
        )
        return "250 2.0.0 Kept in the demo's inbox"


class _Controller(Controller):
    def factory(self) -> SMTP:
        # UTF-8 addresses are taken too, so that nothing is refused that a real server would take.
        return SMTP(
            self.handler, data_size_limit=MAX_MAIL_BYTES, enable_SMTPUTF8=True, ident="passwordless demo"
        )


class SmtpSink:
    """A mail server in a thread of its own; every mail ends in the mailbox."""

    def __init__(self, mailbox: Mailbox, *, port: int) -> None:
        self._controller = _Controller(_Sink(mailbox), hostname="127.0.0.1", port=port)

    def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()
