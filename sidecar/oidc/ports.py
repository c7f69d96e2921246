"""What the provider needs of the others."""

from __future__ import annotations

from typing import Protocol

from sidecar.model.signing import NewKey, StoredKey


class KeyShelf(Protocol):
    """Where signing keys are kept, wrapped."""

    def keys(self, realm: str) -> list[StoredKey]:
        """A realm's published keys, newest first."""
        ...

    def add_first(self, realm: str, key: NewKey) -> None:
        """Make this the realm's key from now on, unless one signs already."""
        ...


class KeyCabinet(KeyShelf, Protocol):
    """The shelf as an admin uses it."""

    def add_next(self, realm: str, key: NewKey, *, after_s: int, by: str) -> StoredKey:
        """Publish a key that signs in `after_s`; `by`: who wants it, for the ledger; empty: an operator.

        Raises:
            KeyRefused: one that waits is there already.
        """
        ...

    def revoke(self, realm: str, kid: str, *, replacement: NewKey) -> bool:
        """Take a key away at once; whether it signed, and `replacement` took its place.

        Raises:
            KeyRefused: the realm publishes no such key.
        """
        ...

    def rewrap(self, realm: str, old: StoredKey, new: NewKey) -> bool:
        """Put another wrapping round the same key; whether it was there still, as it was read."""
        ...


class UsedAssertions(Protocol):
    """Client assertions, each once."""

    def use(self, *, realm: str, connection: str, jti_mac: str, keep_s: int) -> bool:
        """Whether this is the first use."""
        ...


class RealmKeys(Protocol):
    """The keys a Keycloak realm signs with, as it publishes them."""

    def jwks(self, realm: str, *, must_have_kid: str) -> dict[str, object]:
        """The realm's JWK set (RFC 7517 §5), cached; fetched anew, not too often, when it lacks the key id.

        Raises:
            KeycloakUnavailable: it can't be fetched and there is none in the cache.
        """
        ...
