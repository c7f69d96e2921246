"""Users and their passkeys, as the running sidecar sees and changes them."""

from __future__ import annotations

from typing import Any

from sidecar.keycloak.accounts import Accounts
from sidecar.keycloak.passkeys import REGISTRATION

#: How Keycloak calls a passkey among a user's credentials.
_CREDENTIAL = "webauthn-passwordless"
#: A realm role that lets its users off: nobody asks them, not even where everybody must have a passkey.
LET_OFF = "passwordless-no-passkey"


class PasskeyUsers:
    """`login.ports.PasskeyAccounts` over Keycloak's admin API."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def lacks_passkey(self, realm: str, connection: str, subject_id: str) -> bool:
        user = self._user(realm, connection, subject_id)
        if user is None or REGISTRATION in user.get("requiredActions", ()):
            return False
        admin = self._accounts.realm(realm)
        if any(it["type"] == _CREDENTIAL for it in admin.get("users", user["id"], "credentials")):
            return False
        roles = admin.get("users", user["id"], "role-mappings", "realm", "composite")
        return all(it["name"] != LET_OFF for it in roles)

    def have_passkey_registered(self, realm: str, connection: str, subject_id: str) -> None:
        self._set(realm, connection, subject_id, is_asked=True)

    def cancel_registration(self, realm: str, connection: str, subject_id: str) -> None:
        self._set(realm, connection, subject_id, is_asked=False)

    def _set(self, realm: str, connection: str, subject_id: str, *, is_asked: bool) -> None:
        user = self._user(realm, connection, subject_id)
        if user is None or (REGISTRATION in user.get("requiredActions", ())) == is_asked:
            return
        others = [it for it in user.get("requiredActions", ()) if it != REGISTRATION]
        actions = [*others, REGISTRATION] if is_asked else others
        self._accounts.realm(realm).put("users", user["id"], body={**user, "requiredActions": actions})

    def _user(self, realm: str, connection: str, subject_id: str) -> dict[str, Any] | None:
        """The user whom the subject is linked with; nobody before the first login."""
        found = self._accounts.realm(realm).get("users", idpAlias=connection, idpUserId=subject_id)
        return found[0] if found else None
