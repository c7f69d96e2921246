"""Text messages through an HTTP gateway of the operator's own.

A message is a POST of `{"recipient", "body", "sender", "req"}` with a bearer JWT (RFC 7519, RFC 6750) that is good for
this gateway and this minute only. The message's id is the token's `jti` and the `Idempotency-Key`: a gateway that has
seen it must not send it again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey

from sidecar.delivery.outbound import Answer, Outbound
from sidecar.delivery.ports import Rendered
from sidecar.delivery.rehearsal import Pace
from sidecar.errors import DeliveryFailed, RecipientRefused
from sidecar.settings import WebhookProvider

_TOKEN_LIFETIME_S = 60
_TAKEN = range(200, 300)
#: Worth another try as they are: too many requests, and what a gateway says of itself.
_FOR_NOW = frozenset({408, 425, 429})
_SERVER_ERROR = 500
#: What a gateway says of the recipient, rather than of the request.
_UNREACHABLE = frozenset({404, 410, 422})


class Webhook:
    """Sends one text at a time; `delivery.ports.Provider`."""

    def __init__(
        self, settings: WebhookProvider, *, issuer: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.id = settings.id
        self.timeout_s = settings.timeout_s
        self._settings = settings
        self._issuer = issuer
        self._key = OctKey.import_key(settings.secret.reveal())
        self._outbound = Outbound(timeout_s=settings.timeout_s, private_network=settings.private_network)
        self._pace = Pace(sleep)

    def send(self, *, message_id: str, destination: str, content: Rendered, locale: str) -> str:
        about = {"locale": locale}
        if self._settings.callback_secret:
            about["status_callback"] = f"{self._issuer}/callbacks/{self.id}/{message_id}"
        body = {
            "recipient": destination,
            "body": content.text,
            "sender": self._settings.sender,
            "req": about,
        }
        with self._pace.measured():
            answer = self._outbound.post(
                self._settings.url,
                body=json.dumps(body).encode(),
                headers={
                    "Content-Type": "application/json",
                    "Authorization": f"Bearer {self._token(message_id)}",
                    "Idempotency-Key": message_id,
                },
            )
            _require_taken(answer)
        return _reference(answer)

    def rehearse(self, *, message_id: str, destination: str, content: Rendered, locale: str) -> None:  # noqa: ARG002
        self._outbound.reach(self._settings.url)
        self._pace.keep()

    def close(self) -> None:
        self._outbound.close()

    def _token(self, message_id: str) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._settings.url,
            "iat": now,
            "exp": now + _TOKEN_LIFETIME_S,
            "jti": message_id,
        }
        return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, self._key, algorithms=["HS256"])


def _require_taken(answer: Answer) -> None:
    status = answer.status
    if status in _TAKEN:
        return
    if status in _UNREACHABLE:
        raise RecipientRefused(f"recipient refused with {status}", is_final=True)
    # The others, credentials and redirects among them, are the gateway's matter: another provider may take the message.
    is_passing = status in _FOR_NOW or status >= _SERVER_ERROR
    reason = f"answered {status}" if is_passing else f"refused us with {status}"
    # A rehearsal meets none of them, so a stranger is not told.
    raise DeliveryFailed(reason, is_about_recipient=True)


def _reference(answer: Answer) -> str:
    """What the gateway calls the message, for its support."""
    found = answer.json()
    named = found.get("id", found.get("message_id", ""))
    return str(named)[:200] if isinstance(named, str | int) else ""
