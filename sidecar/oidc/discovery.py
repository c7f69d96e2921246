"""Discovery (OpenID Connect Discovery §4) and the JWK set, per realm and connection."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from sidecar.login.room import LoginRoom
from sidecar.model.proof import ACR_SINGLE_FACTOR
from sidecar.model.signing import PUBLISHED_CACHE_S
from sidecar.oidc import assertion
from sidecar.oidc.signing import ALGORITHM, SigningKeys

_CACHE = f"public, max-age={PUBLISHED_CACHE_S}"


def blueprint(room: LoginRoom, signing: SigningKeys) -> Blueprint:
    bp = Blueprint("discovery", __name__, url_prefix="/realms/<realm>/<connection>")

    @bp.get("/.well-known/openid-configuration")
    def configuration(realm: str, connection: str) -> ResponseReturnValue:
        room.connection(realm, connection)
        return jsonify(metadata(room.settings.issuer(realm, connection), realm_locales(room, realm))), {
            "Cache-Control": _CACHE
        }

    @bp.get("/jwks")
    def jwks(realm: str, connection: str) -> ResponseReturnValue:
        room.connection(realm, connection)
        return jsonify(signing.jwks(realm)), {"Cache-Control": _CACHE}

    return bp


def realm_locales(room: LoginRoom, realm: str) -> list[str]:
    return list(room.settings.realms[realm].locales)


def metadata(issuer: str, locales: list[str]) -> dict[str, Any]:
    """Only what is really done; what is left out is refused."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/jwks",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": [assertion.ALGORITHM],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid"],
        "claims_supported": [
            *("iss", "sub", "aud", "iat", "exp", "auth_time", "nonce", "acr", "amr"),
            *("email", "email_verified", "phone_number", "phone_number_verified", "preferred_username"),
        ],
        "acr_values_supported": [ACR_SINGLE_FACTOR],
        "ui_locales_supported": locales,
        "prompt_values_supported": ["none", "login"],
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
