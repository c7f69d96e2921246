"""Sign ID tokens and publish the realm's keys."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from sidecar.login.keys import KeyRing
from sidecar.model.signing import CACHE_S, KeyState, StoredKey
from sidecar.oidc.ports import KeyShelf
from sidecar.oidc.wrapping import ALGORITHM, Wrapping

__all__ = ["ALGORITHM", "SigningKeys"]


@dataclass(frozen=True, kw_only=True, repr=False)
class _RealmSigning:
    current: ECKey
    public: list[dict[str, Any]]
    read_at: float


class SigningKeys:
    """What it read is used for `CACHE_S`: so long a rotation takes to spread by itself, and a revocation to bind."""

    def __init__(self, shelf: KeyShelf, keys: KeyRing) -> None:
        self._shelf = shelf
        self._wrapping = Wrapping(keys)
        self._cache: dict[str, _RealmSigning] = {}
        self._lock = threading.Lock()

    def sign(self, realm: str, claims: dict[str, Any]) -> str:
        """A compact JWT (RFC 7519); algorithm and key are ours, nothing of a request chooses them."""
        key = self._realm(realm).current
        header = {"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}
        return jwt.encode(header, claims, key, algorithms=[ALGORITHM])

    def jwks(self, realm: str) -> dict[str, Any]:
        """The realm's JWK set (RFC 7517 §5): the key that signs, the next one, and retired ones for a while."""
        return {"keys": self._realm(realm).public}

    def ensure(self, realm: str) -> None:
        """Make the realm's first key, if it has none. Call it at start, so that no request waits for it."""
        self._realm(realm)

    def _realm(self, realm: str) -> _RealmSigning:
        cached = self._fresh(realm)
        if cached:
            return cached
        with self._lock:
            # Another thread may have read them while this one waited.
            cached = self._fresh(realm)
            if not cached:
                cached = self._cache[realm] = self._read(realm)
            return cached

    def _fresh(self, realm: str) -> _RealmSigning | None:
        cached = self._cache.get(realm)
        return cached if cached and time.monotonic() - cached.read_at < CACHE_S else None

    def _read(self, realm: str) -> _RealmSigning:
        # Before the read: what it answers may be as old as that.
        read_at = time.monotonic()
        stored = self._shelf.keys(realm)
        current = _current(stored)
        if current is None:
            self._shelf.add_first(realm, self._wrapping.new_key(realm))
            stored = self._shelf.keys(realm)
            current = next(key for key in stored if key.state is KeyState.CURRENT)
        return _RealmSigning(
            current=self._opened(realm, current),
            public=[json.loads(key.public_jwk) for key in stored],
            read_at=read_at,
        )

    def _opened(self, realm: str, stored: StoredKey) -> ECKey:
        """The private key; one that signs already is not unwrapped again at each read."""
        cached = self._cache.get(realm)
        if cached and cached.current.kid == stored.kid:
            return cached.current
        return self._wrapping.opened(realm, stored)


def _current(stored: list[StoredKey]) -> StoredKey | None:
    return next((key for key in stored if key.state is KeyState.CURRENT), None)
