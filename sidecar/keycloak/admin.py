"""Keycloak's admin API: the only module that knows python-keycloak.

That library signs in and keeps the token fresh. The paths are Keycloak's own, since the library's helpers neither
quote names (a flow's may hold a slash) nor cover all that is needed here (texts, priorities).
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, cast
from urllib.parse import quote

from keycloak import KeycloakOpenIDConnection
from keycloak.exceptions import KeycloakConnectionError, KeycloakError
from requests import Response
from requests.exceptions import SSLError, Timeout

from sidecar.errors import KeycloakUnavailable
from sidecar.model.client import ASSERTION_TYPE
from sidecar.settings import Settings

#: A token's times have whole seconds: the middle of one is at most that far off.
_HALF_SECOND = 0.5
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _CONFLICT, _REFUSED = 401, 403, 404, 409, 400


#: By default it repeats a POST that was not answered in time, which may have been done all the same.
_UNREPEATED: dict[str, Any] = {"max_retries": 0}
_WHO_MAY = (
    "give the user the role `admin` (realm master), or `realm-admin` of the client `realm-management`"
    " (in the realm itself, with --admin-realm)"
)


class NotAllowed(KeycloakUnavailable):
    """This admin may not do that; another may."""


class NothingThere(KeycloakUnavailable):
    """What was to be read, changed or taken away is not there."""


class Conflict(KeycloakUnavailable):
    """Keycloak has something of that name already."""


class Refused(KeycloakUnavailable):
    """Keycloak does not take what was sent."""


_FAILURES = {_CONFLICT: Conflict, _REFUSED: Refused}


class Admin:
    """The admin API below one path; `at` goes deeper. Every failure is a `KeycloakUnavailable` that says what to do.

    Path segments are quoted, so names may hold anything.
    """

    def __init__(self, connection: KeycloakOpenIDConnection, *path: str) -> None:
        self._connection = connection
        self._path = path

    def at(self, *path: str) -> Admin:
        return type(self)(self._connection, *self._path, *path)

    def find(self, *path: str, **query: str) -> Any:
        """What is there, as JSON; `None` if nothing is."""
        response = self._send("raw_get", path, **query)
        return (
            None if response.status_code == _NOT_FOUND else self._json(self._checked("GET", path, response))
        )

    def get(self, *path: str, **query: str) -> Any:
        """What is there, as JSON; an error if nothing is."""
        return self._json(self._checked("GET", path, self._send("raw_get", path, **query)))

    def post(self, *path: str, body: Any) -> str:
        """Make something; its id, from the answer's Location, or an empty string."""
        response = self._checked("POST", path, self._send("raw_post", path, data=json.dumps(body)))
        return str(response.headers.get("Location", "")).rpartition("/")[2]

    def ask(self, *path: str, body: Any) -> Any:
        """The JSON that a POST answers which changes nothing."""
        return self._json(self._checked("POST", path, self._send("raw_post", path, data=json.dumps(body))))

    def clock(self) -> tuple[float, float]:
        """How far Keycloak's clock is ahead of this machine's, and how far that may be off, in seconds.

        By the time in a token that it issues now: Keycloak sends no Date, and a proxy's would be the proxy's.
        """
        began, at = time.monotonic(), time.time()
        try:
            self._connection.get_token()
        except KeycloakError as err:
            raise _unavailable(err, str(self._connection.server_url)) from err
        took = time.monotonic() - began
        token = self._connection.token or {}
        payload = str(token["access_token"]).split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims["iat"] + _HALF_SECOND - (at + took / 2), _HALF_SECOND + took / 2

    def put(self, *path: str, body: Any = None) -> None:
        self._checked("PUT", path, self._send("raw_put", path, data=json.dumps(body)))

    def delete(self, *path: str) -> None:
        """Take something away; `apply` only what it makes anew at once."""
        self._checked("DELETE", path, self._send("raw_delete", path))

    def discard(self, *path: str) -> None:
        """Take something away that may be gone already."""
        response = self._send("raw_delete", path)
        if response.status_code != _NOT_FOUND:
            self._checked("DELETE", path, response)

    def _send(self, verb: str, path: tuple[str, ...], **arguments: str) -> Response:
        try:
            return cast("Response", getattr(self._connection, verb)(self._url(path), **arguments))
        except KeycloakError as err:
            raise _unavailable(err, str(self._connection.server_url)) from err

    def _url(self, path: tuple[str, ...]) -> str:
        return "/".join(("admin", *(quote(segment, safe="") for segment in self._path + path)))

    def _checked(self, method: str, path: tuple[str, ...], response: Response) -> Response:
        if response.ok:
            return response
        call = f"{method} /{self._url(path)}"
        if response.status_code in {_UNAUTHORIZED, _FORBIDDEN}:
            remedy = self._connection.remedy if isinstance(self._connection, _ServiceAccount) else _WHO_MAY
            raise NotAllowed(f"Keycloak does not let this admin do {call} ({response.status_code}): {remedy}")
        if response.status_code == _NOT_FOUND:
            raise NothingThere(
                f"Keycloak has nothing at {call}: was it removed meanwhile? Run the command again"
            )
        answered = f"Keycloak answered {call} with {response.status_code}: {_message(response)}"
        raise _FAILURES.get(response.status_code, KeycloakUnavailable)(answered)

    @staticmethod
    def _json(response: Response) -> Any:
        return response.json() if response.content else None


def connect(settings: Settings, *, username: str, password: str, realm: str = "master") -> Admin:
    """Sign in to the admin API at `keycloak.internal_url`.

    Args:
        settings: where Keycloak is, and how many seconds a call may take.
        username: an admin's.
        password: that admin's; it goes to Keycloak's token endpoint only.
        realm: where the admin's account is; another than `master` for an admin of that realm alone.

    Raises:
        KeycloakUnavailable: not reachable, TLS, wrong password, no such realm; the text says what to do.
    """
    url = f"{settings.keycloak.internal_url}/"
    connection = KeycloakOpenIDConnection(
        server_url=url,
        username=username,
        password=password,
        realm_name=realm,
        user_realm_name=realm,
        client_id="admin-cli",
        timeout=settings.keycloak.timeout_s,
        **_UNREPEATED,
    )
    try:
        connection.get_token()
    except KeycloakError as err:
        raise _unavailable(err, url, username=username, realm=realm) from err
    return Admin(connection)


class _ServiceAccount(KeycloakOpenIDConnection):
    """A connection that signs in by an assertion of its own (RFC 7523 §2.2), anew whenever its token is over."""

    def __init__(self, assertions: Sequence[Callable[[], str]], **options: Any) -> None:
        super().__init__(**options)
        self._assertions = list(assertions)
        self.remedy = (
            f"run `passwordless bootstrap {self.realm_name}` as an admin, which gives the roles it needs"
        )

    def get_token(self) -> None:
        for assertion in list(self._assertions):
            try:
                self.token = self.keycloak_openid.token(
                    grant_type="client_credentials",
                    client_assertion_type=ASSERTION_TYPE,
                    client_assertion=assertion(),
                )
            except KeycloakError as err:
                if err.response_code not in {_REFUSED, _UNAUTHORIZED}:
                    raise _unavailable(err, str(self.server_url), realm=str(self.realm_name)) from err
                refused = err
            else:
                self._assertions = [assertion]
                return
        raise KeycloakUnavailable(
            f"Keycloak refused to sign in the service account '{self.client_id}' in realm '{self.realm_name}'"
            f" ({_plain(refused)}): run `passwordless bootstrap {self.realm_name}` as an admin (once, and after a"
            " change of server.secret_keys); if that changes nothing, look at keycloak.url, which must be Keycloak's"
            " own address, and at this machine's clock"
        ) from refused


def connect_by_assertion(
    settings: Settings, *, realm: str, client_id: str, assertions: Sequence[Callable[[], str]]
) -> Admin:
    """Sign in to the admin API as a client's service account.

    Args:
        settings: where Keycloak is, and how many seconds a call may take.
        realm: the client's.
        client_id: the client's.
        assertions: each makes a fresh one; the first that Keycloak takes is used from then on. At least one.

    Raises:
        KeycloakUnavailable: not reachable, TLS, none taken, no such realm; the text says what to do.
    """
    connection = _ServiceAccount(
        assertions,
        server_url=f"{settings.keycloak.internal_url}/",
        realm_name=realm,
        user_realm_name=realm,
        client_id=client_id,
        timeout=settings.keycloak.timeout_s,
        **_UNREPEATED,
    )
    connection.get_token()
    return Admin(connection)


def _unavailable(err: KeycloakError, url: str, *, username: str = "", realm: str = "") -> KeycloakUnavailable:
    if isinstance(err, KeycloakConnectionError):
        return KeycloakUnavailable(_why_unreachable(err.__cause__, url))
    status, text = err.response_code, _plain(err)
    if status == _NOT_FOUND:
        return KeycloakUnavailable(
            f"{url} has no realm '{realm}' to sign in to: check --admin-realm, and that keycloak.internal_url is"
            " Keycloak's base URL (with its relative path, if it has one)"
        )
    if status in {_REFUSED, _UNAUTHORIZED}:
        return KeycloakUnavailable(
            f"Keycloak refused to sign in the admin '{username}' in realm '{realm}' ({text}):"
            " check name, password and --admin-realm;"
            " an account with a second factor or a pending action can't be used, make one for this"
        )
    if status == _FORBIDDEN:
        return KeycloakUnavailable(
            f"Keycloak refused a sign-in over {url} ({text}): the realm '{realm}' wants HTTPS,"
            " so set keycloak.internal_url to https"
        )
    return KeycloakUnavailable(
        f"Keycloak at {url} did not sign us in (status {status}: {text}): see Keycloak's own log"
    )


def _why_unreachable(cause: BaseException | None, url: str) -> str:
    if isinstance(cause, SSLError):
        return (
            f"the TLS certificate of {url} is not trusted: name its authority's file in REQUESTS_CA_BUNDLE,"
            " or correct keycloak.internal_url"
        )
    if isinstance(cause, Timeout):
        return f"Keycloak at {url} did not answer in time: see if it is still starting, or raise keycloak.timeout_s"
    return f"Keycloak can't be reached at {url}: start it, or correct keycloak.internal_url"


def _message(response: Response) -> str:
    try:
        answer = response.json()
    except ValueError:
        return response.text[:200] or "no reason given"
    return str(answer.get("errorMessage") or answer.get("error_description") or answer.get("error") or answer)


def _plain(err: KeycloakError) -> str:
    """Keycloak's own words out of python-keycloak's error, which may hold the body's bytes."""
    text = err.error_message
    raw = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    try:
        answer = json.loads(raw)
    except ValueError:
        return raw[:200]
    return str(answer.get("error_description") or answer.get("error") or raw[:200])
