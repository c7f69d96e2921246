"""Text messages through Twilio's REST API (twilio.com/docs/messaging/api/message-resource).

Twilio knows no idempotency key: a message whose answer was lost may come twice, with one code. What became of it is
said later, at a URL that names it, under a signature (`delivery.callbacks`).
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from urllib.parse import urlencode

from sidecar.delivery.outbound import Answer, Outbound
from sidecar.delivery.ports import Rendered
from sidecar.delivery.rehearsal import Pace
from sidecar.errors import DeliveryFailed, RecipientRefused
from sidecar.settings import TwilioProvider

_TAKEN = range(200, 300)
#: Twilio gives up on a message that it could not pass on by then: no code lives longer.
_VALIDITY_S = 600
# twilio.com/docs/api/errors
#: No provider can reach them, or may: no number, no mobile, unsubscribed, switched off, blocked, unknown, a landline.
_NOBODY_CAN = frozenset({21211, 21217, 21421, 21610, 21614, 30003, 30004, 30005, 30006})
#: This account can't; another provider may: a country that is not enabled, a route that is not there.
_THIS_ONE_CANNOT = frozenset({21408, 21612, 21635})


class Twilio:
    """Sends one text at a time; `delivery.ports.Provider`."""

    def __init__(
        self, settings: TwilioProvider, *, public_url: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.id = settings.id
        self.timeout_s = settings.timeout_s
        self._settings = settings
        self._url = f"{settings.url}/2010-04-01/Accounts/{settings.account_sid}/Messages.json"
        # It calls no plain http and no localhost.
        self._callbacks = (
            f"{public_url}/callbacks/{self.id}" if settings.auth_token and public_url[:5] == "https" else ""
        )
        self._outbound = Outbound(timeout_s=settings.timeout_s, private_network=settings.private_network)
        self._pace = Pace(sleep)

    def send(self, *, message_id: str, destination: str, content: Rendered, locale: str) -> str:  # noqa: ARG002
        settings = self._settings
        form = {"To": destination, "Body": content.text, "ValidityPeriod": str(_VALIDITY_S)}
        if settings.messaging_service_sid:
            form["MessagingServiceSid"] = settings.messaging_service_sid
        else:
            form["From"] = settings.sender
        if self._callbacks:
            form["StatusCallback"] = f"{self._callbacks}/{message_id}"
        with self._pace.measured():
            answer = self._outbound.post(
                self._url,
                body=urlencode(form).encode(),
                headers={
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Authorization": f"Basic {self._credentials()}",
                },
            )
            _require_taken(answer)
        sid = answer.json().get("sid", "")
        return sid if isinstance(sid, str) else ""

    def rehearse(self, *, message_id: str, destination: str, content: Rendered, locale: str) -> None:  # noqa: ARG002
        self._outbound.reach(self._url)
        self._pace.keep()

    def close(self) -> None:
        self._outbound.close()

    def _credentials(self) -> str:
        settings = self._settings
        if settings.api_key:
            name, secret = settings.api_key, settings.api_secret
        else:
            name, secret = settings.account_sid, settings.auth_token
        return base64.b64encode(f"{name}:{secret.reveal()}".encode()).decode()


def _require_taken(answer: Answer) -> None:
    if answer.status in _TAKEN:
        return
    code = answer.json().get("code")
    if code in _NOBODY_CAN:
        raise RecipientRefused(f"recipient refused with {code}", is_final=True)
    if code in _THIS_ONE_CANNOT:
        raise RecipientRefused(f"recipient refused with {code}", is_final=False)
    known = f" ({code})" if isinstance(code, int) else ""
    # Credentials, settings, too many requests and failures of Twilio's own: another provider may take the message. A
    # rehearsal meets none of them, so a stranger is not told.
    raise DeliveryFailed(f"answered {answer.status}{known}", is_about_recipient=True)
