"""Make a signing key, and open a stored one: ES256, the private half wrapped by a server secret (RFC 7516)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey

from sidecar.errors import SettingsError
from sidecar.login.keys import KeyRing
from sidecar.model.signing import NewKey, StoredKey

ALGORITHM = "ES256"
_PURPOSE = "wrap-signing-key"
_WRAP = {"alg": "dir", "enc": "A256GCM"}


class Wrapping:
    """Wraps under the newest server secret, opens under all."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def new_key(self, realm: str) -> NewKey:
        """A fresh key of the realm."""
        key = ECKey.generate_key("P-256", private=True)
        kid = key.thumbprint()  # RFC 7638: the same key never gets two names
        public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
        private = {**key.as_dict(private=True), "kid": kid}
        return self._wrapped(realm, kid, json.dumps(public), private)

    def rewrapped(self, realm: str, stored: StoredKey) -> NewKey:
        """The same key under the newest secret.

        Raises:
            SettingsError: no secret on the list opens it.
        """
        private = self.opened(realm, stored).as_dict(private=True)
        return self._wrapped(realm, stored.kid, stored.public_jwk, private)

    def opened(self, realm: str, stored: StoredKey) -> ECKey:
        """The private key.

        Raises:
            SettingsError: no secret on the list opens it.
        """
        try:
            wrapping_key = self._wrapping_key(stored.key_id, realm)
            opened = jwe.decrypt_compact(
                stored.wrapped_private_jwk, wrapping_key, algorithms=list(_WRAP.values())
            )
        except (KeyError, JoseError) as err:
            raise SettingsError(
                f"server.secret_keys: none of them opens the signing key of realm {realm}: put the key back "
                f"that was on the list when it was made (id {stored.key_id}), run `passwordless keys rewrap`,"
                " and take it off then"
            ) from err
        return ECKey.import_key(json.loads(opened.plaintext or b""))

    def _wrapped(self, realm: str, kid: str, public_jwk: str, private: Mapping[str, Any]) -> NewKey:
        key_id = self._keys.newest_id
        header = {**_WRAP, "kid": key_id}
        wrapped = jwe.encrypt_compact(header, json.dumps(private).encode(), self._wrapping_key(key_id, realm))
        return NewKey(kid=kid, public_jwk=public_jwk, wrapped_private_jwk=wrapped, key_id=key_id)

    def _wrapping_key(self, key_id: str, realm: str) -> OctKey:
        return OctKey.import_key(self._keys.derive(key_id, _PURPOSE, realm.encode()))
