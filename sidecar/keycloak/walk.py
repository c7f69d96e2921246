"""The login of an API client at Keycloak, walked here: the authorization code flow with PKCE, without a page.

It is the same way that a browser goes, so the same flows, policies and events hold. Where Keycloak would show a page,
a person is needed, and the walk ends.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import requests

from sidecar.errors import AccountRefused, InteractionRequired, KeycloakUnavailable, TooBusy
from sidecar.model.client import Walker
from sidecar.settings import Settings

_MOST_STEPS = 16
# Together below what people, and the time limits of SDKs, bear.
_MOST_WAIT_S = 11.0
_MOST_S = 8.0
_MAX_BODY_BYTES = 512 * 1024
_PAGE = re.compile(r'data-page-id="([^"]{1,100})"')
#: Pages on which Keycloak says that nobody can sign in to this account, and no person can go on.
_FINAL_PAGES = frozenset({"login-error", "login-info"})
_REDIRECTS = frozenset({301, 302, 303, 307})


class HeadlessLogin:
    """`api.ports.Walks`: `walking` at once, for Keycloak calls our token endpoint while one is under way.

    `waiting` more wait for a place, as long as people bear, each inside `aside`, in nobody's way.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        walking: int,
        waiting: int,
        aside: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._settings = settings
        self._places = threading.Semaphore(walking)
        self._seats = threading.Semaphore(waiting)
        self._aside = aside

    def admit(self) -> Callable[[], None]:
        if self._places.acquire(blocking=False):
            return self._places.release
        if not self._seats.acquire(blocking=False):
            raise TooBusy
        try:
            with self._aside():
                if not self._places.acquire(timeout=_MOST_WAIT_S):
                    raise TooBusy
        finally:
            self._seats.release()
        return self._places.release

    def tokens(self, walker: Walker, authorize: Callable[[Mapping[str, str]], str]) -> dict[str, Any]:
        walk = _Walk(self._settings, walker, authorize)
        code = walk.to_the_code()
        return walk.exchanged(code)


class _Walk:
    """One login: its cookies, its `state`, its PKCE verifier; gone with it."""

    def __init__(
        self, settings: Settings, walker: Walker, authorize: Callable[[Mapping[str, str]], str]
    ) -> None:
        self._settings = settings
        self._walker = walker
        self._authorize = authorize
        self._cookies: dict[str, str] = {}
        self._session = requests.Session()
        self._session.trust_env = False
        self._state = secrets.token_urlsafe(16)
        self._verifier = secrets.token_urlsafe(48)
        self._callback = settings.embedded_callback(walker.client.realm)
        self._ends_at = time.monotonic() + _MOST_S

    def to_the_code(self) -> str:
        url = self.start_url
        issuer = self._settings.issuer(self._walker.client.realm, self._walker.connection)
        for _ in range(_MOST_STEPS):
            response = self._get(url)
            if response.status_code not in _REDIRECTS:
                raise self._stopped_at(response)
            url = urljoin(url, response.headers.get("Location", ""))
            if url.startswith(f"{issuer}/authorize?"):
                url = self._authorize(dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)))
            if url.partition("?")[0] == self._callback:
                return self._code(dict(parse_qsl(urlsplit(url).query)))
        raise KeycloakUnavailable("the login that was walked for an API client went in a circle")

    def exchanged(self, code: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": self._verifier,
            "client_id": self._walker.client.client_id,
        }
        if self._walker.client_secret:
            form["client_secret"] = self._walker.client_secret
        url = self._settings.keycloak.internal_endpoint(self._walker.client.realm, "token")
        try:
            response = self._session.post(
                url, data=form, headers=self._headers(), timeout=self._left_s(), allow_redirects=False
            )
            answer = response.json()
        except (requests.RequestException, ValueError) as err:
            raise KeycloakUnavailable(f"{url} did not exchange the code: {type(err).__name__}") from err
        if response.status_code != requests.codes.ok or not isinstance(answer, dict):
            raise KeycloakUnavailable(f"{url} refused the code: {response.status_code} {answer}")
        return answer

    @property
    def start_url(self) -> str:
        """Without a nonce: it would stand in the ID token, and SDKs refuse one that they did not send."""
        digest = hashlib.sha256(self._verifier.encode()).digest()
        query = {
            "client_id": self._walker.client.client_id,
            "redirect_uri": self._callback,
            "response_type": "code",
            "scope": self._walker.scope,
            "state": self._state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "kc_idp_hint": self._walker.connection,
        }
        return f"{self._settings.keycloak.endpoint(self._walker.client.realm, 'auth')}?{urlencode(query)}"

    def _get(self, url: str) -> requests.Response:
        """Ask Keycloak, and nobody else, under its public name but on the back channel."""
        if not url.startswith(f"{self._settings.keycloak.url}/"):
            raise KeycloakUnavailable("the login that was walked for an API client left Keycloak")
        try:
            response = self._session.get(
                self._internal(url),
                headers=self._headers(),
                timeout=self._left_s(),
                allow_redirects=False,
                stream=True,
            )
            response._content = response.raw.read(_MAX_BODY_BYTES, decode_content=True)  # noqa: SLF001
        except requests.RequestException as err:
            raise KeycloakUnavailable(f"Keycloak can't be reached for a login: {type(err).__name__}") from err
        for cookie in response.raw.headers.getlist("Set-Cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return response

    def _headers(self) -> dict[str, str]:
        """Cookies by hand: Keycloak's are `Secure` also where it is reached over plain HTTP."""
        public = urlsplit(self._settings.keycloak.url)
        headers = {
            "Host": public.netloc,
            "X-Forwarded-Proto": public.scheme,
            "X-Forwarded-Host": public.netloc,
            "User-Agent": self._walker.agent,
            "Accept": "text/html, application/json",
        }
        if self._walker.network_address:
            headers["X-Forwarded-For"] = self._walker.network_address
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return headers

    def _internal(self, url: str) -> str:
        return self._settings.keycloak.internal_url + url.removeprefix(self._settings.keycloak.url)

    def _left_s(self) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise KeycloakUnavailable("the login that was walked for an API client took too long")
        return min(left, float(self._settings.keycloak.timeout_s))

    def _code(self, answer: Mapping[str, str]) -> str:
        """RFC 6749 §4.1.2, RFC 9207: our own state, from this realm."""
        if not secrets.compare_digest(answer.get("state", "").encode(), self._state.encode()):
            raise KeycloakUnavailable("Keycloak answered a login with another state")
        issuer = self._settings.keycloak.issuer(self._walker.client.realm)
        if answer.get("iss", issuer) != issuer:
            raise KeycloakUnavailable("another issuer answered a login")
        if answer.get("error") in {"interaction_required", "login_required", "consent_required"}:
            raise InteractionRequired
        if "code" not in answer:
            raise AccountRefused(answer.get("error", "no code"))
        return answer["code"]

    def _stopped_at(self, response: requests.Response) -> Exception:
        if response.status_code >= requests.codes.server_error:
            return KeycloakUnavailable(f"Keycloak answered a login with {response.status_code}")
        found = _PAGE.search(response.text)
        page = found[1] if found else ""
        if response.status_code >= requests.codes.bad_request or page in _FINAL_PAGES:
            return AccountRefused(f"{response.status_code} {page}")
        return InteractionRequired()
