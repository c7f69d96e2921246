"""Whose a status callback is, by its signature, and what it says.

A webhook gateway signs as Standard Webhooks says (standardwebhooks.com, §Verifying webhook authenticity), Twilio in a
way of its own (twilio.com/docs/usage/security). What is signed names the message, so that no callback can be held
against another one. Ids are not kept: a receipt is written once, so a callback that is sent again changes nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from sidecar.errors import CallbackRefused
from sidecar.model.receipt import Callback, Receipt
from sidecar.settings import BASE64_SECRET, Secret

_TOLERANCE_S = 300
_MAX_SIGNATURES = 10
_MAX_FIELDS = 100
_OF_WEBHOOK = {"message.delivered": Receipt.DELIVERED, "message.undelivered": Receipt.UNDELIVERED}
_OF_TWILIO = {
    "delivered": Receipt.DELIVERED,
    "read": Receipt.DELIVERED,
    "undelivered": Receipt.UNDELIVERED,
    "failed": Receipt.UNDELIVERED,
}


class WebhookCallbacks:
    """`login.ports.Callbacks` of a webhook gateway: `{"type": "message.delivered", "data": {"message_id": "…"}}`."""

    def __init__(self, secret: Secret, *, now: Callable[[], float] = time.time) -> None:
        self._key = _key(secret.reveal())
        self._now = now

    def read(self, callback: Callback) -> Receipt | None:
        """What it says of its message; `None` for what is no end of it.

        Raises:
            CallbackRefused: unsigned, wrongly signed, older or newer than five minutes, or about another message.
        """
        event_id = callback.headers.get("webhook-id", "")
        timestamp = callback.headers.get("webhook-timestamp", "")
        signed = b".".join((event_id.encode(), timestamp.encode(), callback.body))
        mac = base64.b64encode(hmac.digest(self._key, signed, hashlib.sha256))
        given = callback.headers.get("webhook-signature", "").split(" ", _MAX_SIGNATURES)[:_MAX_SIGNATURES]
        if not any([hmac.compare_digest(b"v1," + mac, it.encode()) for it in given]):  # noqa: C419  # each is compared
            raise CallbackRefused("its signature is not right")
        if not event_id or not timestamp.isascii() or not timestamp.isdigit():
            raise CallbackRefused("it has no id or no time")
        if len(timestamp) > 12 or abs(self._now() - int(timestamp)) > _TOLERANCE_S:  # noqa: PLR2004  # longer than any time
            raise CallbackRefused("it is too old, or its time is yet to come")
        said = _json_object(callback.body)
        data = said.get("data")
        if not isinstance(data, dict) or data.get("message_id") != callback.message_id:
            raise CallbackRefused("it is about another message")
        kind = said.get("type")
        return _OF_WEBHOOK.get(kind) if isinstance(kind, str) else None


class TwilioCallbacks:
    """`login.ports.Callbacks` of Twilio: a form with `MessageStatus`. Its signature has no time and no id."""

    def __init__(self, auth_token: Secret, *, public_url: str) -> None:
        self._key = auth_token.reveal().encode()
        self._public_url = public_url

    def read(self, callback: Callback) -> Receipt | None:
        """As `WebhookCallbacks.read`; the signed URL names the message.

        Raises:
            CallbackRefused: unsigned or wrongly signed.
        """
        try:
            form = parse_qsl(
                callback.body.decode("ascii"),
                keep_blank_values=True,
                strict_parsing=True,
                max_num_fields=_MAX_FIELDS,
            )
        except ValueError:
            raise CallbackRefused("its body is no form") from None
        signed = f"{self._public_url}{callback.path}" + "".join(name + value for name, value in sorted(form))
        mac = base64.b64encode(hmac.digest(self._key, signed.encode(), hashlib.sha1))
        if not hmac.compare_digest(mac, callback.headers.get("x-twilio-signature", "").encode()):
            raise CallbackRefused("its signature is not right")
        return _OF_TWILIO.get(dict(form).get("MessageStatus", ""))


def _key(secret: str) -> bytes:
    """Standard Webhooks writes secrets in base64 behind a prefix; any other text is taken as it is."""
    if secret.startswith(BASE64_SECRET):
        return base64.b64decode(secret.removeprefix(BASE64_SECRET), validate=True)
    return secret.encode()


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    # RecursionError: what JSON nested a thousand deep makes of the parser.
    except (ValueError, RecursionError):
        raise CallbackRefused("its body is no JSON") from None
    return said if isinstance(said, dict) else {}
