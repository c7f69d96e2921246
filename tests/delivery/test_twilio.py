"""Twilio against a server that speaks its API."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.delivery.ports import Rendered
from sidecar.delivery.twilio import Twilio
from sidecar.errors import DeliveryFailed, RecipientRefused
from sidecar.settings import Secret, TwilioProvider
from tests.gateway import ACCOUNT_SID, API_KEY, API_SECRET, AUTH_TOKEN, Gateway

CONTENT = Rendered(
    subject="", text="123456 is your code & yours only.\n\n@login.example.org #123456", html=""
)
NUMBER = "+4915123456789"
SERVICE = "MG0123456789abcdef0123456789abcdef"


@pytest.fixture
def gateway():
    with Gateway() as running:
        yield running


def twilio(gateway: Gateway, *, public_url: str = "https://login.example.org", **changed: Any) -> Twilio:
    values: dict[str, Any] = {
        "id": "twilio",
        "type": "twilio",
        "account_sid": ACCOUNT_SID,
        "auth_token": Secret(AUTH_TOKEN),
        "api_key": "",
        "api_secret": Secret(""),
        "messaging_service_sid": "",
        "sender": "+15005550006",
        "url": gateway.twilio_url,
        "timeout_s": 1,
        "private_network": True,
    }
    settings = TwilioProvider(**{**values, **changed})
    return Twilio(settings, public_url=public_url, sleep=lambda _: None)


def send(through: Twilio) -> str:
    return through.send(message_id="m1", destination=NUMBER, content=CONTENT, locale="en")


def test_a_text_goes_out_as_it_is_and_says_where_to_report(gateway):
    assert "gw-1" == send(twilio(gateway))

    assert {
        "To": NUMBER,
        "From": "+15005550006",
        "Body": CONTENT.text,
        "ValidityPeriod": "600",
        "StatusCallback": "https://login.example.org/callbacks/twilio/m1",
    } == gateway.texts[0].body


def test_a_messaging_service_picks_the_sender(gateway):
    send(twilio(gateway, sender="", messaging_service_sid=SERVICE))

    assert SERVICE == gateway.texts[0].body["MessagingServiceSid"]
    assert "From" not in gateway.texts[0].body


def test_an_api_key_signs_in_where_there_is_one(gateway):
    key = {"api_key": API_KEY, "api_secret": Secret(API_SECRET)}

    send(twilio(gateway, **key))
    send(twilio(gateway, **key, auth_token=Secret("")))

    assert 2 == len(gateway.texts)


def test_without_a_token_to_check_them_by_or_a_public_url_there_are_no_callbacks(gateway):
    send(twilio(gateway, auth_token=Secret(""), api_key=API_KEY, api_secret=Secret(API_SECRET)))
    send(twilio(gateway, public_url="http://localhost:5080"))

    assert ["", ""] == [text.status_callback for text in gateway.texts]


@pytest.mark.parametrize(
    ("status", "code", "is_final", "is_the_recipients"),
    [
        (400, 21211, True, True),
        (400, 21217, True, True),
        (400, 21610, True, True),
        (400, 21614, True, True),
        (400, 30003, True, True),
        (400, 30006, True, True),
        (400, 21408, False, True),
        (400, 21612, False, True),
        (400, 21606, False, False),
        (400, 0, False, False),
        (403, 20404, False, False),
        (404, 20404, False, False),
        (429, 20429, False, False),
        (500, 0, False, False),
        (503, 20503, False, False),
        (302, 0, False, False),
    ],
)
def test_a_refusal_says_whether_another_try_or_provider_can_help(
    gateway, status, code, is_final, is_the_recipients
):
    """D1: none of them is told to strangers, for a rehearsal meets none."""
    gateway.refuse(status, code)

    with pytest.raises(DeliveryFailed) as failed:
        send(twilio(gateway))

    assert is_final is failed.value.is_final
    assert is_the_recipients is isinstance(failed.value, RecipientRefused)
    assert failed.value.is_about_recipient
    assert NUMBER not in failed.value.reason


def test_a_wrong_token_is_the_accounts_matter(gateway):
    with pytest.raises(DeliveryFailed, match=r"401 \(20003\)") as failed:
        send(twilio(gateway, auth_token=Secret("wrong")))

    assert (False, False) == (failed.value.is_final, isinstance(failed.value, RecipientRefused))


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"sid": 5}', b'{"code": "21211"}', b"\xff"])
def test_an_answer_that_names_nothing_is_fine(gateway, answer):
    gateway.answer = answer

    assert "" == send(twilio(gateway))
