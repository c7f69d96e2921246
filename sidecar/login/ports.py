"""What the flow needs of a store, in its own values. Each method is one transaction and one guard.

Adapters raise `StoreUnavailable` when the database does not answer or a commit's answer is lost: nothing was granted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sidecar.login.limits import Rule
from sidecar.login.pumping import TextMessage
from sidecar.model.account import Found as FoundUsers
from sidecar.model.asker import Asker
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.challenge import Challenge, Found, NewChallenge
from sidecar.model.client import ApiClient
from sidecar.model.events import Event
from sidecar.model.own_account import Account, AccountChange, AccountSession, Outcome, OwnAddress, SignedIn
from sidecar.model.passkey import PasskeyState, Wanted
from sidecar.model.proof import Grant, NewGrant
from sidecar.model.receipt import Callback, Receipt
from sidecar.model.ticket import Holding, Ticket


class Challenges(Protocol):
    """Challenges and the ledger that bounds them. `browser_macs`: only the browser that started one can name it."""

    def open(
        self,
        new: NewChallenge,
        browser_macs: Sequence[str],
        *,
        network: str,
        rules: Sequence[Rule],
        text: TextMessage | None,
    ) -> Challenge:
        """Hold the caller to the rules, retire what this replaces, and write challenge, event and message together.

        Raises:
            RateLimited: a budget is used up; nothing was written but the refusal.
            ConnectionStopped: no text message may be queued; as above.
        """
        ...

    def find(self, challenge_id: str, browser_macs: Sequence[str]) -> Found:
        """Read one, with what became of its newest message; a browser that the address does not know is told less.

        Raises:
            ChallengeNotFound: unknown, or another browser's.
        """
        ...

    def newest(self, realm: str, connection: str, address: str, browser_macs: Sequence[str]) -> Challenge:
        """The one that these started last for the address, however it stands.

        Raises:
            ChallengeNotFound: they started none.
        """
        ...

    def of_message(self, challenge_id: str, *, within_s: int) -> Challenge:
        """Read the one that a message names, whoever started it.

        Raises:
            ChallengeNotFound: unknown, or older than `within_s`.
        """
        ...

    def send_again(
        self,
        challenge: Challenge,
        browser_macs: Sequence[str],
        *,
        network: str,
        rules: Sequence[Rule],
        resend_after_s: int,
        text: TextMessage | None,
    ) -> Challenge:
        """Queue the same code once more; its expiry stays. It is typed where `challenge.request` says now.

        Raises:
            ChallengeNotFound: another browser's, or no longer open.
            RateLimited: a budget is used up, or `resend_after_s` have not passed.
            ConnectionStopped: no text message may be queued.
        """
        ...

    def retire(self, challenge_id: str, browser_macs: Sequence[str]) -> None:
        """End one; no code opens it any more. Ending twice is fine."""
        ...


class Verification(Protocol):
    """The guarded steps of a try, each committed before the next: count it, then spend, or note that it was wrong."""

    def count_try(
        self, challenge: Challenge, browser_macs: Sequence[str], *, network: str, rules: Sequence[Rule]
    ) -> Challenge:
        """Count the try before the code is looked at.

        Raises:
            ChallengeRefused: used, dead, retired, expired, or another browser's.
            RateLimited: the address's failures are used up.
        """
        ...

    def note_wrong(self, challenge: Challenge, browser_macs: Sequence[str], *, network: str) -> None:
        """Record that the counted code was wrong, for the budgets of networks and connection."""
        ...

    def subject_of(self, challenge: Challenge) -> str | None:
        """The subject that the challenge's address has now; a number may get another one when it is spent."""
        ...

    def note(
        self, event: Event, challenge: Challenge, browser_macs: Sequence[str], *, network: str, detail: str
    ) -> None:
        """Record what came of a right code beside its own fate."""
        ...

    def spend(
        self, challenge: Challenge, browser_macs: Sequence[str], grant: NewGrant, *, network: str
    ) -> str:
        """Use the challenge up and write what it grants, in one transaction; the subject that it is for.

        The subject is the one that the address has, or `grant.subject_id` made for it now. Every other open
        challenge of the address is suppressed, and the browser is remembered as the address's own.

        Raises:
            ChallengeRefused: somebody was first, or it ran out meanwhile.
        """
        ...


class Users(Protocol):
    """The users of a realm, as far as a proven address decides about them.

    Raises `KeycloakUnavailable` where they can't be asked about or changed; each change can be repeated.
    """

    def find(self, realm: str, address: str, *, alias: str) -> FoundUsers:
        """Who has the address, an email or a number; `alias` is the connection whose identities are looked at."""
        ...

    def linked(self, realm: str, alias: str, subject_id: str) -> bool:
        """Whether a user has this identity."""
        ...

    def link(self, realm: str, user_id: str, *, alias: str, subject_id: str, name: str) -> None:
        """Give a user the identity, unless there is one of that connection already."""
        ...

    def unlink(self, realm: str, user_id: str, *, alias: str, subject_id: str) -> None:
        """Take that very identity away, if the user has it."""
        ...

    def strip(self, realm: str, user_id: str, *, address: str) -> bool:
        """Take from a user who has the address unverified: credentials, links, consents, sessions, actions, address.

        The user is disabled with that. One who is proven by an address of the other kind loses the one address only.
        Whether it was done; not if the user no longer has it unverified.
        """
        ...


class Complaints(Protocol):
    """What the reader of an address's mail, or an operator, may do about starts for it."""

    def find(self, challenge_id: str, *, mute_s: int, within_s: int) -> tuple[Challenge, bool]:
        """The challenge of a message, whoever started it, and whether strangers are muted now.

        Raises:
            ChallengeNotFound: unknown, or older than `within_s`.
        """
        ...

    def deny(self, challenge: Challenge) -> None:
        """End the challenge, void its authorization code, and mute strangers' starts for its address from now on."""
        ...

    def unmute(self, realm: str, connection_id: str, address: str, *, by: str) -> None:
        """Take the mute back."""
        ...


class AuthCodes(Protocol):
    """Authorization codes: written by `Verification.spend`, spent here."""

    def redeem(self, auth_code_macs: Sequence[str], *, realm: str, connection: str) -> Grant | None:
        """Spend a code; `None` for unknown, expired, used and foreign ones alike (the ledger keeps them apart)."""
        ...


class PasskeyOffers(Protocol):
    """Offers of a passkey: authorization codes that wait for an answer, and what was answered."""

    def state(self, challenge: Challenge, *, since_s: int) -> PasskeyState | None:
        """Of the subject that the spent challenge proved, and whether it said no within `since_s`.

        `None`: its authorization code is spent, voided, expired or waiting already.
        """
        ...

    def hold(self, challenge: Challenge, *, life_s: int) -> bool:
        """Let its authorization code wait for an answer; whether there was one to wait."""
        ...

    def is_held(self, challenge: Challenge, browser_macs: Sequence[str]) -> bool:
        """Whether it waits, for the answer of this browser."""
        ...

    def answer(
        self,
        challenge: Challenge,
        browser_macs: Sequence[str],
        *,
        auth_code_mac: str,
        lifetime_s: int,
        is_wanted: bool,
    ) -> str:
        """Put a new authorization code in the place of the one that waits, once; remember what was said.

        Returns:
            The subject.

        Raises:
            ChallengeNotFound: none waits: answered, voided, too late, or another browser's.
        """
        ...

    def wanted(self, *, before_s: int, limit: int) -> list[Wanted]:
        """Subjects that said yes, at least `before_s` ago, and of whom nothing was heard since; oldest first."""
        ...

    def forget_wanted(self, subject_id: str) -> None:
        """Nothing is to be taken back of it any more."""
        ...


class PasskeyAccounts(Protocol):
    """Users of a realm and their passkeys. Each call may raise `KeycloakUnavailable`; a subject may be no user yet."""

    def lacks_passkey(self, realm: str, connection: str, subject_id: str) -> bool:
        """Whether the subject is a user who has no passkey, is not being asked and was not let off by an admin."""
        ...

    def have_passkey_registered(self, realm: str, connection: str, subject_id: str) -> None:
        """Have Keycloak ask the user for a passkey at the next step of a login."""
        ...

    def cancel_registration(self, realm: str, connection: str, subject_id: str) -> None:
        """Ask no longer; nothing where it was done, or there is no such user."""
        ...


class Reservations(Protocol):
    """Challenges whose counted code was right, kept for their client's next call and still unspent."""

    def make(
        self,
        challenge: Challenge,
        browser_macs: Sequence[str],
        *,
        network: str,
        holder_mac: str | None,
        lifetime_s: int,
    ) -> None:
        """Keep one; `holder_mac`: of the browser that may come for it without being asked.

        Raises:
            ChallengeRefused: used, retired, suppressed or over.
        """
        ...

    def is_held(
        self, challenge: Challenge, browser_macs: Sequence[str], *, holder_macs: Sequence[str]
    ) -> bool:
        """Whether it is kept for that browser."""
        ...

    def take(self, challenge: Challenge, browser_macs: Sequence[str], *, network: str) -> bool:
        """End the keeping, once, and record a try; whether it was kept."""
        ...


class Tickets(Protocol):
    """Tickets: written by `Verification.spend` for a challenge of the API, spent here for an authorization code."""

    def find(self, ticket_macs: Sequence[str], *, realm: str, connection: str) -> Ticket | None:
        """A live one; `None` for all others."""
        ...

    def note_refused(self, ticket_macs: Sequence[str], *, realm: str) -> None:
        """Record that one was shown where it is worth nothing."""
        ...

    def bind(
        self, ticket_macs: Sequence[str], *, realm: str, application: str, browser_macs: Sequence[str]
    ) -> str | None:
        """Give a client's ticket to a browser, by its newest MAC; a ticket that is this browser's stays so.

        Its connection; `None` if it was not live, not the application's, or another browser's already.
        """
        ...

    def exchange(
        self,
        ticket_macs: Sequence[str],
        request: AuthorizationRequest,
        *,
        realm: str,
        connection: str,
        holding: Holding,
        browser_macs: Sequence[str],
        auth_code_mac: str,
        lifetime_s: int,
    ) -> bool:
        """Spend it and write an authorization code for the request, in one transaction.

        False, and nothing written but the refusal, if it is unknown, over, used, another realm's, connection's or
        application's, or not held that way.
        """
        ...


class Clients(Protocol):
    """The applications that may call the API."""

    def find(self, realm: str, client_id: str) -> ApiClient | None:
        """One that is switched on."""
        ...

    def allows(self, realm: str, origin: str) -> bool:
        """Whether any of the realm's names the origin."""
        ...


class Callbacks(Protocol):
    """How one provider says what became of a message."""

    def read(self, callback: Callback) -> Receipt | None:
        """What it says; `None` for what is no end of the message.

        Raises:
            CallbackRefused: it is not the provider's, or not about the message that it names.
        """
        ...


class Receipts(Protocol):
    """What became of messages that a provider took."""

    def note(self, message_id: str, *, provider: str, receipt: Receipt | None) -> None:
        """Write it down, once: what comes later or again changes nothing.

        Raises:
            CallbackRefused: that provider took no such message.
        """
        ...


class AccountBook(Protocol):
    """An account's addresses. Whatever is changed is written with the notices to the others, in one transaction.

    `asker`, `key_id` and `locale` go into the notices: who did it, under which server key their links are made, and
    which language they are in.
    """

    def addresses(self, realm: str, subject_ids: Sequence[str]) -> list[OwnAddress]:
        """The addresses of these subjects, the longest proven first."""
        ...

    def holder(self, realm: str, connection: str, address: str) -> str | None:
        """The subject that an address stands for, if it stands for one."""
        ...

    def add(
        self,
        account: Account,
        challenge: Challenge,
        browser_macs: Sequence[str],
        *,
        network: str,
        subject_id: str,
        key_id: str,
    ) -> Outcome:
        """Use the challenge up and hang its address on the account's subject of that connection.

        The challenge must be one that adds an address, to this very account. It is used up too where the address
        turns out to stand for a subject already.

        Raises:
            ChallengeRefused: somebody was first, it ran out meanwhile, or it is of another purpose or account.
            RateLimited: the account was changed too often.
        """
        ...

    def remove(self, account: Account, own: OwnAddress, *, asker: Asker, locale: str, key_id: str) -> None:
        """Take an address off the account's subject, and void what it could still sign in with.

        Raises:
            ChallengeNotFound: it is not the account's.
            RateLimited: the account was changed too often.
        """
        ...

    def note_primary(
        self, account: Account, own: OwnAddress, *, asker: Asker, locale: str, key_id: str
    ) -> None:
        """Write down that Keycloak holds this address as the user's from now on.

        Raises:
            ChallengeNotFound: it is not the account's.
            RateLimited: the account was changed too often.
        """
        ...

    def note_added(
        self, account: Account, own: OwnAddress, *, asker: Asker, locale: str, key_id: str
    ) -> None:
        """Write down that an address came from an account that was merged into this one, however often.

        Raises:
            ChallengeNotFound: it is not the account's.
        """
        ...

    def change(self, change_id: str, *, within_s: int) -> AccountChange:
        """One change.

        Raises:
            ChallengeNotFound: unknown, or older than that.
        """
        ...

    def undo(self, change: AccountChange, *, within_s: int) -> bool:
        """Take a change back, once, and end the account's sessions; whether it was this call that did it."""
        ...


class AccountSessions(Protocol):
    """Who is signed in to the account page."""

    def open(self, session_mac: str, *, realm: str, account: str, auth_age_s: int, lifetime_s: int) -> None:
        """Begin one, of a user who proved who they are `auth_age_s` ago."""
        ...

    def find(self, session_macs: Sequence[str], *, realm: str) -> AccountSession | None:
        """The one of that realm, unless it is over."""
        ...

    def end(self, session_macs: Sequence[str]) -> None:
        """End one; twice is as once."""
        ...


class Accounts(Protocol):
    """Keycloak's side of an account.

    Each method raises `KeycloakUnavailable` where Keycloak does not answer, or does not do it.
    """

    def account(self, realm: str, user_id: str) -> Account | None:
        """The user; `None` if there is none of that id, or they are disabled."""
        ...

    def link(self, realm: str, user_id: str, connection: str, subject_id: str) -> None:
        """Let the connection's subject sign in as this user, who has none of that connection yet."""
        ...

    def set_email(self, realm: str, user_id: str, email: str) -> None:
        """Make it the user's email address, verified; an empty one takes away what they have."""
        ...

    def set_number(self, realm: str, user_id: str, number: str) -> None:
        """Make it the user's number, verified; an empty one takes away what they have."""
        ...

    def sign_out(self, realm: str, user_id: str) -> None:
        """End all of the user's sessions."""
        ...


class SignIn(Protocol):
    """The account page as a client of the realm: OpenID Connect's code flow with PKCE."""

    def begin(self, realm: str, *, state: str, nonce: str, code_verifier: str, max_age_s: int | None) -> str:
        """Where to send the browser; `max_age_s`: Keycloak asks anew whoever proved who they are longer ago."""
        ...

    def finish(self, realm: str, *, code: str, nonce: str, code_verifier: str) -> SignedIn:
        """Whom Keycloak let in.

        Raises:
            InvalidRequest: the code is none, or the ID token is not for this login.
            KeycloakUnavailable: it does not answer.
        """
        ...

    def sign_out_url(self, realm: str) -> str:
        """Where the user ends their session in Keycloak."""
        ...
