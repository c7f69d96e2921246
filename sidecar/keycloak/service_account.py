"""Our own accounts in a realm: clients that sign in with `private_key_jwt` (RFC 7523 §2.2), no stored secret.

There are two, for two powers: the command line's may change the realm and no user, the running sidecar's may change
users and not the realm. The private key of each is derived from a server secret and kept nowhere. Keycloak gets the
public half itself rather than an address to read it from: the tool works before the sidecar runs, and where Keycloak
can't reach it.
"""

from __future__ import annotations

import functools
import json
import secrets
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from sidecar.keycloak.admin import Admin, connect_by_assertion
from sidecar.login.keys import KeyRing
from sidecar.settings import Settings

ALGORITHM = "ES256"
_LIFE_S = 60
#: The order of P-256 (SP 800-186 §3.2.1.3).
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, kw_only=True)
class ServiceAccount:
    """One of them: its client, what its key is derived for, and its roles of `realm-management`."""

    client_id: str
    name: str
    purpose: str
    roles: tuple[str, ...]


#: What `apply` and `remove` write: realm, flows, keys and texts; clients' scopes; identity providers. And what they
#: read: which ways in a user has.
TOOL = ServiceAccount(
    client_id="passwordless-tool",
    name="Passwordless login's command line",
    purpose="tool-service-account",
    roles=("manage-clients", "manage-identity-providers", "manage-realm", "view-users"),
)
#: What a login may need: users found and changed.
SIDECAR = ServiceAccount(
    client_id="passwordless-sidecar",
    name="Passwordless login's sidecar",
    purpose="sidecar-service-account",
    roles=("manage-users",),
)


def connect_as_service_account(settings: Settings, realm: str, account: ServiceAccount = TOOL) -> Admin:
    """Sign in to the admin API as a service account of the realm.

    Under the newest server secret first, then under those before it: Keycloak may know the account by one of them yet.

    Raises:
        KeycloakUnavailable: not reachable, no such realm or account, or not by this key; the text says what to do.
    """
    # From the settings, not from what a server says of itself: nobody else gets an assertion made out to them.
    issuer = f"{settings.keycloak.url}/realms/{realm}"
    assertions = [
        functools.partial(assertion, key, issuer, account) for key in service_keys(settings, realm, account)
    ]
    return connect_by_assertion(settings, realm=realm, client_id=account.client_id, assertions=assertions)


def assertion(key: ECKey, issuer: str, account: ServiceAccount = TOOL) -> str:
    """One sign-in of the service account: for this issuer alone, once, and for a minute."""
    now = int(time.time())
    claims = {
        "iss": account.client_id,
        "sub": account.client_id,
        "aud": issuer,
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": now + _LIFE_S,
    }
    return jwt.encode({"alg": ALGORITHM, "kid": key.thumbprint()}, claims, key)


def service_keys(settings: Settings, realm: str, account: ServiceAccount = TOOL) -> list[ECKey]:
    """The account's private keys in the realm, one for each server secret, newest first."""
    ring = KeyRing(settings.server.secret_keys)
    return [_derived(ring, key_id, realm, account) for key_id in ring.ids]


def public_keys(settings: Settings, realm: str, account: ServiceAccount = TOOL) -> str:
    """What Keycloak checks the service account by: the public halves as a JWK Set, always in the same spelling."""
    keys = [
        {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}
        for key in service_keys(settings, realm, account)
    ]
    return json.dumps({"keys": keys}, sort_keys=True)


def _derived(ring: KeyRing, key_id: str, realm: str, account: ServiceAccount) -> ECKey:
    """A P-256 key out of 512 bits, so that the remainder shows no bias (FIPS 186-5 §A.2.1)."""
    seed = b"".join(ring.derive(key_id, account.purpose, realm.encode(), half) for half in (b"1", b"2"))
    number = int.from_bytes(seed, "big") % (_ORDER - 1) + 1
    private = ec.derive_private_key(number, ec.SECP256R1())
    return ECKey.import_key(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
