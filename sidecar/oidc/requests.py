"""What an authorization request must be, and in which order that is checked.

Client and redirect URI come first: until both are right, nothing is ever redirected (RFC 9700 §4.11.2). From then on
an error goes back to Keycloak with `state` and `iss` (RFC 6749 §4.1.2.1, RFC 9207).
"""

from __future__ import annotations

import re
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from sidecar.errors import InvalidRequest, SidecarError
from sidecar.model.authorization import AuthorizationRequest
from sidecar.oidc import CLIENT_ID
from sidecar.settings import Settings

_MAX_CHARS = 2048
#: What servers and proxies take as a request line, less method, path and protocol.
_MAX_QUERY_CHARS = 7_000
# RFC 7636 §4.2: BASE64URL(SHA256(verifier)) is 43 characters.
_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_UNSUPPORTED = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


class AuthorizationRefused(SidecarError):
    """The request is refused with an error of RFC 6749 §4.1.2.1 or OpenID Connect Core §3.1.2.6, to a checked URI."""

    code = "authorization_refused"

    def __init__(self, error: str, description: str, *, redirect_uri: str, state: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.redirect_uri = redirect_uri
        self.state = state


def parse(
    settings: Settings, realm: str, connection: str, parameters: MultiDict[str, str]
) -> AuthorizationRequest:
    """Check an authorization request.

    Raises:
        InvalidRequest: client or redirect URI are not ours; must not be redirected.
        AuthorizationRefused: anything else; goes back to Keycloak.
    """
    if parameters.getlist("client_id") != [CLIENT_ID]:
        raise InvalidRequest("the client_id is unknown")
    redirect_uri = settings.broker_redirect_uri(realm, connection)
    if parameters.getlist("redirect_uri") != [redirect_uri]:
        raise InvalidRequest(f"the redirect_uri is not {redirect_uri}")
    try:
        return _checked(parameters, redirect_uri)
    except _Refused as refused:
        state = parameters.getlist("state")
        raise AuthorizationRefused(
            refused.error,
            refused.description,
            redirect_uri=redirect_uri,
            state=state[0] if len(state) == 1 and len(state[0]) <= _MAX_CHARS else "",
        ) from None


def as_query(parameters: MultiDict[str, str]) -> str:
    """A posted request as the query of a GET (OpenID Connect Core §3.1.2.1 takes both), all that `parse` let through.

    Raises:
        AuthorizationRefused: it is too long for one.
    """
    query = urlencode(list(parameters.items(multi=True)))
    if len(query) > _MAX_QUERY_CHARS:
        raise AuthorizationRefused(
            "invalid_request",
            "the request is too long",
            redirect_uri=parameters["redirect_uri"],
            state=parameters["state"],
        )
    return query


class _Refused(Exception):
    def __init__(self, error: str, description: str) -> None:
        self.error = error
        self.description = description


def _checked(parameters: MultiDict[str, str], redirect_uri: str) -> AuthorizationRequest:
    for name in parameters:
        if len(parameters.getlist(name)) > 1:
            raise _Refused("invalid_request", "a parameter is given twice")
        if len(parameters[name]) > _MAX_CHARS:
            raise _Refused("invalid_request", "a parameter is too long")
    for name, error in _UNSUPPORTED.items():
        if name in parameters:
            raise _Refused(error, f"{name} is not supported")
    _check_response(parameters)
    _check_binding(parameters)
    _check_prompt(parameters)
    return AuthorizationRequest(
        client_id=CLIENT_ID,
        redirect_uri=redirect_uri,
        state=parameters["state"],
        nonce=parameters["nonce"],
        code_challenge=parameters["code_challenge"],
        ui_locales=parameters.get("ui_locales", ""),
        login_hint=parameters.get("login_hint", ""),
        send=_send(parameters),
    )


def _send(parameters: MultiDict[str, str]) -> str:
    """Our own parameter, which the application gives to Keycloak: what it does not name is as if it were not there."""
    asked = parameters.get("send", "")
    return asked if asked in {"code", "link"} else ""


def _check_response(parameters: MultiDict[str, str]) -> None:
    if parameters.get("response_type") != "code":
        raise _Refused("unsupported_response_type", "response_type must be code")
    if parameters.get("response_mode", "query") != "query":
        raise _Refused("invalid_request", "response_mode must be query")
    if "openid" not in parameters.get("scope", "").split(" "):
        raise _Refused("invalid_scope", "scope must contain openid")


def _check_binding(parameters: MultiDict[str, str]) -> None:
    # Required of everyone: RFC 9700 §2.1.1 for PKCE; without state and nonce the broker could be fed a foreign login.
    for name in ("state", "nonce", "code_challenge"):
        if not parameters.get(name):
            raise _Refused("invalid_request", f"{name} is missing")
    if parameters.get("code_challenge_method") != "S256":
        raise _Refused("invalid_request", "code_challenge_method must be S256")
    if not _S256_CHALLENGE.fullmatch(parameters["code_challenge"]):
        raise _Refused("invalid_request", "code_challenge is no S256 challenge")


def _check_prompt(parameters: MultiDict[str, str]) -> None:
    prompts = parameters.get("prompt", "").split(" ")
    if "none" in prompts:
        if len(prompts) > 1:
            raise _Refused("invalid_request", "prompt none stands alone")
        # No session is kept here, so there is never one to answer from.
        raise _Refused("login_required", "a person has to sign in")
    # Every login is a fresh one, so any max_age is met; it must only be one (OpenID Connect Core §3.1.2.1).
    max_age = parameters.get("max_age", "0")
    if not (max_age.isascii() and max_age.isdigit()):
        raise _Refused("invalid_request", "max_age is no number of seconds")
