"""What was sent: one value for every channel, and how a mail becomes one."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any, Literal

_CODE = re.compile(r"(?<![\w/#.-])\d{6,8}(?![\w/-])")


@dataclass(frozen=True)
class Address:
    """Whom a message is from or to; `address` is an email address or a phone number."""

    name: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Attachment:
    part_id: str
    filename: str
    content_type: str
    content_id: str
    size: int
    is_inline: bool


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message as the sink got it. A text message has neither `html` nor a subject.

    Args:
        channel: what carried it.
        envelope_from: who sent it, as the protocol said (SMTP: MAIL FROM).
        envelope_to: who gets it, as the protocol said, letter by letter (SMTP: each RCPT TO).
        sender: from the message itself, `None` if it names nobody.
        created_at: when it came, by this machine's clock.
        raw: all of it, for whoever wants to look closer.
    """

    channel: Literal["email", "sms"]
    envelope_from: str
    envelope_to: tuple[str, ...]
    text: str
    raw: bytes
    html: str = ""
    subject: str = ""
    sender: Address | None = None
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    message_id: str = ""
    attachments: tuple[Attachment, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    id: str = field(default_factory=lambda: secrets.token_hex(11))
    created_at: int = field(default_factory=lambda: time.time_ns() // 1_000_000)

    @property
    def code(self) -> str:
        """The one-time code in it, from the subject or else the text; empty if there is none."""
        found = _CODE.search(self.subject) or _CODE.search(self.text)
        return found.group() if found else ""

    @property
    def snippet(self) -> str:
        """Its first 250 characters, in one line."""
        return " ".join((self.text or _plain(self.html)).split())[:250]

    def header(self, name: str) -> str:
        """The first header of that name, or an empty string."""
        return _first(self.headers, name.lower())


def message_from_mail(raw: bytes, *, envelope_from: str, envelope_to: Sequence[str]) -> Message:
    """Take a mail apart. Never fails: what can't be understood is shown as it is.

    Who gets it without standing in a header is a blind copy.
    """
    mail = message_from_bytes(raw, policy=policy.default)
    # Raw: the parser raises on some broken headers as soon as they are looked at.
    headers = [(name, _utf8(str(value))) for name, value in mail.raw_items()]
    to, cc = _addresses(headers, "to"), _addresses(headers, "cc")
    named = {address.address.lower() for address in (*to, *cc)}
    readable = tuple((name, _decoded(value)) for name, value in headers)
    return Message(
        channel="email",
        envelope_from=envelope_from,
        envelope_to=tuple(envelope_to),
        sender=next(iter(_addresses(headers, "from")), None),
        to=to,
        cc=cc,
        bcc=tuple(Address("", rcpt) for rcpt in envelope_to if rcpt.lower() not in named),
        reply_to=_addresses(headers, "reply-to"),
        subject=_first(readable, "subject"),
        message_id=_first(readable, "message-id").strip("<> "),
        text=_body(mail, "plain"),
        html=_body(mail, "html"),
        attachments=tuple(_attachments(mail)),
        headers=readable,
        raw=raw,
    )


def message_from_text(body: Mapping[str, Any], raw: bytes, *, message_id: str) -> Message | None:
    """A text message as a gateway is handed it (`recipient`, `body`, `sender`); `None` if it is none."""
    recipient, text = body.get("recipient"), body.get("body")
    if not isinstance(recipient, str) or not isinstance(text, str) or not recipient:
        return None
    sender = str(body.get("sender") or "")
    return Message(
        channel="sms",
        envelope_from=sender,
        envelope_to=(recipient,),
        to=(Address("", recipient),),
        text=text,
        raw=raw,
        message_id=message_id,
    )


def _utf8(raw_header: str) -> str:
    """Undo the parser's way of keeping bytes that are no ASCII (RFC 6532 headers are UTF-8)."""
    return raw_header.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _decoded(header: str) -> str:
    """A header's text with encoded words (RFC 2047) decoded and folds undone."""
    unfolded = " ".join(header.splitlines())
    try:
        return str(make_header(decode_header(unfolded)))
    except (LookupError, ValueError):  # an unknown charset, or bytes that are not in it
        return unfolded


def _first(headers: Iterable[tuple[str, str]], name: str) -> str:
    return next((value for key, value in headers if key.lower() == name), "")


def _addresses(headers: Iterable[tuple[str, str]], name: str) -> tuple[Address, ...]:
    """The addresses of a header; names are decoded after the commas between addresses were found."""
    values = [" ".join(value.splitlines()) for key, value in headers if key.lower() == name]
    return tuple(Address(_decoded(shown), address) for shown, address in getaddresses(values) if address)


def _body(parsed: EmailMessage, kind: str) -> str:
    part = parsed.get_body((kind,))
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    charset = part.get_content_charset() or "utf-8"
    try:
        text = raw.decode(charset, "replace")
    except LookupError:
        text = raw.decode("utf-8", "replace")
    return text.replace("\r\n", "\n")


def _attachments(parsed: EmailMessage) -> Iterable[Attachment]:
    if not parsed.is_multipart():
        return
    for number, part in enumerate(parsed.walk()):
        disposition = part.get_content_disposition()
        is_inline = disposition != "attachment" and "Content-ID" in part
        if part.is_multipart() or not (disposition == "attachment" or is_inline):
            continue
        payload = part.get_payload(decode=True)
        yield Attachment(
            part_id=str(number),
            filename=part.get_filename() or "",
            content_type=part.get_content_type(),
            content_id=str(part.get("Content-ID", "")).strip("<> "),
            size=len(payload) if isinstance(payload, bytes) else 0,
            is_inline=is_inline,
        )


def _plain(html: str) -> str:
    return re.sub(r"<[^>]*>", " ", re.sub(r"(?is)<(style|script|title)\b.*?</\1>", " ", html))
