"""What the admin side of the API needs of the others; the commands use the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sidecar.login.limits import Rule
from sidecar.login.room import LoginRoom
from sidecar.model.admin import KnownAddress, Lock, Mute, RealmAdmin
from sidecar.model.signing import StoredKey
from sidecar.model.timeline import Happened, Sent
from sidecar.users.merging import Merging


class AdminTokens(Protocol):
    """The realm's word on who somebody is."""

    def check(self, realm: str, unverified_token: str) -> RealmAdmin:
        """Whose access token it is, and which of our roles it gives; perhaps none.

        Raises:
            TokenRefused: it is not the realm's, not for us, over, or no access token.
            KeycloakUnavailable: the realm's keys can't be had, so nobody is let in.
        """
        ...


class AdminLists(Protocol):
    """Lists, each in an order that stays; `after`: what the last item of the page before is ordered by."""

    def addresses(
        self, realm: str, *, address: str, subject_id: str, after: Sequence[Any], limit: int
    ) -> Sequence[KnownAddress]:
        """By connection and address."""
        ...

    def events(self, realm: str, *, address: str, after: Sequence[Any], limit: int) -> Sequence[Happened]:
        """Newest first, by number."""
        ...

    def messages(
        self, realm: str, *, address: str, after: Sequence[Any], limit: int
    ) -> Sequence[tuple[str, Sent]]:
        """Newest first, by time and id; each with its id."""
        ...

    def mutes(self, realm: str, *, mute_s: int, after: Sequence[Any], limit: int) -> Sequence[Mute]:
        """By address."""
        ...

    def busy(
        self, realm: str, *, at_least: int, after: Sequence[Any], limit: int
    ) -> Sequence[tuple[str, str]]:
        """Connection and address of those that strangers used so often within a day; by address."""
        ...

    def lock(self, realm: str, connection_id: str, address: str, rules: Sequence[Rule]) -> Lock | None:
        """Whether one of the rules holds strangers up now."""
        ...


class Help(Protocol):
    """What is done for the owner of an address."""

    def unmute(self, realm: str, connection_id: str, address: str, *, by: str) -> None: ...

    def unlock(self, realm: str, connection_id: str, address: str, *, by: str) -> None: ...


class Keys(Protocol):
    """A realm's signing keys."""

    def keys(self, realm: str) -> list[StoredKey]:
        """Those that are published, newest first."""
        ...

    def rotate(self, realm: str, *, after_s: int, by: str) -> StoredKey:
        """Publish a key that signs in so many seconds.

        Raises:
            KeyRefused: one waits already, or it would be too soon.
        """
        ...


class Stops(Protocol):
    """Connections that an operator has stopped."""

    def is_stopped(self, realm: str, connection_id: str) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class AdminRoom:
    """What each call is handed."""

    login: LoginRoom
    tokens: AdminTokens
    lists: AdminLists
    help: Help
    keys: Keys
    stops: Stops
    merging: Merging
