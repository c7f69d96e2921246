"""private_key_jwt (RFC 7523 §3, OpenID Connect Core §9), checked against the keys of the realm that brokers us."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from sidecar.errors import ClientRefused
from sidecar.login.keys import KeyRing
from sidecar.model.client import ASSERTION_TYPE
from sidecar.oidc import CLIENT_ID
from sidecar.oidc.ports import RealmKeys, UsedAssertions
from sidecar.settings import Settings

ALGORITHM = "ES256"
_LEEWAY_S = 30
_MAX_LIFE_S = 3600
_MAX_CHARS = 4096


class ClientAuthentication:
    """Checks a client assertion once; a second use is refused."""

    def __init__(
        self, settings: Settings, realm_keys: RealmKeys, used: UsedAssertions, keys: KeyRing
    ) -> None:
        self._settings = settings
        self._realm_keys = realm_keys
        self._used = used
        self._keys = keys

    def authenticate(self, realm: str, connection: str, form: Mapping[str, str]) -> None:
        """Return if the form's assertion is the realm's, for this very endpoint, unused and in time.

        Raises:
            ClientRefused: it is not.
            KeycloakUnavailable: the realm's keys can't be had, so nobody is let in.
        """
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise ClientRefused("client_assertion_type is not jwt-bearer")
        if form.get("client_id", CLIENT_ID) != CLIENT_ID:
            raise ClientRefused("the client_id is unknown")
        assertion = form.get("client_assertion", "")
        if len(assertion) > _MAX_CHARS:
            raise ClientRefused("the assertion is too long")
        try:
            claims = self._claims(realm, connection, assertion)
        # RecursionError: what JSON nested a thousand deep makes of the parser.
        except (JoseError, ValueError, TypeError, RecursionError) as err:
            raise ClientRefused(f"the assertion is not valid: {type(err).__name__}") from err
        self._use(realm, connection, claims)

    def _claims(self, realm: str, connection: str, assertion: str) -> dict[str, Any]:
        header = jws.extract_compact(assertion.encode()).headers()
        key = self._key(realm, header)
        claims = jwt.decode(assertion, key, algorithms=[ALGORITHM]).claims
        jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": CLIENT_ID},
            sub={"essential": True, "value": CLIENT_ID},
            aud={"essential": True, "values": self._audiences(realm, connection)},
            exp={"essential": True},
            jti={"essential": True},
        ).validate(claims)
        if isinstance(claims["aud"], list) and len(claims["aud"]) != 1:
            raise ClientRefused("the assertion has several audiences")
        return claims

    def _key(self, realm: str, header: Mapping[str, Any]) -> ECKey:
        """The realm's own key of that id; keys that the assertion brings along (jwk, jku, x5c) are not looked at."""
        kid = header.get("kid")
        if header.get("alg") != ALGORITHM or not isinstance(kid, str):
            raise ClientRefused("the assertion is not signed with ES256 and a key id")
        published = self._realm_keys.jwks(realm, must_have_kid=kid).get("keys", [])
        for jwk in published if isinstance(published, list) else []:
            if jwk.get("kid") == kid and jwk.get("kty") == "EC" and jwk.get("use", "sig") == "sig":
                return ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y")})
        raise ClientRefused("the realm has no such ES256 key: run `passwordless plan` for the realm")

    def _audiences(self, realm: str, connection: str) -> list[str]:
        """The issuer, or the token endpoint as Keycloak was told it (it may go a back channel)."""
        issuer = self._settings.issuer(realm, connection)
        internal = issuer.replace(self._settings.server.public_url, self._settings.server.internal_url, 1)
        return [issuer, f"{issuer}/token", f"{internal}/token"]

    def _use(self, realm: str, connection: str, claims: Mapping[str, Any]) -> None:
        jti, now = claims["jti"], time.time()
        # Compared before anything is computed: `exp` may be an integer too large for a float.
        if not isinstance(jti, str) or not jti or claims["exp"] > now + _MAX_LIFE_S:
            raise ClientRefused("the assertion has no jti, or lives too long")
        jti_mac = self._keys.mac("assertion-jti", jti.encode())
        keep_s = int(claims["exp"] - now) + 2 * _LEEWAY_S
        if not self._used.use(realm=realm, connection=connection, jti_mac=jti_mac, keep_s=keep_s):
            raise ClientRefused("the assertion was used before")
