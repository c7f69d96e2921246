"""A message as it goes over the wire: whatever the templates say comes back from a parser as it was."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.headerregistry import Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.delivery import mime
from sidecar.delivery.ports import Rendered

# What `str.splitlines` takes for the end of a line is one afterwards; a subject has been put on one line before.
_ONE_LINE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200)
_LINES = st.lists(_ONE_LINE, max_size=5).map("\n".join)
_HEADERS = ["From: Acme <login@acme.example>", "To: ada@example.org"]


def composed(subject: str = "123456 is your code", text: str = "123456\n", html: str = "<p>123456</p>\n"):
    content = Rendered(subject=subject, text=text, html=html)
    raw = mime.compose(_HEADERS, content)
    return raw, message_from_bytes(raw, policy=policy.default)


@given(subject=_ONE_LINE.map(lambda text: " ".join(text.split())), text=_LINES, html=_LINES)
def test_subject_and_texts_come_back(subject: str, text: str, html: str):
    raw, message = composed(subject, text, html)

    assert subject == str(message["Subject"])
    for kind, sent in (("plain", text), ("html", html)):
        part = message.get_body((kind,))
        assert sent.rstrip("\n").split("\n") == part.get_content().replace("\r\n", "\n").rstrip("\n").split(
            "\n"
        )
        assert "utf-8" == part.get_content_charset()
    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert not message.defects


@pytest.mark.parametrize("subject", ["=?utf-8?q?admin?=", "\N{BELL}", "a\rBcc: eve@example.org", "x" * 200])
def test_a_subject_that_is_not_plain_is_encoded_or_folded(subject: str):
    _, message = composed(subject)

    assert ["From", "To", "Subject", "MIME-Version", "Content-Type"] == message.keys()


@given(
    local=st.from_regex(r"[A-Za-z0-9_'&=~+-]+(\.[A-Za-z0-9_'&=~+-]+)*", fullmatch=True).filter(
        lambda local: len(local) <= 64
    ),
    domain=st.from_regex(r"[a-z0-9]{1,20}(\.[a-z0-9]{1,20}){1,3}", fullmatch=True),
)
def test_an_address_is_written_as_the_library_would(local: str, domain: str):
    """The short way and the long one give the same header."""
    address = Address(username=local, domain=domain)
    library = policy.SMTP.fold("To", policy.SMTP.header_factory("To", address))

    assert library == f"{mime.address_header('To', address)}\r\n"


def test_a_name_is_quoted_or_encoded_at_need():
    addresses = (Address("Acme, Inc.", "login", "acme.example"), Address("Æ", "login", "acme.example"))

    assert [
        'From: "Acme, Inc." <login@acme.example>',
        "From: =?utf-8?q?=C3=86?= <login@acme.example>",
    ] == [mime.address_header("From", address) for address in addresses]
