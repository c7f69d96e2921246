"""Several addresses for one account: added by a proof, removed, made primary; and each of it taken back.

In Keycloak a user has one subject of each connection; here any number of addresses hang on a subject, and each of them
signs in. Whoever adds one has signed in to Keycloak a moment ago and types the code that was sent there; the code is
derived for adding and signs nobody in. All other addresses of the account are told, with a link that takes it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.errors import ChallengeNotFound, ChallengeRefused, InvalidRequest
from sidecar.login import codes, mailed
from sidecar.login.addressing import read
from sidecar.login.issue import issue
from sidecar.login.keys import KeyRing
from sidecar.login.ports import AccountBook, Accounts
from sidecar.login.room import Caller, LoginRoom
from sidecar.login.verify import count, new_subject_id
from sidecar.model.address import Address, is_number
from sidecar.model.asker import Asker
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.challenge import Challenge, Purpose
from sidecar.model.own_account import (
    MOST_ADDRESSES,
    UNDO_S,
    Account,
    AccountChange,
    ChangeKind,
    Outcome,
    OwnAddress,
)

#: How long after a proof to Keycloak an account may be changed.
FRESH_S = 300
_UNDO_PURPOSE = "account-undo-link"
#: A challenge that adds an address answers nobody's request.
_NO_REQUEST = AuthorizationRequest(client_id="", redirect_uri="", state="", nonce="", code_challenge="")


@dataclass(frozen=True, kw_only=True)
class AccountRoom:
    """What the steps of the account page are handed, besides the login's."""

    login: LoginRoom
    book: AccountBook
    accounts: Accounts

    def addresses(self, account: Account) -> list[OwnAddress]:
        return self.book.addresses(account.realm, account.subject_ids)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What a notice's link is about: the change, and the address that was told."""

    change: AccountChange
    challenge: Challenge


def begin(
    room: AccountRoom,
    account: Account,
    *,
    connection: str,
    address: Address,
    caller: Caller,
    asker: Asker,
    locale: str,
) -> Challenge:
    """Send a code that adds the address to the account; nothing is told of whether it stands for another one.

    Raises:
        InvalidRequest: the account has as many addresses as it may have.
        RateLimited, ConnectionStopped: as `issue`.
    """
    if len(room.addresses(account)) >= MOST_ADDRESSES:
        raise InvalidRequest("the account has as many addresses as it may have")
    return issue(
        room.login,
        realm=account.realm,
        connection=connection,
        address=address,
        caller=caller,
        request=_NO_REQUEST,
        asker=asker,
        locale=locale,
        purpose=Purpose.ADD,
        account=account.id,
    )


def confirm(
    room: AccountRoom, account: Account, *, challenge: Challenge, unverified_code: str, caller: Caller
) -> Outcome:
    """Try the code: count, compare, spend. Right, it adds the address, unless it stands for an account already.

    Keycloak learns of a connection that is new to the user before the address is hung on it: stopped in between, there
    is a subject without an address, which signs nobody in and is used the next time.

    Raises:
        InvalidRequest: what was typed can't be a code; nothing was counted.
        ChallengeRefused: wrong, expired, used, dead, of another purpose, account or browser.
        RateLimited: the address's failures are used up, or the account was changed too often.
        KeycloakUnavailable: nothing was added.
    """
    cleaned = codes.clean_code(unverified_code, challenge.digits)
    counted = count(room.login, challenge, caller)
    # A test address's fixed code is none here: who reads the settings must not get into somebody's account.
    if not codes.is_right(room.login.keys, counted, cleaned):
        room.login.verification.note_wrong(counted, caller.macs(room.login.keys), network=caller.network)
        raise ChallengeRefused(tries_left=counted.tries_left)
    return room.book.add(
        account,
        counted,
        caller.macs(room.login.keys),
        network=caller.network,
        subject_id=_subject(room, account, counted),
        key_id=room.login.keys.newest_id,
    )


def _subject(room: AccountRoom, account: Account, challenge: Challenge) -> str:
    """The account's subject of the challenge's connection; one is made and linked if there is none yet."""
    known = account.subjects.get(challenge.connection)
    if known:
        return known
    made = new_subject_id(challenge.connection)
    is_free = room.book.holder(challenge.realm, challenge.connection, challenge.address) is None
    if is_free and challenge.purpose is Purpose.ADD and challenge.account == account.id:
        room.accounts.link(account.realm, account.id, challenge.connection, made)
    return made


def remove(room: AccountRoom, account: Account, own: OwnAddress, *, asker: Asker, locale: str) -> None:
    """Take the address off the account; in Keycloak first, where it may be the user's email address or number.

    There it would bring its next owner into this account, in realms that link by what Keycloak holds as verified.

    Raises:
        ChallengeNotFound: it is not the account's.
        InvalidRequest: it is the primary one, and there is another to take its place first.
        RateLimited: the account was changed too often.
        KeycloakUnavailable: nothing was taken off.
    """
    others = [it for it in room.addresses(account) if it != own and not is_number(it.destination)]
    if is_primary(account, own) and others:
        raise InvalidRequest("another address must become the primary one first")
    if own not in room.addresses(account):
        raise ChallengeNotFound
    if is_primary(account, own):
        room.accounts.set_email(account.realm, account.id, "")
    if own.destination == account.number:
        room.accounts.set_number(account.realm, account.id, "")
    room.book.remove(account, own, asker=asker, locale=locale, key_id=room.login.keys.newest_id)


def make_primary(room: AccountRoom, account: Account, own: OwnAddress, *, asker: Asker, locale: str) -> None:
    """Let Keycloak hold the address as the user's, verified. Signing in by another one changes nothing about it.

    The others are told first: of a change that Keycloak then refuses rather than not of one that it made.

    Raises:
        ChallengeNotFound: it is not the account's.
        InvalidRequest: it is a number.
        RateLimited: the account was changed too often.
        KeycloakUnavailable: Keycloak did not take it.
    """
    if is_number(own.destination):
        raise InvalidRequest("a number can't be the primary address")
    room.book.note_primary(account, own, asker=asker, locale=locale, key_id=room.login.keys.newest_id)
    room.accounts.set_email(account.realm, account.id, own.destination)


def tell_of_added(
    room: AccountRoom, account: Account, came: Sequence[OwnAddress], *, asker: Asker, locale: str
) -> None:
    """Write down that these came from an account that was merged into this one, and tell all others."""
    for own in came:
        room.book.note_added(account, own, asker=asker, locale=locale, key_id=room.login.keys.newest_id)


def is_primary(account: Account, own: OwnAddress) -> bool:
    """Whether it is what Keycloak holds as the user's email address. Keycloak holds it in small letters."""
    return bool(account.email) and _same(account.email, own.destination)


def token_for(keys: KeyRing, challenge: Challenge) -> str:
    """The token of a notice's link.

    Raises:
        KeyError: the server key it was made under is revoked.
    """
    return mailed.token_for(keys, challenge, _UNDO_PURPOSE)


def notice(room: AccountRoom, unverified_token: str, *, realm: str) -> Notice:
    """What a notice's link is about; changes nothing, whoever opens it.

    Raises:
        ChallengeNotFound: forged, too old, of another realm, or of a key that is revoked; all alike.
    """
    challenge = room.login.challenges.of_message(mailed.challenge_of(unverified_token), within_s=UNDO_S)
    mailed.require_right(room.login.keys, challenge, _UNDO_PURPOSE, unverified_token)
    if challenge.realm != realm or challenge.purpose is not Purpose.NOTICE or challenge.change_id is None:
        raise ChallengeNotFound
    return Notice(change=room.book.change(challenge.change_id, within_s=UNDO_S), challenge=challenge)


def undo(room: AccountRoom, unverified_token: str, *, realm: str) -> None:
    """Take the change back, and sign the user out everywhere; twice is as once.

    Raises:
        ChallengeNotFound: as `notice`.
        KeycloakUnavailable: the address signs in no more, or again; what Keycloak holds is put right by the next try.
    """
    it = notice(room, unverified_token, realm=realm)
    change = it.change
    room.book.undo(change, within_s=UNDO_S)
    account = room.accounts.account(realm, change.account)
    if account is None:
        return
    _mend_number(room, account, change)
    is_held = _same(account.email, change.destination)
    if change.kind is ChangeKind.PRIMARY and is_held:
        room.accounts.set_email(realm, account.id, change.before or "")
    elif change.kind is ChangeKind.ADDED and is_held:
        # It was made the primary one meanwhile.
        told = it.challenge.destination
        room.accounts.set_email(realm, account.id, "" if is_number(told) else told)
    elif (
        change.kind is ChangeKind.REMOVED
        and not account.email
        and _same(change.before or "", change.destination)
    ):
        room.accounts.set_email(realm, account.id, change.destination)
    room.accounts.sign_out(realm, account.id)


def _mend_number(room: AccountRoom, account: Account, change: AccountChange) -> None:
    """Keycloak holds a number that was added no more, and one that was removed again."""
    if not is_number(change.destination):
        return
    if change.kind is ChangeKind.ADDED and account.number == change.destination:
        room.accounts.set_number(account.realm, account.id, "")
    elif change.kind is ChangeKind.REMOVED and not account.number:
        own = room.book.addresses(account.realm, [change.subject_id])
        if change.address in {it.address for it in own}:
            room.accounts.set_number(account.realm, account.id, change.destination)


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def shown(own: OwnAddress) -> str:
    """The address in full, for its own user."""
    return read(own.destination).shown
