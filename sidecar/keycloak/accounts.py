"""The users of a realm as the running sidecar may change them: what its own service account is for.

One `Accounts` serves all threads of a process. It connects when it is first needed, in the process that needs it, so
a server starts without Keycloak and forks with no connection.
"""

from __future__ import annotations

from collections.abc import Callable

from sidecar.errors import SettingsError
from sidecar.keycloak.admin import Admin
from sidecar.keycloak.service_account import SIDECAR, connect_as_service_account
from sidecar.settings import Settings


def _connect(settings: Settings, realm: str) -> Admin:
    return connect_as_service_account(settings, realm, SIDECAR)


class Accounts:
    """The realms with `service_account = true`.

    Every call is bounded by `keycloak.timeout_s`, and every failure is a `KeycloakUnavailable`: nothing that needs
    an account goes on without it.

    Args:
        settings: where Keycloak is, and which realms there are.
        connect: signs in to one realm.
    """

    def __init__(self, settings: Settings, connect: Callable[[Settings, str], Admin] = _connect) -> None:
        self._settings = settings
        self._connect = connect
        self._admins: dict[str, Admin] = {}

    def realm(self, name: str) -> Admin:
        """The admin API below one realm, for all threads; its token is renewed as it ends.

        Raises:
            KeycloakUnavailable: it can't be reached, or knows no such account; the text says what to do.
            SettingsError: the realm's settings don't let the sidecar have one.
        """
        found = self._admins.get(name)
        if found is None:
            if not self._settings.realms[name].service_account:
                raise SettingsError(f"realms.{name}.service_account is false: nothing here may ask for users")
            # Not under a lock: while Keycloak does not answer, each would wait for all before it.
            found = self._admins.setdefault(name, self._connect(self._settings, name))
        return found.at("realms", name)
