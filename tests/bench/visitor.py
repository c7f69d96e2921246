"""One browser and one broker, walking through a login over HTTP on connections that are kept."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import secrets
import time
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.bench.mailbox import Mailbox
from tests.oidc.realm import ASSERTION_TYPE

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_NAVIGATION = {
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-site",
    "Sec-Fetch-User": "?1",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
}


class Ticket(NamedTuple):
    """What one login is walked with: made beforehand, so that the run measures the sidecar and not us."""

    address: str
    network: str
    assertion: str


class Walked(NamedTuple):
    """`started`, `mailed`: `time.perf_counter()` at the start request and at the mail server's DATA."""

    started: float
    mailed: float
    id_token: str


class Visitor:
    """`walk` may be called again and again; each time it is another browser with an empty cookie jar."""

    def __init__(self, port: int, mailbox: Mailbox, *, issuer_path: str, redirect_uri: str) -> None:
        self._browser = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._broker = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._host = {"Host": f"localhost:{port}"}
        self._mailbox = mailbox
        self._path = issuer_path
        self._redirect_uri = redirect_uri

    def walk(self, ticket: Ticket) -> Walked:
        verifier = secrets.token_urlsafe(32)
        started = time.perf_counter()
        cookies, challenge = self._start(ticket, verifier)
        self._send(
            self._browser, "GET", f"{self._path}/code?challenge={challenge}", expected=200, headers=cookies
        )
        arrival = self._mailbox.take(ticket.address)
        answer = self._send(
            self._browser,
            "POST",
            f"{self._path}/code",
            expected=303,
            headers={**cookies, **_FORM, "Sec-Fetch-Site": "same-origin"},
            form={"challenge": challenge, "code": arrival.code},
        )
        code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
        return Walked(started, arrival.at, self._token(ticket, code, verifier))

    def _start(self, ticket: Ticket, verifier: str) -> tuple[dict[str, str], str]:
        query = urlencode(
            {
                "response_type": "code",
                "client_id": "keycloak",
                "redirect_uri": self._redirect_uri,
                "scope": "openid",
                "state": secrets.token_urlsafe(24),
                "nonce": secrets.token_urlsafe(16),
                "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
                .rstrip(b"=")
                .decode(),
                "code_challenge_method": "S256",
                "ui_locales": "en",
                "login_hint": ticket.address,
            }
        )
        headers = {**_NAVIGATION, "X-Forwarded-For": ticket.network}
        answer = self._send(
            self._browser, "GET", f"{self._path}/authorize?{query}", expected=303, headers=headers
        )
        challenge = parse_qs(urlsplit(answer.headers["Location"]).query)["challenge"][0]
        jar = "; ".join(cookie.partition(";")[0] for cookie in answer.headers.get_all("Set-Cookie"))
        return {**headers, "Cookie": jar}, challenge

    def _token(self, ticket: Ticket, code: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": "keycloak",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": ticket.assertion,
            "code_verifier": verifier,
        }
        answer = self._send(
            self._broker, "POST", f"{self._path}/token", expected=200, headers=_FORM, form=form
        )
        return str(json.loads(answer.body)["id_token"])

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        *,
        expected: int,
        headers: dict[str, str],
        form: dict[str, str] | None = None,
    ) -> Answer:
        connection.request(method, path, urlencode(form) if form else None, {**self._host, **headers})
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        assert answer.status == expected, (
            f"{method} {path.partition('?')[0]}: {answer.status} {answer.body[:2000]!r}"
        )
        return answer

    def close(self) -> None:
        self._browser.close()
        self._broker.close()


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes
