"""An account as its user sees it: the addresses that sign in to it, what was changed about them, who is looking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

#: How long a change can be taken back by whoever was told of it.
UNDO_S = 7 * 86_400
#: How many addresses and numbers an account may have.
MOST_ADDRESSES = 10


class ChangeKind(StrEnum):
    """What was done to an account's addresses."""

    ADDED = "added"
    REMOVED = "removed"
    PRIMARY = "primary"


class Outcome(StrEnum):
    """What became of an address whose right code was typed on the account page."""

    ADDED = "added"
    #: It signs in to this account already.
    OWN = "own"
    #: It signs in to another one.
    TAKEN = "taken"


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user of the realm, as Keycloak knows them now.

    `id` is Keycloak's; `email` and `number` what it holds as the user's, empty for none; `subjects` the subject that is
    linked to the user, by connection. `has_another_way`: a password or a passkey, beside the addresses.
    """

    realm: str
    id: str
    email: str
    subjects: Mapping[str, str]
    has_another_way: bool
    number: str = ""

    @property
    def subject_ids(self) -> tuple[str, ...]:
        return tuple(self.subjects.values())


@dataclass(frozen=True, kw_only=True)
class OwnAddress:
    """An address of an account. `proven_at`: when it was proven, of a number last; milliseconds since the epoch."""

    connection: str
    address: str
    destination: str
    subject_id: str
    proven_at: int


@dataclass(frozen=True, kw_only=True)
class AccountChange:
    """One change, and what it takes to undo it. `before`: Keycloak's email address before it."""

    id: str
    realm: str
    account: str
    kind: ChangeKind
    connection: str
    address: str
    destination: str
    subject_id: str
    proven_at: int | None
    before: str | None
    at: int
    undone_at: int | None


@dataclass(frozen=True, kw_only=True)
class AccountSession:
    """Who is signed in to the account page. `auth_time`: when they proved it, by our clock; `read_at` is now.

    Milliseconds since the epoch.
    """

    realm: str
    account: str
    auth_time: int
    read_at: int


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """Whom Keycloak let in: its id of the user, and how long ago they proved who they are."""

    account: str
    auth_age_s: int
