"""Link a realm's existing users with a connection, so that their first login without a password goes straight in.

Two passes: all users are looked at, and whoever can be linked goes to a table on disk, which tells addresses that two
users have; then the table is worked off. Of each user, first the sidecar gives the address its subject, then Keycloak
gives the user the identity. Cut off in between, the address has a subject that nobody is linked with: who signs in
meets what they would have met without any of this, and the next run goes on with the same subject.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sidecar.errors import InvalidAddress, UsersRefused
from sidecar.login.addressing import take
from sidecar.login.verify import new_subject_id
from sidecar.settings import Connection, Realm
from sidecar.users.ports import Candidate, Candidates, Directory, Identity, Linked, Links, Reserved, User

#: Addresses that are reserved at once: so many hang in the air after a kill, for the moment until the next run.
BATCH = 50
#: How long Keycloak lets a person finish a first login: so long, an address that signs in is left alone.
QUIET_S = 1800
#: Keycloak's own fields have a mark of their own, or are written by the users.
_FIELDS = {"email", "username", "firstName", "lastName"}


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What was found: how many users, how many of them are skipped and why, and which addresses several have."""

    users: int
    to_link: int
    already: int
    #: `disabled`, `no_address`, `unverified`, `not_taken`.
    skipped: Counter[str]
    duplicates: int


@dataclass(kw_only=True)
class Outcome:
    """What was done: users linked, and those that were not, by reason, with the address and the user of each."""

    linked: int = 0
    already: int = 0
    gone: int = 0
    #: `taken`: another user has the address's identity; `busy`: somebody is signing in with it.
    refused: list[tuple[str, Candidate]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Linking:
    """The users of one realm and one connection of it, by their verified email or by an attribute.

    Args:
        realm: the realm.
        connection: the connection; its id is the alias of the identity provider.
        attribute: the user attribute with the address, which nobody but admins may write; empty: the email address.
        directory: the realm's users.
        candidates: an empty table on disk.
        links: subjects and addresses.

    Raises:
        UsersRefused: the attribute is not to be trusted, or a connection for numbers has none.
    """

    realm: Realm
    connection: Connection
    attribute: str
    directory: Directory
    candidates: Candidates
    links: Links

    def __post_init__(self) -> None:
        if not self.attribute:
            if self.connection.strategy != "email":
                raise UsersRefused(
                    f"Keycloak verifies no phone numbers: name the attribute that holds those of '{self.connection.id}'"
                    " and that only admins write, as in --trust-attribute phone_number"
                )
            return
        if self.attribute in _FIELDS:
            raise UsersRefused(
                f"'{self.attribute}' is a field of Keycloak's own, not an attribute that only admins write:"
                " leave --trust-attribute out, and users are taken by their verified email address"
            )
        writers = self.directory.who_else_writes(self.attribute)
        if writers:
            raise UsersRefused(
                f"the attribute '{self.attribute}' can't be trusted: {writers}. Let only admins edit it (Realm settings"
                " > User profile), look at what users wrote there until now, and run this again"
            )

    def survey(self, on_users: Callable[[int], None] = lambda _: None) -> Survey:
        """Look at all users; `on_users` is told of how many at each page. Writes nothing but the table."""
        seen, skipped = 0, Counter[str]()
        for ids in self.directory.linked(self.connection.id):
            self.candidates.note_linked(ids)
        for page in self.directory.users(with_attributes=bool(self.attribute)):
            found = []
            for user in page:
                reason, candidate = self._judged(user)
                if candidate:
                    found.append(candidate)
                else:
                    skipped[reason] += 1
            self.candidates.add(found)
            seen += len(page)
            on_users(len(page))
        return Survey(
            users=seen,
            to_link=self.candidates.count_open(),
            already=self.candidates.count_linked(),
            skipped=skipped,
            duplicates=sum(1 for _ in self.candidates.duplicates()),
        )

    def carry_out(self, outcome: Outcome, on_users: Callable[[int], None] = lambda _: None) -> None:
        """Link whom `survey` found; `outcome` says at any time what is done, also where this is cut off.

        Raises:
            KeycloakUnavailable, StoreUnavailable: stopped at the first error; another run goes on.
        """
        for batch in self.candidates.open(BATCH):
            named = [(candidate, new_subject_id(self.connection.id)) for candidate in batch]
            reserved = self.links.reserve(self.realm.name, self.connection.id, named, quiet_s=QUIET_S)
            linked = [each for each in reserved if self._is_linked(each, outcome)]
            overtaken = self.links.confirm(self.realm.name, self.connection.id, linked, quiet_s=QUIET_S)
            for each in overtaken:
                # Whoever it was may be at Keycloak's first-login page with this very identity, and would take it
                # to another user: then two would have it, and none could sign in.
                self.directory.unlink(each.candidate.user_id, self.connection.id)
                outcome.refused.append(("busy", each.candidate))
            outcome.linked += len(linked) - len(overtaken)
            on_users(len(batch))

    def _judged(self, user: User) -> tuple[str, Candidate | None]:
        """The user as a candidate, or why not."""
        if not user.is_enabled:
            return "disabled", None
        raw = self._address(user)
        if not raw:
            return "no_address", None
        if not self.attribute and not user.is_email_verified:
            return "unverified", None
        try:
            address = take(self.realm, self.connection, raw)
        except InvalidAddress:
            return "not_taken", None
        return "", Candidate(user.id, user.username, address.canonical, address.destination)

    def _address(self, user: User) -> str:
        if not self.attribute:
            return user.email
        values: Sequence[str] = user.attributes.get(self.attribute, ())
        # Of several, nobody said which one is meant.
        return values[0] if len(values) == 1 else ""

    def _is_linked(self, reserved: Reserved, outcome: Outcome) -> bool:
        candidate, subject_id = reserved.candidate, reserved.subject_id
        alias = self.connection.id
        if reserved.is_busy:
            outcome.refused.append(("busy", candidate))
            return False
        if not reserved.is_new:
            others = set(self.directory.holders(alias, subject_id)) - {candidate.user_id}
            if others:
                outcome.refused.append(("taken", candidate))
                return False
        what = self.directory.link(candidate.user_id, Identity(alias, subject_id, candidate.address))
        outcome.already += what is Linked.ALREADY
        outcome.gone += what is Linked.GONE
        return what is Linked.DONE
