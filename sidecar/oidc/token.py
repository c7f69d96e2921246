"""The token endpoint (RFC 6749 §4.1.3, OpenID Connect Core §3.1.3): client, then code, then its bindings."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets

import structlog
from flask import Blueprint, Request, jsonify, request
from flask.typing import ResponseReturnValue

from sidecar.errors import ClientRefused, KeycloakUnavailable, SidecarError
from sidecar.login.redeem import redeem
from sidecar.login.room import LoginRoom
from sidecar.model.proof import Grant
from sidecar.oidc import CLIENT_ID
from sidecar.oidc.assertion import ClientAuthentication
from sidecar.oidc.claims import ID_TOKEN_LIFETIME_S, id_token_claims
from sidecar.oidc.signing import SigningKeys

_log = structlog.get_logger()
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1
_FORM = "application/x-www-form-urlencoded"
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 §5.1


class TokenRefused(SidecarError):
    """An error of RFC 6749 §5.2; the text stays in the log."""

    code = "token_refused"

    def __init__(self, error: str, reason: str) -> None:
        super().__init__(f"{error}: {reason}")
        self.error = error
        self.reason = reason


def blueprint(room: LoginRoom, clients: ClientAuthentication, signing: SigningKeys) -> Blueprint:
    bp = Blueprint("token", __name__, url_prefix="/realms/<realm>/<connection>")

    @bp.post("/token")
    def token(realm: str, connection: str) -> ResponseReturnValue:
        room.connection(realm, connection)
        try:
            form = _form(request)
            clients.authenticate(realm, connection, form)
            grant = _redeemed(room, realm, connection, form)
        except ClientRefused as refused:
            _log.warning("client_refused", realm=realm, connection=connection, reason=str(refused))
            return jsonify(error="invalid_client"), 401, _NO_STORE
        except KeycloakUnavailable as unavailable:
            _log.error("realm_keys_unavailable", realm=realm, reason=str(unavailable))
            return jsonify(error="temporarily_unavailable"), 503, _NO_STORE
        except TokenRefused as refused:
            _log.warning("token_refused", realm=realm, connection=connection, reason=str(refused))
            return jsonify(error=refused.error), 400, _NO_STORE
        claims = id_token_claims(grant, issuer=room.settings.issuer(realm, connection))
        answer = {
            # RFC 6749 §5.1 requires one; nothing here accepts it, and it is stored nowhere.
            "access_token": secrets.token_urlsafe(32),
            "token_type": "Bearer",
            "expires_in": ID_TOKEN_LIFETIME_S,
            "scope": "openid",
            "id_token": signing.sign(realm, claims),
        }
        return jsonify(answer), _NO_STORE

    return bp


def _form(incoming: Request) -> dict[str, str]:
    """The body's parameters, each once; the query is not read (RFC 6749 §2.3.1, §3.2)."""
    if incoming.mimetype != _FORM:
        raise TokenRefused("invalid_request", "the body is no form")
    fields = incoming.form.to_dict(flat=False)
    if any(len(values) != 1 for values in fields.values()):
        raise TokenRefused("invalid_request", "a parameter is given twice")
    return {name: values[0] for name, values in fields.items()}


def _redeemed(room: LoginRoom, realm: str, connection: str, form: dict[str, str]) -> Grant:
    if form.get("grant_type") != "authorization_code":
        raise TokenRefused("unsupported_grant_type", "not authorization_code")
    for name in ("code", "redirect_uri", "code_verifier"):
        if not form.get(name):
            raise TokenRefused("invalid_request", f"{name} is missing")
    grant = redeem(room, realm=realm, connection=connection, unverified_auth_code=form["code"])
    if grant is None:
        raise TokenRefused("invalid_grant", "unknown, expired or used")
    # Spent by now, whatever follows: a code in the wrong hands is of no use to the right ones either.
    if grant.client_id != CLIENT_ID or grant.redirect_uri != form["redirect_uri"]:
        raise TokenRefused("invalid_grant", "made for another client or redirect URI")
    if not _verifies(form["code_verifier"], grant.code_challenge):
        raise TokenRefused("invalid_grant", "the code_verifier does not fit")
    return grant


def _verifies(code_verifier: str, code_challenge: str) -> bool:
    """RFC 7636 §4.6 for S256."""
    if not _VERIFIER.fullmatch(code_verifier):
        return False
    digest = hashlib.sha256(code_verifier.encode("ascii")).digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(expected, code_challenge)
