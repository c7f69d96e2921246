"""The way back to Keycloak: a redirect to the checked redirect URI (RFC 6749 §4.1.2)."""

from __future__ import annotations

from urllib.parse import urlencode

from sidecar.model.authorization import AuthorizationRequest


def redirect_url(redirect_uri: str, *, issuer: str, state: str, **answer: str) -> str:
    """`iss` is in every answer, errors included (RFC 9207 §2). `redirect_uri` must be a checked one."""
    return f"{redirect_uri}?{urlencode({**answer, 'state': state, 'iss': issuer})}"


def answer_url(authorization: AuthorizationRequest, *, issuer: str, code: str) -> str:
    return redirect_url(authorization.redirect_uri, issuer=issuer, state=authorization.state, code=code)


def denied_url(authorization: AuthorizationRequest, *, issuer: str) -> str:
    """The person gave up: Keycloak shows its login page again."""
    return redirect_url(
        authorization.redirect_uri,
        issuer=issuer,
        state=authorization.state,
        error="access_denied",
        error_description="the person went back",
    )
