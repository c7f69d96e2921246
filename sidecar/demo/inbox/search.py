"""The search language of the API, as Mailpit's: words and `field:word` terms, all of which must hold.

Fields are to, from, cc, bcc, reply-to, addressed (any of these), subject and message-id; further is:read, is:unread and
has:attachment. A term in double quotes may hold blanks, and `-` or `!` before one excludes. Case does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sidecar.demo.inbox.message import Address, Message

_TERM = re.compile(r'([-!]?)(?:([a-z-]+):)?(?:"([^"]*)"|(\S+))', re.IGNORECASE)


def matches(message: Message, query: str, *, is_read: bool = False) -> bool:
    """Say whether the message fits every term of the query."""
    for sign, name, quoted, bare in _terms(query):
        value = (quoted or bare).lower().strip()
        if value and _fits(message, name.lower(), value, is_read=is_read) == bool(sign):
            return False
    return True


def _terms(query: str) -> list[tuple[str, str, str, str]]:
    # `"to:ada@example.org"` and `to:"ada"` mean the same, so quotes around a whole term go first.
    return _TERM.findall(re.sub(r'"([a-z-]+:)([^"]*)"', r'\1"\2"', query, flags=re.IGNORECASE))


def _fits(message: Message, name: str, value: str, *, is_read: bool) -> bool:
    people = {
        "to": message.to,
        "from": (message.sender,) if message.sender else (),
        "cc": message.cc,
        "bcc": message.bcc,
        "reply-to": message.reply_to,
    }
    if name == "addressed":
        return any(_among(value, addresses) for addresses in people.values())
    if name in people:
        return _among(value, people[name])
    if name in {"is", "has"}:
        return {"read": is_read, "unread": not is_read}.get(
            value, value.startswith("attachment") and bool(message.attachments)
        )
    texts = {"subject": message.subject, "message-id": message.message_id}
    if name in texts:
        return value in texts[name].lower()
    return f"{name}:{value}" in _everything(message) if name else value in _everything(message)


def _among(value: str, addresses: Iterable[Address]) -> bool:
    return any(value in f"{shown.name} <{shown.address}>".lower() for shown in addresses)


def _everything(message: Message) -> str:
    addresses = (message.sender, *message.to, *message.cc, *message.bcc, *message.reply_to)
    people = " ".join(f"{shown.name} {shown.address}" for shown in addresses if shown)
    return f"{message.subject} {people} {message.text} {message.html}".lower()
