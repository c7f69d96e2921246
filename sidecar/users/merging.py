"""Make one profile of two: all that signs in to the secondary signs in to the primary afterwards.

The order lets a login of the secondary end in one way or the other, never in between, wherever it is cut off:

    1. the merge is noted: two users can't each be merged into the other
    2. the secondary is disabled, and its sessions end: from now on it is refused
    3. its addresses move to the primary's subject, with what they just bought, in one transaction for each connection.
       The secondary keeps its own, now empty, identity: a token on its way still leads to it, and is refused, where
       Keycloak would else take it for somebody new
    4. its other identities are given to the primary, then taken from it
    5. its email address is taken off it, so that the primary can have it
    6. the merge is finished

Each step finds what is done already. Locks, mutes and counts of failures hang on the address in the ledger, and go
along with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sidecar.errors import InvalidAddress, UsersRefused
from sidecar.login.addressing import spelled
from sidecar.login.verify import new_subject_id
from sidecar.model.events import Event
from sidecar.settings import Realm
from sidecar.users.ports import Identity, Linked, Merges, Profiles, User

#: How long a secondary stays at least: what Keycloak began for it before is over then.
PAUSE_S = 3600


@dataclass(frozen=True, kw_only=True)
class Move:
    """What goes to the primary: an `address` of a connection, or an `identity` of another provider."""

    kind: str
    alias: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """What both have and only one can keep.

    `kind`: `identity` (the secondary's of that provider is of no use any more), or `email` (the primary keeps its own
    as Keycloak's email address; the secondary's signs in to it all the same if it is among the moves).
    """

    kind: str
    alias: str
    primary: str
    secondary: str


@dataclass(frozen=True, kw_only=True)
class MergePlan:
    """What a merge would do. With `refusals` (sentences for an operator) it can't be carried out."""

    realm: str
    into: User
    from_: User
    moves: tuple[Move, ...]
    conflicts: tuple[Conflict, ...]
    #: The kinds of credentials that the secondary has; they are not moved.
    credentials: tuple[str, ...]
    refusals: tuple[str, ...]
    #: Cut off before: carrying it out goes on.
    is_begun: bool
    is_finished: bool


@dataclass(frozen=True, kw_only=True)
class Merging:
    """Merges in the realms of the settings.

    Args:
        realms: the settings of each realm, by name.
        profiles: the users of a realm, by its name.
        merges: what is noted of merges.
    """

    realms: Mapping[str, Realm]
    profiles: Callable[[str], Profiles]
    merges: Merges

    def named(self, realm: str, raw: str) -> str:
        """The id of the user with that id, user name, email address, or address or number that signs in.

        Raises:
            UsersRefused: there is none, or more than one.
        """
        profiles = self.profiles(realm)
        found = {user.id for user in profiles.find(raw)}
        try:
            address = spelled(self.realms[realm], raw).canonical
        except InvalidAddress:
            pass
        else:
            for alias, subject_id in self.merges.subjects(realm, address):
                found.update(profiles.holders(alias, subject_id))
        if len(found) == 1:
            return found.pop()
        if found:
            raise UsersRefused(
                f"'{raw}' may be each of the users {', '.join(sorted(found))}: name one by its id"
            )
        raise UsersRefused(f"realm '{realm}' has no user '{raw}': name one by id, user name or address")

    def plan(self, realm: str, *, into: str, from_: str) -> MergePlan:
        """What merging the second user into the first would do; reads only.

        Args:
            realm: the realm.
            into: the primary's id in Keycloak.
            from_: the secondary's.

        Raises:
            UsersRefused: one of them is not there.
        """
        profiles = self.profiles(realm)
        primary, secondary = self._one(profiles, into), self._one(profiles, from_)
        theirs = {each.alias: each for each in profiles.identities(into)}
        known = self.merges.find(realm, from_)
        is_ours = known is not None and known.into == into
        moves, conflicts = self._compared(realm, theirs, profiles.identities(from_))
        if secondary.email and primary.email and primary.email.lower() != secondary.email.lower():
            conflicts.append(
                Conflict(kind="email", alias="", primary=primary.email, secondary=secondary.email)
            )
        return MergePlan(
            realm=realm,
            into=primary,
            from_=secondary,
            moves=tuple(moves),
            conflicts=tuple(conflicts),
            credentials=tuple(profiles.credentials(from_)),
            refusals=tuple(self._refusals(realm, primary, secondary, theirs, is_ours=is_ours)),
            is_begun=is_ours,
            is_finished=is_ours and known is not None and known.finished_s is not None,
        )

    def carry_out(self, plan: MergePlan, *, by: str, on_step: Callable[[str], None] = lambda _: None) -> None:
        """Do it; cut off anywhere, doing it again ends it, and once more changes nothing.

        Args:
            plan: from `plan`, of a moment ago: what it says of the two users is looked up anew.
            by: who wants it, for the ledger: `operator` or `page`.
            on_step: is told of each step that is done, in words for an operator.

        Raises:
            UsersRefused: the plan has refusals, or another merge stands against it.
            KeycloakUnavailable, StoreUnavailable: stopped at the first error.
        """
        plan = self.plan(plan.realm, into=plan.into.id, from_=plan.from_.id)
        if plan.refusals:
            raise UsersRefused(" ".join(plan.refusals))
        realm, into, from_ = plan.realm, plan.into.id, plan.from_.id
        profiles = self.profiles(realm)
        self.merges.begin(realm, from_=from_, into=into, by=by, email=self._email(realm, plan.from_))
        profiles.disable(from_)
        self.merges.note(realm, Event.USER_DISABLED, detail=from_)
        on_step("the secondary is disabled, and its sessions are over")
        for identity in profiles.identities(from_):
            if identity.alias in self.realms[realm].connections:
                self._move_addresses(realm, identity, into, on_step)
            else:
                self._move_identity(realm, identity, from_, into, on_step)
        if plan.from_.email:
            is_free = profiles.release_email(from_)
            on_step(
                f"{plan.from_.email} is {'' if is_free else 'not '}free to be made another user's email address"
            )
        self.merges.finish(realm, from_=from_)
        on_step("the merge is finished")

    def restoring(self, plan: MergePlan) -> tuple[str, ...]:
        """What takes a merge back, which no command does: steps for an operator, in their order."""
        realm, from_ = plan.realm, plan.from_.id
        of_ours = [move for move in plan.moves if move.kind == "address"]
        others = [move for move in plan.moves if move.kind == "identity"]
        addresses = dict.fromkeys(move.what for move in of_ours)
        steps = [f"passwordless erase --realm {realm} --address {address} --yes" for address in addresses]
        steps += [
            f"in Keycloak, take the identity {move.what} of {move.alias} from {plan.into.id} and give it to {from_}"
            for move in others
        ]
        links = ", ".join(sorted({move.alias for move in of_ours}))
        if links:
            steps.append(f"in Keycloak, take from {from_} what it is linked with by {links}")
        if plan.from_.email:
            verified = "verified" if plan.from_.is_email_verified else "not verified"
            steps.append(f"in Keycloak, give {from_} the email address {plan.from_.email}, {verified}")
        steps.append(f"in Keycloak, enable {from_}")
        steps += [
            f"passwordless users link {realm} --connection {alias}"
            for alias in sorted({move.alias for move in of_ours})
        ]
        return tuple(steps)

    def delete_secondary(self, realm: str, from_: str) -> None:
        """Delete a user who was merged into another, `PAUSE_S` after that or later.

        Raises:
            UsersRefused: it was not merged, or a moment ago, or was enabled since.
        """
        merge = self.merges.find(realm, from_)
        if merge is None or merge.finished_s is None or merge.finished_s < PAUSE_S:
            raise UsersRefused(
                "only a user whose merge was finished an hour ago is deleted: until then, Keycloak may be busy with a"
                " login of it"
            )
        profiles = self.profiles(realm)
        if any(user.id == from_ and user.is_enabled for user in profiles.find(from_)):
            raise UsersRefused("the user was enabled again since: disable it first, or keep it")
        profiles.delete(from_)
        self.merges.forget(realm, from_=from_)

    def _email(self, realm: str, user: User) -> str:
        try:
            return spelled(self.realms[realm], user.email).canonical if user.email else ""
        except InvalidAddress:
            return ""

    def _one(self, profiles: Profiles, user_id: str) -> User:
        found = [user for user in profiles.find(user_id) if user.id == user_id]
        if not found:
            raise UsersRefused(f"there is no user with the id {user_id}")
        return found[0]

    def _refusals(
        self,
        realm: str,
        primary: User,
        secondary: User,
        theirs: Mapping[str, Identity],
        *,
        is_ours: bool,
    ) -> list[str]:
        profiles = self.profiles(realm)
        found = []
        if primary.id == secondary.id:
            found.append("a user can't be merged into itself")
        if not primary.is_enabled:
            found.append(f"'{primary.username}' is disabled: nobody could sign in afterwards")
        if not secondary.is_enabled and not is_ours:
            found.append(
                f"'{secondary.username}' is disabled, and would be let in through the other: enable it first"
            )
        if profiles.is_locked(secondary.id):
            found.append(
                f"'{secondary.username}' is locked for now after wrong passwords, and the lock would end with the"
                " merge: wait, or unlock it in Keycloak"
            )
        if not theirs and not primary.is_email_verified:
            found.append(
                f"nobody has proven to be '{primary.username}': no verified address, no identity provider. Whoever"
                " made it would get the other's addresses"
            )
        return found

    def _compared(
        self, realm: str, theirs: Mapping[str, Identity], of_secondary: Sequence[Identity]
    ) -> tuple[list[Move], list[Conflict]]:
        moves, conflicts = [], []
        for identity in of_secondary:
            alias = identity.alias
            if alias in self.realms[realm].connections:
                addresses = self.merges.addresses(realm, alias, identity.subject_id)
                moves += [Move(kind="address", alias=alias, what=address) for address in addresses]
            elif alias not in theirs or theirs[alias].subject_id == identity.subject_id:
                moves.append(Move(kind="identity", alias=alias, what=identity.name))
            else:
                name = theirs[alias].name
                conflicts.append(
                    Conflict(kind="identity", alias=alias, primary=name, secondary=identity.name)
                )
        return moves, conflicts

    def _move_addresses(
        self, realm: str, identity: Identity, into: str, on_step: Callable[[str], None]
    ) -> None:
        alias = identity.alias
        addresses = self.merges.addresses(realm, alias, identity.subject_id)
        if not addresses:
            return
        subject_id = self._subject(realm, alias, into, addresses[0])
        for address in self.merges.move(realm, alias, from_=identity.subject_id, into=subject_id):
            on_step(f"{address} signs in to the primary by {alias}")

    def _subject(self, realm: str, alias: str, user_id: str, address: str) -> str:
        """The user's subject in the connection; Keycloak is told of a new one before an address hangs on it."""
        profiles = self.profiles(realm)
        wanted = Identity(alias, new_subject_id(alias), address)
        if profiles.link(user_id, wanted) is Linked.DONE:
            return wanted.subject_id
        for identity in profiles.identities(user_id):
            if identity.alias == alias:
                return identity.subject_id
        raise UsersRefused(
            "the primary was deleted meanwhile: what is not moved yet stays with the secondary"
        )

    def _move_identity(
        self, realm: str, identity: Identity, from_: str, into: str, on_step: Callable[[str], None]
    ) -> None:
        profiles, alias = self.profiles(realm), identity.alias
        # Given before it is taken: in between, whoever comes by it is refused. The other way round Keycloak would make
        # a new user of them.
        profiles.link(into, identity)
        held = {each.alias: each.subject_id for each in profiles.identities(into)}
        if held.get(alias) != identity.subject_id:
            on_step(f"{identity.name} of {alias} stays with the secondary: the primary has another")
            return
        profiles.unlink(from_, alias)
        self.merges.note(
            realm,
            Event.IDENTITY_MOVED,
            connection=alias,
            detail=f"{identity.subject_id} from {from_} into {into}",
        )
        on_step(f"{identity.name} of {alias} signs in to the primary")
