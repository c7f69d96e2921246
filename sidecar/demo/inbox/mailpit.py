"""Messages as JSON, in the shape of Mailpit's API v1 (mailpit.axllent.org, API reference).

Scripts and tests that speak to this inbox therefore speak to a Mailpit too. One key is our own: `Envelope` of a single
message holds what the protocol said, letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sidecar.demo.inbox.message import Address, Attachment, Message


def listing(
    page: Sequence[Message],
    *,
    found: Sequence[Message],
    stored: Sequence[Message],
    start: int,
    read: Collection[str],
) -> dict[str, Any]:
    """A page of messages: `found` are all that match, `stored` all there are, `read` the ids somebody looked at."""
    return {
        "total": len(stored),
        "unread": _unread(stored, read),
        "count": len(page),
        "messages_count": len(found),
        "messages_unread": _unread(found, read),
        "start": start,
        "tags": [],
        "messages": [_summary(message, is_read=message.id in read) for message in page],
    }


def single(message: Message) -> dict[str, Any]:
    """One message with its parts."""
    return {
        **_people(message),
        "ID": message.id,
        "MessageID": message.message_id,
        "ReturnPath": message.envelope_from,
        "Subject": message.subject,
        "ListUnsubscribe": _list_unsubscribe(message),
        "Date": _rfc3339(message.created_at),
        "Tags": [],
        "Username": "",
        "Text": message.text,
        "HTML": message.html,
        "Size": len(message.raw),
        "Inline": _parts(part for part in message.attachments if part.is_inline),
        "Attachments": _parts(part for part in message.attachments if not part.is_inline),
        "Envelope": {"From": message.envelope_from, "To": list(message.envelope_to)},
    }


def headers(message: Message) -> dict[str, list[str]]:
    """The headers, each name with all its values."""
    collected: dict[str, list[str]] = {}
    for name, value in message.headers:
        collected.setdefault(name, []).append(value)
    return collected


def info(*, version: str, messages: int, unread: int, uptime_s: int) -> dict[str, Any]:
    """What runs here, and how much it holds."""
    return {
        "Version": version,
        "LatestVersion": version,
        "Database": "memory",
        "DatabaseSize": 0,
        "Messages": messages,
        "Unread": unread,
        "Tags": {},
        "RuntimeStats": {"Uptime": uptime_s},
    }


def _unread(messages: Sequence[Message], read: Collection[str]) -> int:
    return sum(message.id not in read for message in messages)


def _summary(message: Message, *, is_read: bool) -> dict[str, Any]:
    return {
        **_people(message),
        "ID": message.id,
        "MessageID": message.message_id,
        "Read": is_read,
        "Subject": message.subject,
        "Created": _rfc3339(message.created_at),
        "Username": "",
        "Tags": [],
        "Size": len(message.raw),
        "Attachments": len(message.attachments),
        "Snippet": message.snippet,
    }


def _people(message: Message) -> dict[str, Any]:
    return {
        "From": _person(message.sender) if message.sender else None,
        "To": [_person(address) for address in message.to],
        "Cc": [_person(address) for address in message.cc],
        "Bcc": [_person(address) for address in message.bcc],
        "ReplyTo": [_person(address) for address in message.reply_to],
    }


def _person(address: Address) -> dict[str, str]:
    return {"Name": address.name, "Address": address.address}


def _parts(attachments: Iterable[Attachment]) -> list[dict[str, Any]]:
    return [
        {
            "PartID": part.part_id,
            "FileName": part.filename,
            "ContentType": part.content_type,
            "ContentID": part.content_id,
            "Size": part.size,
        }
        for part in attachments
    ]


def _list_unsubscribe(message: Message) -> dict[str, Any]:
    header = message.header("List-Unsubscribe")
    return {
        "Header": header,
        "Links": re.findall(r"<([^>]+)>", header),
        "Errors": "",
        "HeaderPost": message.header("List-Unsubscribe-Post"),
    }


def _rfc3339(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
