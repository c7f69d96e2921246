"""The tool's own account in a realm: a client that signs in with `private_key_jwt` (RFC 7523 §2.2), no stored secret.

Its private key is derived from a server secret and kept nowhere. Keycloak gets the public half itself rather than an
address to read it from: the tool works before the sidecar runs, and where Keycloak can't reach it.
"""

from __future__ import annotations

import functools
import json
import secrets
import time

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from sidecar.keycloak.admin import Admin, connect_by_assertion
from sidecar.login.keys import KeyRing
from sidecar.settings import Settings

CLIENT_ID = "passwordless-tool"
ALGORITHM = "ES256"
_PURPOSE = "tool-service-account"
_LIFE_S = 60
#: The order of P-256 (SP 800-186 §3.2.1.3).
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def connect_as_service_account(settings: Settings, realm: str) -> Admin:
    """Sign in to the admin API as the realm's service account.

    Under the newest server secret first, then under those before it: Keycloak may know the account by one of them yet.

    Raises:
        KeycloakUnavailable: not reachable, no such realm or account, or not by this key; the text says what to do.
    """
    # From the settings, not from what a server says of itself: nobody else gets an assertion made out to them.
    issuer = f"{settings.keycloak.url}/realms/{realm}"
    assertions = [functools.partial(assertion, key, issuer) for key in service_keys(settings, realm)]
    return connect_by_assertion(settings, realm=realm, client_id=CLIENT_ID, assertions=assertions)


def assertion(key: ECKey, issuer: str) -> str:
    """One sign-in of the service account: for this issuer alone, once, and for a minute."""
    now = int(time.time())
    claims = {
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "aud": issuer,
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": now + _LIFE_S,
    }
    return jwt.encode({"alg": ALGORITHM, "kid": key.thumbprint()}, claims, key)


def service_keys(settings: Settings, realm: str) -> list[ECKey]:
    """The realm's private keys, one for each server secret, newest first."""
    ring = KeyRing(settings.server.secret_keys)
    return [_derived(ring, key_id, realm) for key_id in ring.ids]


def public_keys(settings: Settings, realm: str) -> str:
    """What Keycloak checks the service account by: the public halves as a JWK Set, always in the same spelling."""
    keys = [
        {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}
        for key in service_keys(settings, realm)
    ]
    return json.dumps({"keys": keys}, sort_keys=True)


def _derived(ring: KeyRing, key_id: str, realm: str) -> ECKey:
    """A P-256 key out of 512 bits, so that the remainder shows no bias (FIPS 186-5 §A.2.1)."""
    seed = b"".join(ring.derive(key_id, _PURPOSE, realm.encode(), half) for half in (b"1", b"2"))
    number = int.from_bytes(seed, "big") % (_ORDER - 1) + 1
    private = ec.derive_private_key(number, ec.SECP256R1())
    return ECKey.import_key(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
