"""Access tokens of a realm, as its admins send them to the API (RFC 9068 in spirit; Keycloak's are older than it)."""

from __future__ import annotations

from typing import Any, cast

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from sidecar.errors import TokenRefused
from sidecar.keycloak.realm_keys import FetchedRealmKeys
from sidecar.model.admin import CLIENT_ID, RealmAdmin, Role
from sidecar.settings import Settings

#: What Keycloak may sign access tokens with: public keys only.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_LEEWAY_S = 30
_MAX_CHARS = 16_384
#: What Keycloak calls an access token in its claim `typ`; an ID token is "ID", a refresh token "Refresh".
_ACCESS = "Bearer"


class AdminTokens:
    """`api.ports.AdminTokens`, against the keys that the realm publishes.

    A token counts until it ends: a user who is disabled, or loses the role, may go on for its few minutes.
    """

    def __init__(self, settings: Settings, keys: FetchedRealmKeys) -> None:
        self._settings = settings
        self._keys = keys

    def check(self, realm: str, unverified_token: str) -> RealmAdmin:
        if len(unverified_token) > _MAX_CHARS:
            raise TokenRefused("it is too long")
        try:
            claims = self._claims(realm, unverified_token)
        # RecursionError: what JSON nested a thousand deep makes of the parser.
        except (JoseError, ValueError, TypeError, RecursionError) as err:
            raise TokenRefused(f"it is not valid: {type(err).__name__}") from err
        if claims.get("typ") != _ACCESS:
            raise TokenRefused("it is no access token")
        if "cnf" in claims:
            raise TokenRefused("it is bound to a key that whoever sends it has not shown (RFC 7800)")
        return RealmAdmin(user_id=claims["sub"], roles=_roles(claims))

    def _claims(self, realm: str, token: str) -> dict[str, Any]:
        """Keys that the token brings along (jwk, jku, x5c) are not looked at."""
        kid = extract_compact(token.encode()).headers().get("kid")
        if not isinstance(kid, str):
            raise TokenRefused("it names no key")
        published = self._keys.jwks(realm, must_have_kid=kid)
        its = [
            key for key in cast("list[dict[str, Any]]", published.get("keys", [])) if key.get("kid") == kid
        ]
        if not its or its[0].get("use", "sig") != "sig":
            raise TokenRefused("the realm has no such key")
        keys = KeySet.import_key_set(cast("Any", {"keys": its[:1]}))
        claims = jwt.decode(token, keys, algorithms=_ALGORITHMS).claims
        jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": f"{self._settings.keycloak.url}/realms/{realm}"},
            aud={"essential": True, "value": CLIENT_ID},
            sub={"essential": True},
            exp={"essential": True},
        ).validate(claims)
        if not isinstance(claims["sub"], str):
            raise TokenRefused("its subject is no text")
        return dict(claims)


def _roles(claims: dict[str, Any]) -> frozenset[Role]:
    """Those of our client alone; a realm role or another client's of the same name is none."""
    access = claims.get("resource_access")
    ours = access.get(CLIENT_ID) if isinstance(access, dict) else None
    named = ours.get("roles") if isinstance(ours, dict) else None
    known = {role.value: role for role in Role}
    return frozenset(known[it] for it in named or () if isinstance(it, str) and it in known)
