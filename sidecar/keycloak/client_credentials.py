"""Whether a client of the realm is who it says, by Keycloak's own word; nothing of it is kept here in the clear."""

from __future__ import annotations

import threading
import time
from typing import Protocol

import requests

from sidecar.errors import KeycloakUnavailable
from sidecar.login.keys import KeyRing
from sidecar.model.client import ASSERTION_TYPE
from sidecar.settings import Keycloak

_FRESH_S = 60.0
_MOST = 1000


class _Given(Protocol):
    @property
    def client_id(self) -> str: ...
    @property
    def secret(self) -> str: ...
    @property
    def assertion(self) -> str: ...


class CheckedAtKeycloak:
    """`api.ports.ClientCredentials`: by the introspection endpoint, which answers nobody unknown (RFC 7662 §2.1).

    A right secret is taken for right for a minute, by its MAC; an assertion is for once, so each is asked for.
    """

    def __init__(self, settings: Keycloak, keys: KeyRing) -> None:
        self._settings = settings
        self._keys = keys
        self._right: dict[str, float] = {}
        self._lock = threading.Lock()

    def are_right(self, realm: str, credentials: _Given) -> bool:
        if not credentials.secret and not credentials.assertion:
            return False
        mac = self._keys.mac(
            "client-secret", realm.encode(), credentials.client_id.encode(), credentials.secret.encode()
        )
        if not credentials.assertion and self._right.get(mac, 0.0) > time.monotonic():
            return True
        is_right = self._asked(realm, credentials)
        if is_right and not credentials.assertion:
            with self._lock:
                if len(self._right) >= _MOST:
                    self._right.clear()
                self._right[mac] = time.monotonic() + _FRESH_S
        return is_right

    def _asked(self, realm: str, credentials: _Given) -> bool:
        form = {"token": "none", "client_id": credentials.client_id}
        if credentials.assertion:
            form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": credentials.assertion}
        else:
            form["client_secret"] = credentials.secret
        url = self._settings.internal_endpoint(realm, "token/introspect")
        try:
            response = requests.post(
                url,
                data=form,
                timeout=self._settings.timeout_s,
                allow_redirects=False,
            )
        except requests.RequestException as err:
            raise KeycloakUnavailable(f"{url} can't be reached to check a client's credentials") from err
        if response.status_code >= requests.codes.server_error:
            raise KeycloakUnavailable(
                f"{url} answers {response.status_code} to a check of a client's credentials"
            )
        return bool(response.status_code == requests.codes.ok)
