"""Discovery and keys for the host of the face. The issuer is Keycloak's realm, for that is what tokens say."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from sidecar.api.sdk.desk import Desk
from sidecar.api.sdk.token import OTP_GRANT, PASSED_ON
from sidecar.errors import KeycloakUnavailable

_CACHE = {"Cache-Control": "public, max-age=300"}
#: What is as Keycloak says of itself, for it answers.
_AS_KEYCLOAK = (
    *(
        "response_types_supported",
        "response_modes_supported",
        "subject_types_supported",
        "acr_values_supported",
    ),
    *("id_token_signing_alg_values_supported", "scopes_supported", "claims_supported"),
    *("code_challenge_methods_supported", "authorization_response_iss_parameter_supported"),
)


def install(bp: Blueprint, desk: Desk) -> None:
    @bp.get("/.well-known/openid-configuration")
    def configuration() -> ResponseReturnValue:
        return jsonify(_metadata(desk)), _CACHE

    @bp.get("/.well-known/jwks.json")
    def jwks() -> ResponseReturnValue:
        return jsonify(_fetched(*desk.passing.jwks(desk.realm.name))), _CACHE


def _metadata(desk: Desk) -> dict[str, Any]:
    realm, base = desk.realm.name, desk.base_url
    theirs = _fetched(*desk.passing.configuration(realm))
    return {
        "issuer": desk.room.settings.keycloak.issuer(realm),
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/oauth/token",
        "userinfo_endpoint": f"{base}/userinfo",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "end_session_endpoint": f"{base}/oidc/logout",
        "grant_types_supported": [*PASSED_ON, OTP_GRANT],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        **{name: theirs[name] for name in _AS_KEYCLOAK if name in theirs},
    }


def _fetched(status: int, answer: object) -> dict[str, Any]:
    if status != 200 or not isinstance(answer, dict):  # noqa: PLR2004
        raise KeycloakUnavailable(f"Keycloak answered {status} to what is public")
    return answer
