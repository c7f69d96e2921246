"""Rotate, revoke and rewrap a realm's signing keys: what `passwordless keys` does."""

from __future__ import annotations

from sidecar.errors import KeyRefused
from sidecar.model.signing import LEAST_OVERLAP_S, StoredKey
from sidecar.oidc.ports import KeyCabinet
from sidecar.oidc.wrapping import Wrapping


class Rotation:
    """Publish before signing, and stay published after: Keycloak and every process know each key while it is in use."""

    def __init__(self, cabinet: KeyCabinet, wrapping: Wrapping) -> None:
        self._cabinet = cabinet
        self._wrapping = wrapping

    def keys(self, realm: str) -> list[StoredKey]:
        """The keys that the realm publishes, newest first."""
        return self._cabinet.keys(realm)

    def rotate(self, realm: str, *, after_s: int, by: str = "") -> StoredKey:
        """Publish a fresh key that signs in `after_s` seconds, without another command; `by`: who wants it.

        Raises:
            KeyRefused: too soon for every cache to know it, or one waits already.
        """
        if after_s < LEAST_OVERLAP_S:
            raise KeyRefused(
                f"a key must be published for {LEAST_OVERLAP_S} s before it signs, so that every cache has it:"
                " take a longer time; if the old key leaked, revoke it instead"
            )
        self._first(realm)
        return self._cabinet.add_next(realm, self._wrapping.new_key(realm), after_s=after_s, by=by)

    def revoke(self, realm: str, kid: str) -> StoredKey | None:
        """Take a key away at once. Answers the fresh one that signs in its place, if it was the one that signed.

        Raises:
            KeyRefused: the realm publishes no such key.
        """
        fresh = self._wrapping.new_key(realm)
        if not self._cabinet.revoke(realm, kid, replacement=fresh):
            return None
        return next((key for key in self._cabinet.keys(realm) if key.kid == fresh.kid), None)

    def revoke_wrapped_under(self, realm: str, key_id: str) -> list[str]:
        """Take away every key that this server secret opens; answers their ids."""
        kids = [key.kid for key in self._cabinet.keys(realm) if key.key_id == key_id]
        for kid in kids:
            self.revoke(realm, kid)
        return kids

    def rewrap(self, realm: str) -> list[str]:
        """Wrap what older server secrets wrap under the newest; answers the ids of the keys that were.

        Raises:
            SettingsError: no secret on the list opens one of them.
        """
        rewrapped = []
        for key in self._cabinet.keys(realm):
            fresh = self._wrapping.rewrapped(realm, key)
            if fresh.key_id != key.key_id and self._cabinet.rewrap(realm, key, fresh):
                rewrapped.append(key.kid)
        return rewrapped

    def _first(self, realm: str) -> None:
        """A realm without a key gets one: with a next key alone, nothing would sign meanwhile."""
        if not self._cabinet.keys(realm):
            self._cabinet.add_first(realm, self._wrapping.new_key(realm))
