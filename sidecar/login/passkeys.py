"""Offer a passkey to whoever just proved an address, before Keycloak gets its answer.

The proof is spent by then, and its authorization code waits: it is made anew for the answer, so nothing that signs in
is in the page. Keycloak registers the passkey, by a required action that is set for the user; whoever does not come to
it has it taken back. All of it is an extra: where Keycloak's admin API is away, the login goes on without.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

import structlog

from sidecar.errors import KeycloakUnavailable
from sidecar.login.keys import KeyRing
from sidecar.login.ports import PasskeyAccounts, PasskeyOffers
from sidecar.login.room import Caller
from sidecar.login.verify import AUTH_CODE_BYTES, AUTH_CODE_LIFETIME_S, mac_of_auth_code
from sidecar.model.challenge import Challenge
from sidecar.settings import Settings

_log = structlog.get_logger()

#: How long an offer waits for its answer; Keycloak's own login gives up later, after half an hour.
HELD_S = 600
#: After so long, nobody is on the way to the registration any more.
ABANDONED_S = 900
#: Once Keycloak did not answer, nobody waits for it again for so long.
_PAUSE_S = 30
_BATCH = 50
_REST_S = 60
_DAY_S = 86_400


@dataclass(kw_only=True)
class Passkeys:
    """The offer, its answer, and what is left of it. One for a process."""

    settings: Settings
    keys: KeyRing
    offers: PasskeyOffers
    #: `None` where no realm has a service account: nothing is offered then.
    accounts: PasskeyAccounts | None
    _paused_until: float = field(default=0.0, init=False)

    def is_offered(self, challenge: Challenge) -> bool:
        """Whether a spent challenge's person is to be asked; if so, the authorization code waits for the answer.

        Never refuses: whatever is in the way of an offer, the login goes on.
        """
        realm = self.settings.realms[challenge.realm]
        if self.accounts is None or not realm.offers_passkeys:
            return False
        state = self.offers.state(challenge, since_s=realm.passkey_ask_again_days * _DAY_S)
        if state is None or time.monotonic() < self._paused_until:
            return False
        who = (challenge.realm, challenge.connection, state.subject_id)
        try:
            if state.is_wanted:
                self._take_back(self.accounts, *who)
            if state.is_declined and realm.passkeys != "require":
                return False
            if not self.accounts.lacks_passkey(*who):
                return False
        except KeycloakUnavailable as err:
            self._paused_until = time.monotonic() + _PAUSE_S
            _log.warning("passkey_not_offered", realm=challenge.realm, reason=str(err))
            return False
        return self.offers.hold(challenge, life_s=HELD_S)

    def is_waiting(self, challenge: Challenge, caller: Caller) -> bool:
        """Whether this browser is being asked."""
        return self.offers.is_held(challenge, caller.macs(self.keys))

    def may_decline(self, challenge: Challenge) -> bool:
        return self.settings.realms[challenge.realm].passkeys != "require"

    def answered(self, challenge: Challenge, caller: Caller, *, is_wanted: bool) -> str:
        """The raw authorization code to go to Keycloak with; Keycloak has a passkey registered next, if it is wanted.

        Raises:
            ChallengeNotFound: nothing waits for this browser's answer: it came already, too late, or is another's.
        """
        is_wanted = is_wanted or not self.may_decline(challenge)
        raw_auth_code = secrets.token_urlsafe(AUTH_CODE_BYTES)
        subject_id = self.offers.answer(
            challenge,
            caller.macs(self.keys),
            auth_code_mac=mac_of_auth_code(self.keys, challenge.realm, challenge.connection, raw_auth_code),
            lifetime_s=AUTH_CODE_LIFETIME_S,
            is_wanted=is_wanted,
        )
        if is_wanted and self.accounts:
            try:
                self.accounts.have_passkey_registered(challenge.realm, challenge.connection, subject_id)
            except KeycloakUnavailable as err:
                _log.warning("passkey_not_registered", realm=challenge.realm, reason=str(err))
        return raw_auth_code

    def take_back_abandoned(self) -> int:
        """Take the required action back from whoever said yes and did not come to it; how many were looked at.

        Those whose passkey is there by now have nothing to take back.

        Raises:
            KeycloakUnavailable: the rest keeps for the next time.
        """
        found = self.offers.wanted(before_s=ABANDONED_S, limit=_BATCH)
        for it in found:
            realm = self.settings.realms.get(it.realm)
            if self.accounts is None or realm is None or not realm.service_account:
                # Nobody may change the user any more.
                self.offers.forget_wanted(it.subject_id)
            else:
                self._take_back(self.accounts, it.realm, it.connection, it.subject_id)
        return len(found)

    def _take_back(self, accounts: PasskeyAccounts, realm: str, connection: str, subject_id: str) -> None:
        accounts.cancel_registration(realm, connection, subject_id)
        self.offers.forget_wanted(subject_id)


class TakingBack:
    """A worker's chore: what was abandoned, once a minute."""

    def __init__(self, passkeys: Passkeys) -> None:
        self._passkeys = passkeys
        self._due_at = 0.0

    def __call__(self) -> None:
        if time.monotonic() < self._due_at:
            return
        self._due_at = time.monotonic() + _REST_S
        try:
            self._passkeys.take_back_abandoned()
        except KeycloakUnavailable as err:
            _log.warning("passkey_registration_not_taken_back", reason=str(err))
