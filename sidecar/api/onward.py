"""On to Keycloak's authorization endpoint, with what an application asks there."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from flask import redirect
from werkzeug.wrappers import Response as AnyResponse

from sidecar.errors import InvalidRequest
from sidecar.settings import Keycloak

#: Of RFC 6749 §4.1.1, RFC 7636 and OpenID Connect Core §3.1.2.1; what the application wants of Keycloak.
PASSED_ON = (
    *("redirect_uri", "response_type", "response_mode", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method", "ui_locales", "acr_values", "max_age", "prompt", "claims"),
)
_MAX_CHARS = 2048


def to_keycloak(
    keycloak: Keycloak, realm: str, client_id: str, wanted: Mapping[str, str], **ours: str
) -> AnyResponse:
    """Go on there: `wanted` of the application's own request, `ours` on top; what is empty is left out.

    Raises:
        InvalidRequest: a parameter is too long.
    """
    query = {"client_id": client_id, **wanted, **ours}
    if any(len(value) > _MAX_CHARS for value in query.values()):
        raise InvalidRequest("a parameter is too long")
    given = urlencode({name: value for name, value in query.items() if value})
    return redirect(f"{keycloak.endpoint(realm, 'auth')}?{given}", 303)
