"""Where providers say what became of a message. No person comes by here.

A callback changes a message's receipt and nothing else: no challenge, no code, no other message. Whatever is wrong with
one, its answer is the same.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from sidecar.errors import CallbackRefused
from sidecar.login.ports import Callbacks, Receipts
from sidecar.model.receipt import Callback

_log = structlog.get_logger()


def blueprint(callbacks: Mapping[str, Callbacks], receipts: Receipts) -> Blueprint:
    """`callbacks`: those of each provider that has a secret for them, by its name."""
    bp = Blueprint("callbacks", __name__, url_prefix="/callbacks")

    @bp.post("/<provider>/<message_id>")
    def take(provider: str, message_id: str) -> Response:
        try:
            receipt = _of(callbacks, provider).read(_callback(provider, message_id))
            receipts.note(message_id, provider=provider, receipt=receipt)
        except CallbackRefused as refusal:
            _log.warning("callback_refused", reason=str(refusal))
            return Response(status=404)
        return Response(status=204)

    return bp


def _of(callbacks: Mapping[str, Callbacks], provider: str) -> Callbacks:
    if provider not in callbacks:
        raise CallbackRefused("there is no such provider, or it has no secret for callbacks")
    return callbacks[provider]


def _callback(provider: str, message_id: str) -> Callback:
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise CallbackRefused("it is too long") from None
    return Callback(
        path=f"/callbacks/{provider}/{message_id}",
        message_id=message_id,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
    )
