"""What linking and merging need of Keycloak and of the store, in their own values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from sidecar.model.events import Event


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


class Profiles(Protocol):
    """One realm's users in Keycloak, one at a time. Raises as `Directory` does."""

    def find(self, name: str) -> Sequence[User]:
        """The users of that id, user name or email address, exactly."""
        ...

    def holders(self, alias: str, subject_id: str) -> Sequence[str]:
        """As of `Directory`."""
        ...

    def identities(self, user_id: str) -> Sequence[Identity]:
        """As of `Directory`."""
        ...

    def link(self, user_id: str, identity: Identity) -> Linked:
        """As of `Directory`."""
        ...

    def unlink(self, user_id: str, alias: str) -> None:
        """As of `Directory`."""
        ...

    def is_locked(self, user_id: str) -> bool:
        """Whether Keycloak locks the user out for now, after wrong passwords."""
        ...

    def credentials(self, user_id: str) -> Sequence[str]:
        """The kinds of what the user signs in with in Keycloak: `password`, `otp`, …"""
        ...

    def disable(self, user_id: str) -> None:
        """Let the user sign in no more, and end the sessions that are there."""
        ...

    def release_email(self, user_id: str) -> bool:
        """Take the email address from the user, so that another can have it; whether Keycloak let it."""
        ...

    def delete(self, user_id: str) -> None:
        """Delete the user; none is fine."""
        ...


class Merge(NamedTuple):
    """A merge as it was noted: into whom, and how many seconds ago it was finished."""

    into: str
    finished_s: int | None


class Merges(Protocol):
    """Merges, and the addresses that they move. Each method is one transaction."""

    def find(self, realm: str, from_: str) -> Merge | None:
        """The merge of a secondary user."""
        ...

    def begin(self, realm: str, *, from_: str, into: str, by: str, email: str) -> None:
        """Note that one user is merged into another, and the first one's email address; once more is fine.

        Raises:
            UsersRefused: either takes part in another merge that stands against it.
        """
        ...

    def note(self, realm: str, event: Event, *, connection: str = "", detail: str) -> None:
        """Write a step into the ledger."""
        ...

    def subjects(self, realm: str, address: str) -> Sequence[tuple[str, str]]:
        """The connections that know the address, each with its subject there."""
        ...

    def addresses(self, realm: str, connection: str, subject_id: str) -> Sequence[str]:
        """The addresses that a subject has."""
        ...

    def move(self, realm: str, connection: str, *, from_: str, into: str) -> Sequence[str]:
        """Give all addresses of a subject to another, with the authorization codes that are not redeemed yet.

        A login of one of them ends with the one subject or with the other. Returns the addresses.
        """
        ...

    def finish(self, realm: str, *, from_: str) -> None:
        """Note that all is moved."""
        ...

    def forget(self, realm: str, *, from_: str) -> None:
        """Forget a merge whose secondary was deleted; the ledger does not."""
        ...
