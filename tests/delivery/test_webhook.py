"""The webhook against a gateway that speaks real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from sidecar.delivery.ports import Rendered
from sidecar.delivery.webhook import Webhook
from sidecar.errors import DeliveryFailed
from sidecar.settings import Secret, WebhookProvider
from tests.gateway import CALLBACK_SECRET, SECRET, Gateway
from tests.stack import wait_until

CONTENT = Rendered(subject="", text="123456 is your code for Acme.\n\n@login.example.org #123456", html="")
NUMBER = "+4915123456789"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as running:
        yield running


def webhook(
    gateway: Gateway, *, timeout_s: int = 1, sleep: Any = lambda _: None, callback_secret: str = ""
) -> Webhook:
    settings = WebhookProvider(
        id="gateway",
        type="webhook",
        url=gateway.url,
        secret=Secret(SECRET),
        callback_secret=Secret(callback_secret),
        sender="Acme",
        timeout_s=timeout_s,
        private_network=True,
    )
    return Webhook(settings, issuer="https://login.example.org", sleep=sleep)


def send(through: Webhook, message_id: str = "m1") -> str:
    return through.send(message_id=message_id, destination=NUMBER, content=CONTENT, locale="pt-BR")


def test_a_text_arrives_as_it_is_and_the_gateways_name_for_it_is_kept(gateway):
    assert "gw-1" == send(webhook(gateway))

    assert {
        "recipient": NUMBER,
        "body": CONTENT.text,
        "sender": "Acme",
        "req": {"locale": "pt-BR"},
    } == gateway.texts[0].body


def test_a_gateway_with_a_secret_for_it_learns_where_to_say_what_became_of_a_message(gateway):
    through = webhook(gateway, callback_secret=CALLBACK_SECRET)

    send(through)

    url = "https://login.example.org/callbacks/gateway/m1"
    assert {"locale": "pt-BR", "status_callback": url} == gateway.texts[0].body["req"]


def test_its_token_is_good_for_this_gateway_this_message_and_a_minute(gateway):
    send(webhook(gateway))

    scheme, token = gateway.texts[0].headers["Authorization"].split(" ")
    claims = jwt.decode(token, OctKey.import_key(SECRET), algorithms=["HS256"]).claims
    assert "Bearer" == scheme
    assert ("https://login.example.org", gateway.url, "m1") == (claims["iss"], claims["aud"], claims["jti"])
    assert 60 == claims["exp"] - claims["iat"]


def test_a_second_try_of_a_message_has_the_same_key(gateway):
    through = webhook(gateway)
    send(through)
    send(through)
    send(through, "m2")

    assert ["m1", "m1", "m2"] == [text.headers["Idempotency-Key"] for text in gateway.texts]


@pytest.mark.parametrize(
    ("status", "is_final", "is_about_recipient"),
    [
        (500, False, True),
        (503, False, True),
        (429, False, True),
        (401, False, True),
        (302, False, True),
        (400, False, True),
        (404, True, True),
        (410, True, True),
        (422, True, True),
    ],
)
def test_a_refusal_says_whether_another_try_can_help(gateway, status, is_final, is_about_recipient):
    """D1: none of them is told, for a rehearsal meets none."""
    gateway.status = status

    with pytest.raises(DeliveryFailed) as failed:
        send(webhook(gateway))

    assert (is_final, is_about_recipient) == (failed.value.is_final, failed.value.is_about_recipient)
    assert NUMBER not in failed.value.reason


@pytest.mark.parametrize("fault", ["hangs", "drops"])
def test_no_answer_is_tried_again(gateway, fault):
    setattr(gateway, fault, True)

    with pytest.raises(DeliveryFailed) as failed:
        send(webhook(gateway))
    assert not failed.value.is_final
    # D1: it was reached, so a rehearsal would have ended well, and a stranger is told that it did.
    assert failed.value.is_about_recipient


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[1]", b'{"id": {"no": "text"}}', b"\xff"])
def test_an_answer_that_names_nothing_is_fine(gateway, answer):
    gateway.answer = answer

    assert send(webhook(gateway)) in {"", "gw-1"}


def test_a_rehearsal_connects_and_sends_nothing(gateway):
    slept: list[float] = []
    through = webhook(gateway, sleep=slept.append)
    send(through)

    through.rehearse(message_id="m2", destination=NUMBER, content=CONTENT, locale="en")

    wait_until(lambda: 2 == gateway.connections, "the rehearsal's connection")
    assert (1, 1) == (len(gateway.texts), len(slept))


@pytest.mark.parametrize("act", ["send", "rehearse"])
def test_a_gateway_that_is_away_fails_a_rehearsal_as_it_fails_any_message(act):
    gone = Gateway()

    with pytest.raises(DeliveryFailed) as failed:
        getattr(webhook(gone), act)(message_id="m1", destination=NUMBER, content=CONTENT, locale="en")
    assert (False, False) == (failed.value.is_final, failed.value.is_about_recipient)
