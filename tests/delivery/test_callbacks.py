"""F2: a status callback is believed by its signature, in its time, about the message that it names."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from sidecar.delivery.callbacks import TwilioCallbacks, WebhookCallbacks
from sidecar.errors import CallbackRefused
from sidecar.model.receipt import Callback, Receipt
from sidecar.settings import Secret
from tests.gateway import CALLBACK_SECRET as SECRET
from tests.gateway import signed

NOW = 1_800_000_000
DELIVERED = {"type": "message.delivered", "data": {"message_id": "m1"}}


def read(body: Any, headers: dict[str, str] | None = None, secret: str = SECRET, **signing: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = signed(secret.encode(), raw, **{"at": str(NOW), **signing}) if headers is None else headers
    callback = Callback(path="/callbacks/gateway/m1", message_id="m1", headers=headers, body=raw)
    return WebhookCallbacks(Secret(SECRET), now=lambda: NOW).read(callback)


@pytest.mark.parametrize(
    ("kind", "receipt"),
    [
        ("message.delivered", Receipt.DELIVERED),
        ("message.undelivered", Receipt.UNDELIVERED),
        ("message.queued", None),
        (["message.delivered"], None),
        (None, None),
    ],
)
def test_a_signed_word_about_the_message_is_read(kind, receipt):
    assert receipt is read({**DELIVERED, "type": kind})


@pytest.mark.parametrize("at", [NOW - 300, NOW + 300])
def test_five_minutes_are_in_time(at):
    assert Receipt.DELIVERED is read(DELIVERED, at=str(at))


@pytest.mark.parametrize(
    "at", [str(NOW - 301), str(NOW + 301), "0", "", "-1", "1e9", "soon", "9" * 5000, "١٨٠٠٠٠٠٠٠٠"]
)
def test_what_is_older_newer_or_no_time_is_refused(at):
    with pytest.raises(CallbackRefused):
        read(DELIVERED, at=at)


def test_another_key_is_refused():
    with pytest.raises(CallbackRefused):
        read(DELIVERED, secret="another-secret-of-this-test-run-0123456789")


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", [None, "", "e2", "v1,", "v1a,AAAA", "v2,AAAA"])
def test_each_signed_part_is_signed(changed, value):
    headers = signed(SECRET.encode(), json.dumps(DELIVERED).encode(), at=NOW)
    headers.pop(changed)
    if value is not None:
        headers[changed] = value

    with pytest.raises(CallbackRefused):
        read(DELIVERED, headers)


def test_another_body_under_a_right_signature_is_refused():
    headers = signed(
        SECRET.encode(), json.dumps({**DELIVERED, "type": "message.undelivered"}).encode(), at=NOW
    )

    with pytest.raises(CallbackRefused):
        read(DELIVERED, headers)


def test_one_right_signature_of_several_is_enough():
    """A gateway that changes its key signs with both for a while."""
    headers = signed(SECRET.encode(), json.dumps(DELIVERED).encode(), at=NOW)
    headers["webhook-signature"] = f"v1,AAAA v1a,BBBB {headers['webhook-signature']}"

    assert Receipt.DELIVERED is read(DELIVERED, headers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        {"type": "message.delivered"},
        {"type": "message.delivered", "data": {"message_id": "m2"}},
        {"type": "message.delivered", "data": {"message_id": ["m1"]}},
        {"type": "message.delivered", "data": "m1"},
    ],
)
def test_a_signed_body_that_is_not_about_the_message_is_refused(body):
    """Else a word about one message could be held against another one."""
    with pytest.raises(CallbackRefused):
        read(body)


def test_the_standards_own_example_is_right():
    """standardwebhooks.com: its signature is right, and what it says is not about a message of ours."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    callback = Callback(path="", message_id="m1", headers=headers, body=b'{"test": 2432232314}')
    secret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    with pytest.raises(CallbackRefused, match="about another message"):
        WebhookCallbacks(secret, now=lambda: 1614265330).read(callback)


def test_a_secret_in_base64_signs_as_the_standard_says():
    key = bytes(range(32))
    body = json.dumps(DELIVERED).encode()
    callback = Callback(path="", message_id="m1", headers=signed(key, body, at=NOW), body=body)
    secret = Secret(f"whsec_{base64.b64encode(key).decode()}")

    assert Receipt.DELIVERED is WebhookCallbacks(secret, now=lambda: NOW).read(callback)


TOKEN = "0123456789abcdef0123456789abcdef"
PUBLIC_URL = "https://login.example.org/passwordless"
FORM = {"MessageStatus": "delivered", "MessageSid": "SM1", "To": "+4915123456789", "ErrorCode": ""}


def of_twilio(
    form: Any = FORM,
    *,
    token: str = TOKEN,
    signed_url: str = f"{PUBLIC_URL}/callbacks/twilio/m1",
    path: str = "/callbacks/twilio/m1",
    body: bytes | None = None,
) -> Any:
    pairs = sorted(form.items() if isinstance(form, dict) else form)
    text = signed_url + "".join(name + value for name, value in pairs)
    mac = base64.b64encode(hmac.digest(token.encode(), text.encode(), hashlib.sha1)).decode()
    raw = urlencode(form).encode() if body is None else body
    callback = Callback(path=path, message_id="m1", headers={"x-twilio-signature": mac}, body=raw)
    return TwilioCallbacks(Secret(TOKEN), public_url=PUBLIC_URL).read(callback)


@pytest.mark.parametrize(
    ("status", "receipt"),
    [
        ("delivered", Receipt.DELIVERED),
        ("read", Receipt.DELIVERED),
        ("undelivered", Receipt.UNDELIVERED),
        ("failed", Receipt.UNDELIVERED),
        ("queued", None),
        ("sending", None),
        ("sent", None),
        ("", None),
    ],
)
def test_what_twilio_says_is_read(status, receipt):
    assert receipt is of_twilio({**FORM, "MessageStatus": status})


@pytest.mark.parametrize(
    "forged",
    [
        {"token": "0123456789abcdef0123456789abcdee"},
        {"signed_url": "https://login.example.org/callbacks/twilio/m1"},
        {"path": "/callbacks/twilio/m2"},
        {"path": "/callbacks/other/m1"},
        {"body": urlencode({**FORM, "MessageStatus": "failed"}).encode()},
        {"body": urlencode({**FORM, "More": "x"}).encode()},
        {"body": b""},
        {"body": b"\xff"},
        {"body": b"&".join([b"a=1"] * 1000)},
    ],
)
def test_what_twilio_did_not_sign_is_refused(forged):
    with pytest.raises(CallbackRefused):
        of_twilio(**forged)


def test_twilios_own_example_is_right():
    """twilio.com/docs/usage/security: what is signed is the URL and the sorted fields."""
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    callback = Callback(
        path="/myapp.php?foo=1&bar=2",
        message_id="m1",
        headers={"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
        body=urlencode(form).encode(),
    )

    assert TwilioCallbacks(Secret("12345"), public_url="https://mycompany.com").read(callback) is None


def test_without_a_signature_nothing_of_twilio_is_believed():
    callback = Callback(
        path="/callbacks/twilio/m1", message_id="m1", headers={}, body=urlencode(FORM).encode()
    )

    with pytest.raises(CallbackRefused):
        TwilioCallbacks(Secret(TOKEN), public_url=PUBLIC_URL).read(callback)
