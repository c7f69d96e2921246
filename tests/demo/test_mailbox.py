"""The mailbox, and what a message knows of itself."""

from __future__ import annotations

import pytest

from sidecar.demo.inbox import Address, Mailbox, Message


def sms(text: str = "x", raw: bytes = b"x") -> Message:
    return Message(
        channel="sms",
        envelope_from="Acme",
        envelope_to=("+4915112345678",),
        to=(Address("", "+4915112345678"),),
        text=text,
        raw=raw,
    )


def test_the_oldest_message_goes_when_there_are_too_many():
    mailbox = Mailbox(max_messages=2)
    for text in "abc":
        mailbox.add(sms(text))
    assert [message.text for message in mailbox.all()] == ["c", "b"]


def test_the_oldest_message_goes_when_there_are_too_many_bytes():
    mailbox = Mailbox(max_bytes=100)
    for text in "abc":
        mailbox.add(sms(text, raw=b"x" * 40))
    assert [message.text for message in mailbox.all()] == ["c", "b"]


def test_one_message_is_kept_however_large():
    mailbox = Mailbox(max_bytes=10)
    mailbox.add(sms(raw=b"x" * 40))
    assert len(mailbox.all()) == 1


def test_what_is_gone_counts_no_more():
    mailbox = Mailbox(max_bytes=100)
    for _ in range(10):
        message = sms(raw=b"x" * 60)
        mailbox.add(message)
        mailbox.mark_read(message.id)
        mailbox.delete([message.id])
    for _ in range(2):
        mailbox.add(sms(raw=b"x" * 40))
    assert len(mailbox.all()) == 2
    assert mailbox.read_ids() == frozenset()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("123456 is your code for Acme", "123456"),
        ("Your code: 87654321.", "87654321"),
        ("@acme.example #123456", ""),
        ("Call +4915112345678", ""),
        ("order-123456-x", ""),
        ("12345", ""),
    ],
)
def test_a_one_time_code_is_found_and_other_numbers_are_not(text, code):
    assert sms(text).code == code
