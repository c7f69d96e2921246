"""Whether a realm has an account for an address that the sidecar has never seen."""

from __future__ import annotations

import time
from collections.abc import Callable

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak.accounts import Accounts
from sidecar.model.address import is_number
from sidecar.model.challenge import Challenge
from sidecar.settings import Settings

#: How long a Keycloak that did not answer is left alone: each question may take `keycloak.timeout_s`.
_REST_S = 15.0
_NUMBER, _PROVEN = "phone_number", "phone_number_verified"


class KnownUsers:
    """The realms with `service_account = true`; in the others nobody is known.

    Args:
        settings: which realms there are.
        accounts: how their users are asked for.
        clock: seconds; another one in tests.
    """

    def __init__(
        self, settings: Settings, accounts: Accounts, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._accounts = accounts
        self._clock = clock
        self._resting_until = 0.0

    def have(self, challenge: Challenge) -> bool:
        """Whether an enabled user of the realm has the challenge's address or number, and may come in by it.

        With `linking = "separate"` nobody is: who comes gets a user of their own. With `"verified"` the email must be
        verified; with `"prompt"` its user is asked for a proof anyway. A number always must be.

        Raises:
            KeycloakUnavailable: it can't be asked, or could not a moment ago.
        """
        realm = self._settings.realms[challenge.realm]
        linking = realm.connections[challenge.connection].linking
        if not realm.service_account or linking == "separate":
            return False
        if self._clock() < self._resting_until:
            raise KeycloakUnavailable("Keycloak did not answer a moment ago: it is asked again soon")
        try:
            return self._find(challenge.realm, challenge.address, is_proven=linking == "verified")
        except KeycloakUnavailable:
            self._resting_until = self._clock() + _REST_S
            raise

    def _find(self, realm: str, address: str, *, is_proven: bool) -> bool:
        users = self._accounts.realm(realm)
        if is_number(address):
            query = {"q": f"{_NUMBER}:{address} {_PROVEN}:true", "briefRepresentation": "false"}
            found = users.get("users", max="2", **query)
            return any(
                user["enabled"]
                and user.get("attributes", {}).get(_NUMBER) == [address]
                and user["attributes"].get(_PROVEN) == ["true"]
                for user in found
            )
        found = users.get("users", email=address, exact="true", max="2")
        return any(
            user["enabled"] and user.get("email") == address and (user.get("emailVerified") or not is_proven)
            for user in found
        )
