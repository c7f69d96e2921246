"""The SMTP provider (RFC 5321), with STARTTLS or TLS, over a connection that is kept."""

from __future__ import annotations

import select
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from email.headerregistry import Address as HeaderAddress
from email.utils import formatdate, parseaddr
from functools import cached_property
from typing import IO

from sidecar.delivery.deadline import hung_up_after
from sidecar.delivery.mime import address_header, compose
from sidecar.delivery.outbound import Resolve, connect
from sidecar.delivery.ports import Rendered
from sidecar.errors import DeliveryFailed, RecipientRefused
from sidecar.settings import SmtpProvider

_READY = 220
_TRANSIENT = 400
_PERMANENT = 500
# Asked with NOOP after that long, for a middlebox may have forgotten it without a word.
_IDLE_S = 2.0
# One slow hand-over must not make each rehearsal after it hold the queue.
_LONGEST_REHEARSAL_S = 2.0
# Replies of a few hundred bytes are long ones.
_MAX_REPLY_BYTES = 64 * 1024


class Smtp:
    """Sends one message at a time to one recipient; `delivery.ports.Provider`."""

    def __init__(self, settings: SmtpProvider, *, resolve: Resolve | None = None) -> None:
        self.id = settings.id
        self.timeout_s = settings.timeout_s
        self._settings = settings
        self._resolve = resolve
        self._sender_name, self._sender = parseaddr(settings.sender)
        self._connection: smtplib.SMTP | None = None
        #: One that has not said hello yet.
        self._opening: smtplib.SMTP | None = None
        self._used_at = 0.0
        self._hand_over_s = 0.0
        self._lock = threading.Lock()

    def send(self, *, message_id: str, destination: str, content: Rendered, locale: str) -> str:
        message = self._compose(
            message_id=message_id, destination=destination, content=content, locale=locale
        )
        with self._lock, hung_up_after(self.timeout_s, self._socket):
            connection = self._reached()
            began = time.monotonic()
            try:
                self._hand_over(connection, message, destination)
            except smtplib.SMTPRecipientsRefused as err:
                status = next(iter(err.recipients.values()))[0]
                if status < _TRANSIENT:
                    raise DeliveryFailed("answered no SMTP", is_about_recipient=True) from err
                raise RecipientRefused(
                    f"recipient refused with {status}", is_final=status >= _PERMANENT
                ) from err
            except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as err:
                # A server may judge the recipient only now, so a stranger is not told.
                raise DeliveryFailed(
                    f"message refused with {err.smtp_code}",
                    is_final=err.smtp_code >= _PERMANENT,
                    is_about_recipient=True,
                ) from err
            except (OSError, smtplib.SMTPException) as err:
                # Nor of what only a message that is handed over can meet: a rehearsal would not.
                raise DeliveryFailed(f"broke off: {type(err).__name__}", is_about_recipient=True) from err
            except BaseException:
                self._drop()
                raise
            self._hand_over_s = min(_LONGEST_REHEARSAL_S, time.monotonic() - began)
        # SMTP has no name for it of its own: ours, the Message-ID, is in the mail.
        return ""

    def rehearse(self, *, message_id: str, destination: str, content: Rendered, locale: str) -> None:
        """Compose, connect, sign in, and wait for as long as the last hand-over took; nothing is handed over."""
        self._compose(message_id=message_id, destination=destination, content=content, locale=locale)
        with self._lock:
            with hung_up_after(self.timeout_s, self._socket):
                self._reached()
            time.sleep(self._hand_over_s)

    def _reached(self) -> smtplib.SMTP:
        """A connection that has said hello; what fails up to here says nothing of a recipient."""
        try:
            return self._connected()
        except (OSError, smtplib.SMTPException) as err:
            raise DeliveryFailed(f"not reachable: {type(err).__name__}") from err

    @cached_property
    def _from(self) -> str:
        return address_header("From", HeaderAddress(self._sender_name, addr_spec=self._sender))

    def _compose(self, *, message_id: str, destination: str, content: Rendered, locale: str) -> bytes:
        local, _, domain = destination.rpartition("@")
        recipient = address_header("To", HeaderAddress(username=local, domain=domain))
        # As it will stand on the wire: the header's own value still looks right where its writing decodes an encoded
        # word (=?utf-8?q?admin?=@… is sent as admin@…).
        written = "".join(recipient.split())
        if written != f"To:{destination}":
            raise RecipientRefused("the address does not survive the mail header", is_final=True)
        headers = [
            self._from,
            recipient,
            f"Date: {formatdate(usegmt=True)}",
            # The same for each try of a message, so that a second copy is known as one.
            f"Message-ID: <{message_id}@{self._sender.rpartition('@')[2]}>",
            "Auto-Submitted: auto-generated",  # RFC 3834 §5
            "X-Auto-Response-Suppress: All",
            f"Content-Language: {locale}",
        ]
        return compose(headers, content)

    def _hand_over(self, connection: smtplib.SMTP, message: bytes, destination: str) -> None:
        try:
            # The envelope is the stored address and nothing else; headers are never parsed for it.
            connection.sendmail(self._sender, [destination], message)
        except (smtplib.SMTPServerDisconnected, OSError):
            self._drop()
            raise
        self._used_at = time.monotonic()

    def _connected(self) -> smtplib.SMTP:
        if self._connection is not None:
            if self._is_surely_alive(self._connection):
                return self._connection
            try:
                if self._connection.noop()[0] == 250:  # noqa: PLR2004  # RFC 5321 §4.2.3: okay
                    return self._connection
            except (OSError, smtplib.SMTPException):
                pass  # the server closed an idle connection; a new one is opened below
            self._drop()
        self._connection = self._connect()
        return self._connection

    def _is_surely_alive(self, connection: smtplib.SMTP) -> bool:
        """One that was in use a moment ago and has nothing to say: a server that closes an idle one says so."""
        if connection.sock is None or time.monotonic() - self._used_at > _IDLE_S:
            return False
        poll = select.poll()
        poll.register(connection.sock, select.POLLIN)
        return not poll.poll(0)

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        connection = _Checked(self._reach, context if settings.security == "tls" else None, settings)
        self._opening = connection
        try:
            connection.open()
            if settings.security == "starttls":
                # Raises where the server does not offer it: a downgrade is never taken.
                connection.starttls(context=context)
            if settings.username:
                _sign_in(connection, settings)
            connection.ehlo_or_helo_if_needed()
        except BaseException:
            connection.close()
            raise
        finally:
            self._opening = None
        return connection

    def _socket(self) -> socket.socket | None:
        connection = self._opening or self._connection
        return connection.sock if connection is not None else None

    def _reach(self) -> socket.socket:
        settings = self._settings
        return connect(
            settings.host,
            settings.port,
            timeout_s=settings.timeout_s,
            private_network=settings.private_network,
            resolve=self._resolve,
        )

    def close(self) -> None:
        """Let go of the kept connection; the next message opens another."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Checked(smtplib.SMTP):
    """A connection that `delivery.outbound.connect` makes, to an address that is checked, as soon as it is opened."""

    def __init__(
        self, make: Callable[[], socket.socket], tls: ssl.SSLContext | None, settings: SmtpProvider
    ) -> None:
        self._make = make
        self._tls = tls
        self._port = settings.port
        super().__init__(timeout=settings.timeout_s)
        # The name that a certificate must be for.
        self._host = settings.host

    def open(self) -> None:
        status, greeting = self.connect(self._host, self._port)
        if status != _READY:
            raise smtplib.SMTPConnectError(status, greeting)

    # What SMTP_SSL overrides too.
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002
        sock = self._make()
        if self._tls is None:
            return sock
        try:
            return self._tls.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock.makefile("rb"))
        if isinstance(self.file, _Bounded):
            self.file.left = _MAX_REPLY_BYTES
        return super().getreply()


class _Bounded:
    """What a server says, as `smtplib` reads it: a reply of lines without end is no reply."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.left = 0

    def readline(self, size: int) -> bytes:
        line = self._file.readline(size)
        self.left -= len(line)
        if self.left < 0:
            raise OSError("a reply that is too long")
        return line

    def close(self) -> None:
        self._file.close()


def _sign_in(connection: smtplib.SMTP, settings: SmtpProvider) -> None:
    try:
        connection.login(settings.username, settings.password.reveal())
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPServerDisconnected) as err:
        # Some servers hang up at the second mechanism that is tried.
        raise DeliveryFailed("the user name or password was refused") from err
