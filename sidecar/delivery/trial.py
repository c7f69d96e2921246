"""What a template must be, seen from what it makes of made-up values: tried at start, so that no login finds out."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from sidecar.model.asker import Asker, Browser, System
from sidecar.model.challenge import Method
from sidecar.settings import Realm

CODE = "012345"
LINK_URL = "https://link.invalid/l/x"
NOT_ME_URL = "https://not-me.invalid/not-me/x"
#: No page of ours: a code may be typed at an application's.
HOST = "page.invalid"
MINUTES = 5
CHANGED_ADDRESS = "a•••@example.org"
ASKER = Asker(browser=Browser.FIREFOX, system=System.WINDOWS, city="Berlin", country="Germany")
ASKED_AT = 1_795_442_580_000

# Where a reader's click or a mail program's own look may lead.
# A scheme of any length would make the search quadratic.
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]{0,20}:)?//[^\s\"'<>]*", re.IGNORECASE)
_HARMLESS = ("mailto:", "tel:", "data:image/", "#")
_ATTRIBUTE = re.compile(
    r"\b(?:href|src|srcset|action|formaction|background|poster|cite|data)\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+)",
    re.IGNORECASE,
)
_STYLE_URL = re.compile(r"url\(\s*[\"']?([^)\"']*)", re.IGNORECASE)
#: Names of HTML and XML, which nothing opens.
_NAMES = ("http://www.w3.org/",)


def methods_of(realm: Realm) -> list[Method]:
    """What the realm's mails may bring: with `both`, an application may ask for one of them alone."""
    methods = {Method(it.method) for it in realm.connections.values() if it.strategy == "email"}
    return list(Method) if Method.BOTH in methods else sorted(methods or {Method.CODE})


def complaint(file: str, rendered: str, *, method: Method, hosts: Collection[str]) -> str | None:
    """What is wrong with a rendered template, or `None`; made with `CODE`, `LINK_URL` as far as the method has them.

    `hosts` are those that a link may name, beside our own two links.
    """
    if file == "subject.txt":
        is_one_line = len(rendered.strip().splitlines()) == 1
        return None if is_one_line else "makes a subject of several lines, or an empty one: write one line"
    if method.has_code and CODE not in rendered:
        return "leaves the code out: write {{ code }}"
    if method.has_link and LINK_URL not in rendered:
        return f"leaves the link out, with method {method.value}: write {{{{ link_url }}}}"
    foreign = sorted(
        {link for link in _links(rendered, is_html=file.endswith(".html")) if not _is_ours(link, hosts)}
    )
    if foreign:
        return (
            f"links to {foreign[0][:100]}: a message may only lead to us, to Keycloak, and to the hosts that"
            " the realm's link_hosts names"
        )
    return None


def line_of(what: str, source: str) -> int | None:
    """The line of a template that a complaint about a link is about, if the link stands there as it was rendered."""
    found = re.match(r"links to (?P<link>\S+?):? ", what)
    if not found:
        return None
    before, is_there, _ = source.partition(found["link"])
    return before.count("\n") + 1 if is_there else None


def text_message_complaint(rendered: str) -> str | None:
    """What is wrong with a text message, or `None`: a phone's notice shows its beginning, autofill reads its last line.

    The line is WICG's "SMS one-time codes": a phone offers the code at `HOST`, where it is typed, alone.
    """
    text = rendered.strip()
    if not text.startswith(CODE):
        return "does not begin with the code: write {{ code }} first"
    if text.splitlines()[-1] != f"@{HOST} #{CODE}":
        return (
            "does not end with the line that binds the code to its page: write @{{ host }} #{{ code }} last"
        )
    return None


def _links(rendered: str, *, is_html: bool) -> set[str]:
    text = rendered.replace(NOT_ME_URL, "").replace(LINK_URL, "")
    found = set(_URL.findall(text))
    if is_html:
        found |= {value.strip("\"' \t\r\n") for value in _ATTRIBUTE.findall(text)}
        found |= set(_STYLE_URL.findall(text))
    return found - {""}


def _is_ours(link: str, hosts: Collection[str]) -> bool:
    if link.lower().startswith((*_NAMES, *_HARMLESS)):
        return True
    try:
        parts = urlsplit(link)
        return parts.scheme in {"http", "https"} and parts.netloc.lower() in hosts
    except ValueError:
        return False
