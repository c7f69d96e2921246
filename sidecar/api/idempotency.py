"""The same start once more (draft-ietf-httpapi-idempotency-key-header): whose it is, and what was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sidecar.api.callers import Call
from sidecar.login.room import LoginRoom
from sidecar.model.challenge import Once

#: How the client proved itself is no part of what it asked: an assertion is another one each time.
_PROOFS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


def once(room: LoginRoom, call: Call, key: str, body: Mapping[str, str]) -> Once:
    """A key is its caller's: of one client, and of one browser where a browser's cookie came along."""
    asked = json.dumps({name: body[name] for name in sorted(body.keys() - _PROOFS)})
    whose = (call.client.realm, call.client.application, call.caller.kind, call.caller.browser_secret, key)
    return Once(
        key_macs=room.keys.macs("idempotency-key", *(part.encode() for part in whose)),
        body_macs=room.keys.macs("idempotency-body", *(part.encode() for part in (*whose, asked))),
    )
