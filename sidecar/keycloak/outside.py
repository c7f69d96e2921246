"""Examining a realm from outside: both servers by the addresses that browsers and the other server use.

Nothing is changed: discovery documents and keys are read, and one authorization request is sent that lacks all but its
redirect URI, so that it is refused. Redirects are not followed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import requests

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak.admin import Admin, NotAllowed
from sidecar.model.checkup import Check, Finding
from sidecar.settings import Settings

_MAX_BYTES = 256 * 1024
_CHUNK = 16 * 1024
_WELL_KNOWN = "/.well-known/openid-configuration"
_CLIENT_ID = "keycloak"
#: As `allowedClockSkew` of the identity providers; past it Keycloak refuses ID tokens.
_SKEW_REFUSED_S = 5.0
_SKEW_NOTED_S = 2.0
#: A Date header has whole seconds: the middle of its second is at most that far off.
_HALF_SECOND = 0.5

#: The keys that the database publishes for the realm, as JWKs.
PublishedKeys = Callable[[], list[dict[str, Any]]]


class _NoAnswer(Exception):
    """A URL did not give what is there; the text says in which way."""


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int
    location: str
    body: Mapping[str, Any]
    #: How far the server's clock is ahead of ours, and how far that can be off, in seconds; `None`: it did not say.
    clock: tuple[float, float] | None


class OutsideDoctor:
    """The checks of one realm's addresses.

    Args:
        settings: with `[realms.<realm_name>]`.
        realm_name: the realm.
        published_keys: what raises is a finding of the check of keys.
        admin: Keycloak's admin API, if it is there: with it Keycloak is asked to look at the sidecar itself.
    """

    def __init__(
        self,
        settings: Settings,
        realm_name: str,
        *,
        published_keys: PublishedKeys,
        admin: Callable[[], Admin | None],
    ) -> None:
        self._settings = settings
        self._name = realm_name
        self._published_keys = published_keys
        self._admin = admin
        self._connections = settings.realms[realm_name].connections
        #: Keycloak's issuer of the realm, as browsers see it; empty until it was read.
        self._seen_issuer = ""

    def checks(self) -> Iterator[Check]:
        """Keycloak's addresses, then the sidecar's, then what holds the two together."""
        keycloak, server = self._settings.keycloak, self._settings.server
        yield Check(name="keycloak-public", title=f"Keycloak at {keycloak.url}", look=self._keycloak_public)
        if keycloak.internal_url != keycloak.url:
            yield Check(
                name="keycloak-internal",
                title=f"Keycloak at {keycloak.internal_url}",
                look=self._keycloak_internal,
            )
        yield Check(
            name="keycloak-keys", title="Keycloak's keys, as the sidecar reads them", look=self._certs
        )
        for connection in self._connections:
            yield self._of(connection, "sidecar-public", f"at {server.public_url}", self._sidecar_public)
            if server.internal_url != server.public_url:
                yield self._of(
                    connection, "sidecar-internal", f"at {server.internal_url}", self._sidecar_internal
                )
            yield self._of(connection, "sidecar-from-keycloak", "as Keycloak reaches it", self._from_keycloak)
            yield self._of(connection, "redirect-uri", "takes Keycloak's redirect URI", self._redirect_uri)
        yield Check(name="clocks", title="the clocks of Keycloak and the sidecar", look=self._clocks)

    @staticmethod
    def _of(connection: str, name: str, title: str, look: Callable[[str], Iterator[Finding]]) -> Check:
        return Check(
            name=f"{name}:{connection}",
            title=f"connection {connection} of the sidecar {title}",
            look=lambda: look(connection),
        )

    def _realm_url(self, base: str) -> str:
        return f"{base}/realms/{quote(self._name, safe='')}"

    def _connection_url(self, base: str, connection: str) -> str:
        return f"{self._realm_url(base)}/{connection}"

    def _keycloak_public(self) -> Iterator[Finding]:
        url = self._settings.keycloak.url
        try:
            answer = self._discovery(self._realm_url(url))
        except _NoAnswer as err:
            yield Finding(
                severity="problem" if url == self._settings.keycloak.internal_url else "warning",
                what=f"{err}",
                why="browsers are sent there; if this machine can't reach it but they can, look from one that can",
                mend="start Keycloak, or correct keycloak.url in the settings",
            )
            return
        self._seen_issuer = str(answer.body.get("issuer", ""))
        if self._seen_issuer != self._realm_url(url):
            yield Finding(
                severity="problem",
                what=f"Keycloak calls the realm {self._seen_issuer or 'nothing'}, and the settings"
                f" {self._realm_url(url)}",
                why="Keycloak makes its redirect URI of its own name, and the sidecar takes one made of keycloak.url:"
                " every sign-in fails",
                mend="set keycloak.url to Keycloak's hostname, or Keycloak's `hostname` (and the realm's Frontend URL)"
                " to keycloak.url; then restart",
            )

    def _keycloak_internal(self) -> Iterator[Finding]:
        url = self._settings.keycloak.internal_url
        try:
            answer = self._discovery(self._realm_url(url))
        except _NoAnswer as err:
            yield Finding(
                severity="problem",
                what=f"{err}",
                why="the sidecar reads the realm's keys there, without which no token request is answered",
                mend="start Keycloak, or correct keycloak.internal_url in the settings",
            )
            return
        issuer = str(answer.body.get("issuer", ""))
        expected = self._seen_issuer or self._realm_url(self._settings.keycloak.url)
        if not self._seen_issuer and issuer != self._realm_url(url):
            # A fixed name: browsers see the same.
            self._seen_issuer = issuer
        if issuer != expected:
            yield Finding(
                severity="warning",
                what=f"Keycloak calls the realm {issuer} there, and it should be {expected}",
                why="its name follows the Host of a request: it is not fixed, or this is another Keycloak",
                mend="set Keycloak's `hostname` to keycloak.url, with `hostname-backchannel-dynamic` left off;"
                " or correct keycloak.internal_url",
            )

    def _certs(self) -> Iterator[Finding]:
        url = f"{self._realm_url(self._settings.keycloak.internal_url)}/protocol/openid-connect/certs"
        try:
            keys = self._get(url).body.get("keys", [])
        except _NoAnswer as err:
            yield Finding(
                severity="problem",
                what=f"{err}",
                why="the sidecar checks Keycloak's token requests with these keys: every sign-in fails without",
                mend="start Keycloak, or correct keycloak.internal_url in the settings",
            )
            return
        if not any(key.get("alg") == "ES256" for key in keys):
            yield Finding(
                severity="problem",
                what="the realm publishes no key for ES256",
                why="the sidecar takes token requests signed with it alone: every sign-in fails",
                mend=f"passwordless apply {self._name}",
            )

    def _sidecar_public(self, connection: str) -> Iterator[Finding]:
        server = self._settings.server
        yield from self._sidecar(
            connection,
            server.public_url,
            key="server.public_url",
            who="browsers are sent there",
            is_only=server.public_url == server.internal_url,
        )

    def _sidecar_internal(self, connection: str) -> Iterator[Finding]:
        yield from self._sidecar(
            connection,
            self._settings.server.internal_url,
            key="server.internal_url",
            who="Keycloak redeems codes and reads keys there",
            is_only=True,
        )

    def _sidecar(self, connection: str, base: str, *, key: str, who: str, is_only: bool) -> Iterator[Finding]:
        url = self._connection_url(base, connection)
        try:
            said = self._discovery(url).body
            keys = self._get(f"{url}/jwks").body.get("keys", [])
        except _NoAnswer as err:
            yield Finding(
                severity="problem" if is_only else "warning",
                what=f"{err}",
                why=f"{who}: every sign-in fails, unless only this machine can't reach it",
                mend=f"start the sidecar (`passwordless serve`) and the proxy before it, or correct {key}",
            )
            return
        issuer = self._settings.issuer(self._name, connection)
        if said.get("issuer") != issuer:
            yield Finding(
                severity="problem",
                what=f"the sidecar calls itself {said.get('issuer')}, and the settings {issuer}",
                why="Keycloak takes ID tokens of one issuer alone: every sign-in fails",
                mend="restart the sidecar with these settings, or correct server.public_url and run"
                f" `passwordless apply {self._name}`",
            )
        published = self._published_keys()
        if _by_kid(keys) != _by_kid(published):
            yield Finding(
                severity="problem",
                what=f"{url}/jwks publishes {_kids(keys)}, and the database {_kids(published)}",
                why="Keycloak can't check, or must not trust, what is signed with the others: another database, an old"
                " process, or somebody in between",
                mend="restart all processes of the sidecar with the same database, then look again;"
                " `passwordless keys list` shows the database's",
            )

    def _from_keycloak(self, connection: str) -> Iterator[Finding]:
        """Keycloak itself reads the sidecar's discovery document, as its admin console can."""
        admin = self._admin()
        if admin is None:
            yield Finding(severity="note", what="not looked at: that needs Keycloak's admin API")
            return
        url = self._connection_url(self._settings.server.internal_url, connection) + _WELL_KNOWN
        try:
            found = admin.ask(
                "realms",
                self._name,
                "identity-provider",
                "import-config",
                body={"providerId": "oidc", "fromUrl": url},
            )
        except NotAllowed:
            yield Finding(
                severity="note",
                what="not looked at: this admin may not ask that, which takes the role manage-identity-providers",
            )
            return
        except KeycloakUnavailable as err:
            yield Finding(
                severity="problem",
                what=f"Keycloak can't read {url}: {err}",
                why="Keycloak redeems codes and reads keys there: every sign-in fails",
                mend="let Keycloak's machine reach the sidecar, with a certificate that it trusts, or correct"
                " server.internal_url; Keycloak's log says more",
            )
            return
        issuer = self._settings.issuer(self._name, connection)
        if found.get("issuer") != issuer:
            yield Finding(
                severity="problem",
                what=f"Keycloak finds {found.get('issuer')} at {url}, and the settings name {issuer}",
                why="another server answers Keycloak there: every sign-in fails, or somebody else signs people in",
                mend="correct server.internal_url, or what Keycloak's machine resolves its host to",
            )

    def _redirect_uri(self, connection: str) -> Iterator[Finding]:
        """A request without anything but client and redirect URI goes back to Keycloak, if that URI is right."""
        if not self._seen_issuer:
            yield Finding(
                severity="note",
                what="not looked at: Keycloak did not say how browsers see the realm",
            )
            return
        wanted = f"{self._seen_issuer}/broker/{connection}/endpoint"
        url = self._connection_url(self._settings.server.internal_url, connection) + "/authorize"
        try:
            answer = self._ask(url, client_id=_CLIENT_ID, redirect_uri=wanted)
        except _NoAnswer as err:
            yield Finding(
                severity="problem",
                what=f"{err}",
                why="the sidecar answers no authorization request: every sign-in fails",
                mend="start the sidecar (`passwordless serve`), or correct server.internal_url",
            )
            return
        if not answer.location.startswith(f"{wanted}?"):
            yield Finding(
                severity="problem",
                what=f"the sidecar answers {answer.status} to Keycloak's redirect URI {wanted}",
                why="Keycloak sends people with that URI, and the sidecar takes the one made of its keycloak.url:"
                " every sign-in fails",
                mend="set keycloak.url to Keycloak's own name (its `hostname`), and restart the sidecar",
            )

    def _clocks(self) -> Iterator[Finding]:
        admin = self._admin()
        if admin is None:
            yield Finding(severity="note", what="not compared: that needs Keycloak's admin API")
            return
        keycloak = admin.clock()
        connection = next(iter(self._connections))
        sidecar = self._clock(self._connection_url(self._settings.server.internal_url, connection) + "/jwks")
        if sidecar is None:
            yield Finding(
                severity="warning",
                what="not compared: the sidecar did not say its time",
                why="clocks that are more than 5 s apart make sign-ins fail",
                mend="let nothing between here and server.internal_url cache its answers or drop their Date",
            )
            return
        ahead = sidecar[0] - keycloak[0]
        surely = abs(ahead) - sidecar[1] - keycloak[1]
        if surely > _SKEW_NOTED_S:
            yield Finding(
                severity="problem" if surely > _SKEW_REFUSED_S else "warning",
                what=f"the sidecar's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} Keycloak's"
                f" (this machine's is {abs(keycloak[0]):.0f} s {'behind' if keycloak[0] > 0 else 'ahead of'}"
                " Keycloak's)",
                why=f"past {_SKEW_REFUSED_S:.0f} s Keycloak takes tokens for not yet valid, or for expired:"
                " sign-ins fail",
                mend="let both machines follow the same time servers: `timedatectl set-ntp true`",
            )

    def _clock(self, url: str) -> tuple[float, float] | None:
        try:
            return self._get(url).clock
        except _NoAnswer:
            return None

    def _discovery(self, base: str) -> _Answer:
        return self._get(base + _WELL_KNOWN)

    def _get(self, url: str) -> _Answer:
        """A JSON object.

        Raises:
            _NoAnswer: none came; the text names the URL and the cause.
        """
        answer = self._ask(url)
        if answer.status != requests.codes.ok:
            raise _NoAnswer(f"{url} answers {answer.status}")
        if not answer.body:
            raise _NoAnswer(f"{url} answers something else than a JSON object")
        return answer

    def _ask(self, url: str, **query: str) -> _Answer:
        began, at = time.monotonic(), time.time()
        try:
            with requests.get(
                url,
                params=query,
                headers={"Cache-Control": "no-cache"},
                timeout=self._settings.keycloak.timeout_s,
                allow_redirects=False,
                stream=True,
            ) as response:
                took = time.monotonic() - began
                body = b""
                for chunk in response.iter_content(_CHUNK):
                    body += chunk
                    if len(body) > _MAX_BYTES:
                        break
                return _Answer(
                    status=response.status_code,
                    location=response.headers.get("Location", ""),
                    body=_object(body),
                    clock=_clock_of(response, at=at + took / 2, took=took),
                )
        except requests.exceptions.SSLError as err:
            raise _NoAnswer(f"the TLS certificate of {url} is not trusted here") from err
        except requests.Timeout as err:
            raise _NoAnswer(f"{url} does not answer in time") from err
        except requests.RequestException as err:
            raise _NoAnswer(f"{url} can't be reached") from err


def _clock_of(response: requests.Response, *, at: float, took: float) -> tuple[float, float] | None:
    if "Age" in response.headers:
        return None  # a cache's answer has the time of when it was made
    try:
        date = parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
    except ValueError:
        return None
    return date + _HALF_SECOND - at, _HALF_SECOND + took / 2


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _by_kid(keys: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {str(key.get("kid")): key for key in keys}


def _kids(keys: list[dict[str, Any]]) -> str:
    return ", ".join(sorted(_by_kid(keys))) or "no key"
