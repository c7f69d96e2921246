"""What linking and merging need of Keycloak and of the store, in their own values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol


@dataclass(frozen=True, kw_only=True)
class User:
    """A user of a realm, as Keycloak has it; `attributes` only where they were asked for."""

    id: str
    username: str
    email: str
    is_enabled: bool
    is_email_verified: bool
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Identity(NamedTuple):
    """What links a user with an identity provider: its alias, the user's id there, and the user's name there."""

    alias: str
    subject_id: str
    name: str


class Linked(StrEnum):
    """What became of a link."""

    #: It is there now.
    DONE = "done"
    #: The user has an identity of that alias already, this one or another.
    ALREADY = "already"
    #: The user is not there any more.
    GONE = "gone"


class Candidate(NamedTuple):
    """A user to be linked, and by which address: as it is compared, and as messages go to it."""

    user_id: str
    username: str
    address: str
    destination: str


class Directory(Protocol):
    """One realm's users in Keycloak.

    Adapters raise `KeycloakUnavailable` when Keycloak does not answer, or refuses.
    """

    def users(self, *, with_attributes: bool) -> Iterator[Sequence[User]]:
        """All users, page by page."""
        ...

    def linked(self, alias: str) -> Iterator[Sequence[str]]:
        """The ids of all users who have an identity of the provider, page by page."""
        ...

    def holders(self, alias: str, subject_id: str) -> Sequence[str]:
        """The ids of the users who have this very identity; more than one should never be."""
        ...

    def identities(self, user_id: str) -> Sequence[Identity]:
        """Those of one user; none if there is no such user."""
        ...

    def link(self, user_id: str, identity: Identity) -> Linked:
        """Give a user the identity; one that the user has under this alias stays as it is."""
        ...

    def unlink(self, user_id: str, alias: str) -> None:
        """Take the identity of the alias from a user; none is fine."""
        ...

    def who_else_writes(self, attribute: str) -> str:
        """Who may write a user attribute besides admins, in an admin's words; empty: nobody."""
        ...


class Candidates(Protocol):
    """The users of one run, kept on disk: there may be many."""

    def add(self, found: Sequence[Candidate]) -> None: ...

    def note_linked(self, user_ids: Sequence[str]) -> None:
        """These have an identity of the connection already."""
        ...

    def count_linked(self) -> int: ...

    def count_open(self) -> int:
        """How many are to be linked: neither linked nor one of several with the same address."""
        ...

    def duplicates(self) -> Iterator[tuple[str, Sequence[str]]]:
        """Addresses that several of the users have, each with the users' names."""
        ...

    def open(self, size: int) -> Iterator[Sequence[Candidate]]:
        """Those to be linked, so many at a time."""
        ...


class Reserved(NamedTuple):
    """An address with its subject. `is_new`: it was made now; `is_busy`: somebody is signing in with it."""

    candidate: Candidate
    subject_id: str
    is_new: bool
    is_busy: bool


class Made(NamedTuple):
    """What linking made: the user, the subject and its address; `number` orders them."""

    number: int
    user_id: str
    subject_id: str
    address: str
    is_used: bool


class Links(Protocol):
    """Subjects and addresses of linked users, and what the ledger says of them."""

    def reserve(
        self, realm: str, connection: str, candidates: Sequence[tuple[Candidate, str]], *, quiet_s: int
    ) -> Sequence[Reserved]:
        """Give each address the subject that it has, or the one named for it, and note for whom.

        Busy is an address that bought an authorization code within `quiet_s`: nothing is noted of it.
        """
        ...

    def confirm(
        self, realm: str, connection: str, linked: Sequence[Reserved], *, quiet_s: int
    ) -> Sequence[Reserved]:
        """Note that they are linked; those that somebody signed in with within `quiet_s` are not, but returned."""
        ...

    def made(self, realm: str, connection: str) -> Iterator[Made]:
        """What was noted by `reserve` and is there still, oldest first."""
        ...

    def forget(self, realm: str, connection: str, made: Made) -> bool:
        """Delete the subject and its address unless it was used; whether it did."""
        ...
