"""A message as it goes over the wire (RFC 5322, RFC 2046 §5.1.4).

Written here, since `EmailMessage` takes apart and folds each header anew: it took as long as the rest of a message's
way, the database included. What is not plain ASCII still goes through it.
"""

from __future__ import annotations

import binascii
import re
import secrets
from email import policy
from email.header import Header
from email.headerregistry import Address

from sidecar.delivery.ports import Rendered

# RFC 5322 §2.1.1: longer ones should be folded.
_MAX_LINE_CHARS = 78
_PLAIN_TEXT = re.compile(r"[\t\x20-\x7e]*")
# What stands in a header as it is: nothing that folding, quoting or an encoded word (RFC 2047) would change.
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9_'&=~+.-]+@[A-Za-z0-9.-]+")
_PLAIN_SUBJECT = re.compile(r"(?!.*=\?)[\x20-\x7e]*")


def address_header(name: str, address: Address) -> str:
    """A header with one address, folded at need, without the line's end."""
    written = f"{name}: {address.addr_spec}"
    if (
        not address.display_name
        and _PLAIN_ADDRESS.fullmatch(address.addr_spec)
        and len(written) <= _MAX_LINE_CHARS
    ):
        return written
    parsed = policy.SMTP.header_factory(name, address)
    return str(policy.SMTP.fold(name, parsed)).removesuffix("\r\n")


def compose(headers: list[str], content: Rendered) -> bytes:
    """The message with these headers, which are trusted to be well-formed, and the subject and both texts."""
    boundary = f"=_{secrets.token_hex(16)}"
    lines = [
        *headers,
        _subject(content.subject),
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{boundary}"',
        "",
        f"--{boundary}",
        *_part("plain", content.text),
        f"--{boundary}",
        *_part("html", content.html),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


def _subject(subject: str) -> str:
    written = f"Subject: {subject}"
    if _PLAIN_SUBJECT.fullmatch(subject) and len(written) <= _MAX_LINE_CHARS:
        return written
    return "Subject: " + Header(subject, "utf-8", header_name="Subject").encode(linesep="\r\n")


def _part(kind: str, text: str) -> list[str]:
    lines = text.splitlines()
    encoding = "7bit"
    if not all(len(line) <= _MAX_LINE_CHARS and _PLAIN_TEXT.fullmatch(line) for line in lines):
        encoding = "quoted-printable"
        joined = "\n".join(lines).encode("utf-8", "replace")
        lines = binascii.b2a_qp(joined, istext=True).decode("ascii").split("\n")
    return [
        f'Content-Type: text/{kind}; charset="utf-8"',
        f"Content-Transfer-Encoding: {encoding}",
        "",
        *lines,
    ]
