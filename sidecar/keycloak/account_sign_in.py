"""Signing in to the account page: an OpenID Connect client of the realm that proves itself by a key of its own.

Authlib walks the code flow; the ID token is read with joserfc, whose algorithms and claims are named here. The key is
derived from a server secret like those of the service accounts, and Keycloak is given its public half by `apply`.
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact
from requests import RequestException

from sidecar.errors import InvalidRequest, KeycloakUnavailable
from sidecar.keycloak.account_client import ACCOUNT_PAGE
from sidecar.keycloak.realm_keys import FetchedRealmKeys
from sidecar.keycloak.service_account import assertion, service_keys
from sidecar.model.client import ASSERTION_TYPE
from sidecar.model.own_account import SignedIn
from sidecar.settings import Settings

#: What Keycloak may sign ID tokens with: public keys only.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_LEEWAY_S = 60
#: What Keycloak says of an assertion by a key that it does not have.
_UNKNOWN_CLIENT = frozenset({"invalid_client", "unauthorized_client"})


class AccountSignIn:
    """`login.ports.SignIn` at the realms with `account_page = true`."""

    def __init__(self, settings: Settings, keys: FetchedRealmKeys) -> None:
        self._settings = settings
        self._keys = keys

    def begin(self, realm: str, *, state: str, nonce: str, code_verifier: str, max_age_s: int | None) -> str:
        extra = {"max_age": str(max_age_s)} if max_age_s is not None else {}
        url, _ = self._session(realm).create_authorization_url(
            self._settings.keycloak.endpoint(realm, "auth"),
            state=state,
            nonce=nonce,
            code_verifier=code_verifier,
            **extra,
        )
        return str(url)

    def finish(self, realm: str, *, code: str, nonce: str, code_verifier: str) -> SignedIn:
        claims = self._claims(realm, self._exchanged(realm, code, code_verifier), nonce)
        # Both by Keycloak's clock, so that ours may differ.
        age_s = claims["iat"] - claims["auth_time"]
        return SignedIn(account=claims["sub"], auth_age_s=max(0, age_s))

    def sign_out_url(self, realm: str) -> str:
        query = urlencode({"client_id": ACCOUNT_PAGE.client_id})
        return f"{self._settings.keycloak.endpoint(realm, 'logout')}?{query}"

    def _session(self, realm: str) -> OAuth2Session:
        return OAuth2Session(
            client_id=ACCOUNT_PAGE.client_id,
            # The assertion is in the body.
            token_endpoint_auth_method="none",  # noqa: S106
            scope="openid",
            redirect_uri=f"{self._settings.account_url(realm)}/callback",
            code_challenge_method="S256",
            default_timeout=self._settings.keycloak.timeout_s,
        )

    def _exchanged(self, realm: str, code: str, code_verifier: str) -> str:
        """The ID token of a code; a client that Keycloak does not know by one of our keys has not spent the code."""
        url = self._settings.keycloak.internal_endpoint(realm, "token")
        refused = "no key"
        try:
            for key in service_keys(self._settings, realm, ACCOUNT_PAGE):
                with self._session(realm) as session:
                    try:
                        token: dict[str, Any] = session.fetch_token(
                            url,
                            code=code,
                            grant_type="authorization_code",
                            code_verifier=code_verifier,
                            client_assertion_type=ASSERTION_TYPE,
                            client_assertion=assertion(key, self._issuer(realm), ACCOUNT_PAGE),
                            allow_redirects=False,
                        )
                    except AuthlibBaseError as err:
                        refused = str(err.error)
                        if refused not in _UNKNOWN_CLIENT:
                            break
                    else:
                        return str(token.get("id_token", ""))
        except (RequestException, ValueError) as err:
            raise KeycloakUnavailable(f"Keycloak did not answer at {url}: {type(err).__name__}") from err
        raise InvalidRequest(
            f"Keycloak refused the account page's code ({refused}): open the page again; if it stays so, run"
            f" `passwordless apply {realm}`"
        )

    def _claims(self, realm: str, id_token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token that is Keycloak's, for us and for this login (OpenID Connect Core §3.1.3.7).

        Raises:
            InvalidRequest: it is not.
        """
        registry = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self._issuer(realm)},
            aud={"essential": True, "value": ACCOUNT_PAGE.client_id},
            azp={"value": ACCOUNT_PAGE.client_id},
            nonce={"essential": True, "value": nonce},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            auth_time={"essential": True},
        )
        try:
            kid = str(extract_compact(id_token.encode()).headers().get("kid", ""))
            keys = KeySet.import_key_set(cast("Any", self._keys.jwks(realm, must_have_kid=kid)))
            claims = jwt.decode(id_token, keys, algorithms=_ALGORITHMS).claims
            registry.validate(claims)
        except (JoseError, ValueError) as err:
            raise InvalidRequest(
                f"Keycloak's ID token is not for this login ({type(err).__name__}): open the account page again"
            ) from err
        return dict(claims)

    def _issuer(self, realm: str) -> str:
        return self._settings.keycloak.issuer(realm)
