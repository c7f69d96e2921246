"""The server's secret keys: a list, newest first. The newest makes, every one of them accepts.

Each use has a purpose label of its own, so what was made for one step never serves another. Taking a key off the
list kills what was made under it: its codes, cookies and authorization codes no longer match anything.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from sidecar.settings import Secret

_KEY_ID_CHARS = 12


class KeyRing:
    """HMAC-SHA256 under the server's keys, by purpose (RFC 2104; the labels as RFC 5869 §3.2 advises)."""

    def __init__(self, secret_keys: Sequence[Secret]) -> None:
        self._keys = {self._id(key): key.reveal().encode() for key in secret_keys}

    @staticmethod
    def _id(key: Secret) -> str:
        return hmac.digest(key.reveal().encode(), b"passwordless/key-id", "sha256").hex()[:_KEY_ID_CHARS]

    @property
    def newest_id(self) -> str:
        return next(iter(self._keys))

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._keys)

    def derive(self, key_id: str, purpose: str, *parts: bytes) -> bytes:
        """32 bytes bound to key, purpose and parts.

        Raises:
            KeyError: the key is no longer on the list.
        """
        return hmac.digest(self._keys[key_id], _label(purpose, parts), hashlib.sha256)

    def mac(self, purpose: str, *parts: bytes) -> str:
        """The newest key's MAC, to store."""
        return self.derive(self.newest_id, purpose, *parts).hex()

    def macs(self, purpose: str, *parts: bytes) -> tuple[str, ...]:
        """Every key's MAC, to look up by."""
        return tuple(self.derive(key_id, purpose, *parts).hex() for key_id in self._keys)


def _label(purpose: str, parts: Sequence[bytes]) -> bytes:
    """Purpose and parts with their lengths, so that no two lists of parts read alike."""
    framed = (purpose.encode(), *parts)
    return b"passwordless" + b"".join(len(part).to_bytes(4, "big") + part for part in framed)
