"""Whose account a proven address opens, where a connection's `linking` looks at the realm's users.

    policy    the user that has the address         so that Keycloak
    --------  ------------------------------------  ---------------------------------------------------------------
    prompt    is not looked for                     asks, and has the account proven by signing in to it
    verified  has it verified: is linked            lets its owner in
              has it unverified: loses it, or the   makes the owner a new user, or is not asked
              login stops
    separate  keeps it                              makes a new user beside it

The order is the guard. A code that was right is followed by a look, which changes nothing: stopped there, the code can
be tried again. Then the challenge is spent, then the account made ready, and the authorization code leaves last:
stopped on the way, nobody has it, and the next login does what is left.
"""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.errors import AccountStopped, SettingsError
from sidecar.login.ports import Users
from sidecar.login.room import Caller, LoginRoom
from sidecar.model.account import Found, Holder
from sidecar.model.challenge import Challenge
from sidecar.model.events import Event
from sidecar.model.proof import EMAIL, USERNAME


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What was seen: the claims that Keycloak must not get, and the subject that has its user already, if any."""

    withheld: frozenset[str] = frozenset()
    settled: str | None = None


def look(room: LoginRoom, challenge: Challenge, caller: Caller) -> Outlook:
    """See what a proof of the challenge's address would lead to; reads only.

    Raises:
        AccountStopped: to nothing, until an admin has looked at it.
        KeycloakUnavailable: Keycloak can't be asked.
    """
    linking = room.connection(challenge.realm, challenge.connection).linking
    if linking == "prompt":
        return Outlook()
    # A name of our own making, which nobody else can have.
    own_name = frozenset({USERNAME}) if linking == "separate" else frozenset()
    subject_id = room.verification.subject_of(challenge)
    if subject_id and _users(room).linked(challenge.realm, challenge.connection, subject_id):
        return Outlook(withheld=own_name, settled=subject_id)
    found = _find(room, challenge)
    if linking == "separate":
        is_taken = bool(found.holders) or found.is_name
        return Outlook(withheld=own_name | ({EMAIL} if is_taken else frozenset()))
    chosen = _chosen(room, challenge, caller, found)
    is_free = chosen is None or not chosen.is_verified
    # Keycloak compares an email with user names, too.
    return Outlook(withheld=frozenset({USERNAME, EMAIL}) if found.is_name and is_free else frozenset())


def settle(
    room: LoginRoom, challenge: Challenge, caller: Caller, outlook: Outlook, *, subject_id: str
) -> None:
    """Make the account ready for a subject whose proof was spent; doing it again changes nothing.

    Raises:
        AccountStopped: the account is not, or is no longer, one to be linked.
        KeycloakUnavailable: Keycloak can't be asked, or did not do it.
    """
    linking = room.connection(challenge.realm, challenge.connection).linking
    if linking != "verified" or subject_id == outlook.settled:
        return
    chosen = _chosen(room, challenge, caller, _find(room, challenge))
    if chosen is None or chosen.linked_as == subject_id:
        return
    if not chosen.is_verified:
        _strip(room, challenge, caller, chosen)
    elif not chosen.linked_as:
        _link(room, challenge, caller, chosen, subject_id)
    # Else it is another subject's account, and Keycloak asks for its proof.


def _chosen(room: LoginRoom, challenge: Challenge, caller: Caller, found: Found) -> Holder | None:
    """The one user that has the address and may be touched, or `None` if no one has it."""
    if not found.holders:
        return None
    if len(found.holders) > 1:
        ids = ", ".join(it.user_id for it in found.holders)
        raise _stopped(room, challenge, caller, f"several users have the address: {ids}")
    (holder,) = found.holders
    if not holder.is_enabled:
        raise _stopped(room, challenge, caller, f"user {holder.user_id} is disabled")
    may_strip = room.settings.realms[challenge.realm].unverified_holder == "strip" and holder.is_ours
    if not holder.is_verified and not may_strip:
        raise _stopped(room, challenge, caller, f"user {holder.user_id} has the address unverified")
    return holder


def _link(room: LoginRoom, challenge: Challenge, caller: Caller, holder: Holder, subject_id: str) -> None:
    users, realm, alias = _users(room), challenge.realm, challenge.connection
    users.link(realm, holder.user_id, alias=alias, subject_id=subject_id, name=challenge.address)
    # The user, or somebody else's, may have changed since it was looked at: what was linked must still be right.
    after = [
        (it.user_id, it.linked_as, it.is_enabled and it.is_verified) for it in _find(room, challenge).holders
    ]
    if after != [(holder.user_id, subject_id, True)]:
        users.unlink(realm, holder.user_id, alias=alias, subject_id=subject_id)
        raise _stopped(room, challenge, caller, f"user {holder.user_id} changed while it was linked")
    _note(room, challenge, caller, Event.ACCOUNT_LINKED, f"user {holder.user_id}")


def _strip(room: LoginRoom, challenge: Challenge, caller: Caller, holder: Holder) -> None:
    is_done = _users(room).strip(challenge.realm, holder.user_id, address=challenge.address)
    if not is_done or _find(room, challenge).holders:
        raise _stopped(room, challenge, caller, f"user {holder.user_id} changed while it was stripped")
    _note(room, challenge, caller, Event.ACCOUNT_STRIPPED, f"user {holder.user_id}")


def _find(room: LoginRoom, challenge: Challenge) -> Found:
    return _users(room).find(challenge.realm, challenge.address, alias=challenge.connection)


def _stopped(room: LoginRoom, challenge: Challenge, caller: Caller, why: str) -> AccountStopped:
    _note(room, challenge, caller, Event.ACCOUNT_STOPPED, why)
    return AccountStopped(why)


def _note(room: LoginRoom, challenge: Challenge, caller: Caller, event: Event, detail: str) -> None:
    macs = caller.macs(room.keys)
    room.verification.note(event, challenge, macs, network=caller.network, detail=detail)


def _users(room: LoginRoom) -> Users:
    if room.users is None:
        raise SettingsError("no realm has service_account = true, and a connection links by looking at users")
    return room.users
