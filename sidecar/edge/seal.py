"""An authorization request on its way through a page: signed, timed, and bound to the browser it was made for."""

from __future__ import annotations

from collections.abc import Mapping

from itsdangerous import BadData, URLSafeTimedSerializer

from sidecar.errors import InvalidRequest
from sidecar.login.keys import KeyRing
from sidecar.login.room import Caller
from sidecar.model.authorization import AuthorizationRequest

#: As long as Keycloak keeps its own login open by default.
LIFETIME_S = 1800


class Seal:
    """Nothing is stored for a page that nobody submits, so opening the door costs no row."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        # itsdangerous signs with the last key of a list and accepts all of them; ours come newest first.
        derived = [keys.derive(key_id, "authorization-request-seal") for key_id in reversed(keys.ids)]
        self._serializer = URLSafeTimedSerializer(derived, salt="authorization-request")

    def close(self, realm: str, connection: str, authorization: AuthorizationRequest, caller: Caller) -> str:
        payload = [realm, connection, caller.mac(self._keys), authorization.as_json()]
        sealed = self._serializer.dumps(payload)
        return sealed if isinstance(sealed, str) else sealed.decode()

    def open(
        self, realm: str, connection: str, unverified_sealed: str, caller: Caller
    ) -> AuthorizationRequest:
        """The request that was sealed for this browser, realm and connection.

        Raises:
            InvalidRequest: forged, too old, or another browser's.
        """
        try:
            payload = self._serializer.loads(unverified_sealed, max_age=LIFETIME_S)
        except BadData as err:
            raise InvalidRequest("the page is too old: start again from the application") from err
        sealed_realm, sealed_connection, browser_mac, authorization = payload
        if (sealed_realm, sealed_connection) != (realm, connection) or browser_mac not in caller.macs(
            self._keys
        ):
            raise InvalidRequest("the page was made for another browser: start again from the application")
        return AuthorizationRequest(**authorization)


class PendingSeal:
    """What a browser keeps of a login that is on its way through Keycloak; signed and timed, so it can't make it up."""

    def __init__(self, keys: KeyRing) -> None:
        derived = [keys.derive(key_id, "account-sign-in-seal") for key_id in reversed(keys.ids)]
        self._serializer = URLSafeTimedSerializer(derived, salt="account-sign-in")

    def close(self, pending: Mapping[str, str]) -> str:
        sealed = self._serializer.dumps(dict(pending))
        return sealed if isinstance(sealed, str) else sealed.decode()

    def open(self, unverified_sealed: str, *, within_s: int) -> dict[str, str]:
        """What was sealed.

        Raises:
            InvalidRequest: forged, or too old.
        """
        try:
            pending: dict[str, str] = self._serializer.loads(unverified_sealed, max_age=within_s)
        except BadData as err:
            raise InvalidRequest(
                "this sign-in was not begun in this browser: open the account page again"
            ) from err
        return pending
