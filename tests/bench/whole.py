"""The whole login through the deployment: nginx, Keycloak in production mode, the sidecar, its worker, PostgreSQL.

What a person does, over HTTP: the application's link → Keycloak's login page with our theme → the address → the code
page → the code → back at the application with Keycloak's authorization code.
"""

from __future__ import annotations

import html
import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from tests.bench import load
from tests.bench.cpu import cpu_s
from tests.bench.load import Cost
from tests.bench.mailbox import Mailbox
from tests.keycloak.browsing import CLIENT
from tests.production import HOST, REALM, Production, production

_PERSON = {
    "Accept": "text/html,application/xhtml+xml",
    "Accept-Language": "en-GB,en;q=0.9",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-User": "?1",
}
_ROOMY = {
    f"PASSWORDLESS__REALMS__{REALM.upper()}__CONNECTIONS__EMAIL__LIMITS__{name}": value
    for name, value in {
        "STARTS_PER_NETWORK_PER_HOUR": "1000000",
        "MESSAGES_PER_HOUR": "1000",
        "MESSAGES_PER_DAY": "10000",
    }.items()
}
COUNTED = ("nginx", "keycloak", "sidecar", "worker")
_APPLICATION = "http://localhost/app"


class Page(NamedTuple):
    url: str
    text: str


@contextmanager
def deployed() -> Iterator[tuple[Production, Mailbox]]:
    """The deployment with one application, and an SMTP server of ours in Mailpit's place."""
    with production(**_ROOMY) as stack:
        stack.admin().at("realms", REALM).post("clients", body=CLIENT)
        stack.stop("mailpit")
        mailbox = Mailbox(stack.ports["smtp"])
        mailbox.start()
        try:
            yield stack, mailbox
        finally:
            mailbox.stop()


def walk(stack: Production, mailbox: Mailbox, addresses: list[str], clients: int) -> Cost:
    """A login of each address; the database is Keycloak's and the sidecar's."""

    def run() -> int:
        load.at_once(
            lambda: Surfer(stack, mailbox), lambda surfer, one: surfer.sign_in(one), addresses, clients
        )
        return len(addresses)

    return load.measure(
        run, application=[stack.pids[name] for name in COUNTED], database=[stack.pids["postgres"]]
    )


def shares(stack: Production) -> dict[str, float]:
    """CPU seconds so far, by process."""
    return {name: cpu_s(stack.pids[name]) for name in (*COUNTED, "postgres")}


class Surfer:
    """One connection that is kept; each login is another browser with an empty cookie jar."""

    def __init__(self, stack: Production, mailbox: Mailbox) -> None:
        self._stack = stack
        self._mailbox = mailbox
        self._connection = _ToLoopback(stack)
        self._cookies: dict[str, str] = {}

    def sign_in(self, address: str) -> None:
        self._cookies = {}
        query = {
            "client_id": CLIENT["clientId"],
            "redirect_uri": _APPLICATION,
            "response_type": "code",
            "scope": "openid",
        }
        page = self._open(f"{self._stack.url}/realms/{REALM}/protocol/openid-connect/auth?{urlencode(query)}")
        page = self._submit(page, "login_hint", address)
        page = self._submit(page, "code", self._mailbox.take(address).code)
        assert page.url.startswith(f"{_APPLICATION}?"), f"{page.url}: {page.text[:1000]}"

    def close(self) -> None:
        self._connection.close()

    def _submit(self, page: Page, name: str, value: str) -> Page:
        """Fill one field of the form that has it, and send the form as a browser would."""
        forms = re.findall(r"<form\b.*?</form>", page.text, re.DOTALL)
        form = next((one for one in forms if re.search(rf'<input[^>]*\bname="{name}"', one)), None)
        assert form, f"no field {name} on {page.url}: {page.text[:2000]}"
        fields = {}
        for tag in re.findall(r"<input\b[^>]*>", form):
            given = dict(re.findall(r'\b(name|value|type)="([^"]*)"', tag))
            if given.get("type") == "hidden":
                fields[html.unescape(given["name"])] = html.unescape(given.get("value", ""))
        fields[name] = value
        opening = form[: form.index(">")]
        attributes = {
            key.lower(): html.unescape(text) for key, text in re.findall(r'(\w+)="([^"]*)"', opening)
        }
        action = urljoin(page.url, attributes.get("action", page.url))
        if attributes.get("method", "get").lower() == "post":
            return self._open(action, urlencode(fields))
        # A GET form drops its action's query.
        return self._open(urlsplit(action)._replace(query=urlencode(fields)).geturl())

    def _open(self, url: str, body: str | None = None) -> Page:
        method = "POST" if body is not None else "GET"
        for _ in range(20):
            if url.startswith(_APPLICATION):
                return Page(url, "")
            answer, text = self._once(method, url, body)
            place = answer.headers.get("Location")
            if place is None:
                assert answer.status == 200, f"{url}: {answer.status} {text[:1000]}"
                return Page(url, text)
            method, url, body = "GET", urljoin(url, place), None
        raise AssertionError("redirected in a circle")

    def _once(self, method: str, url: str, body: str | None) -> tuple[http.client.HTTPResponse, str]:
        parts = urlsplit(url)
        headers = {**_PERSON, "Host": self._stack.authority, "Sec-Fetch-Site": "same-origin"}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if body is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self._stack.url}
        self._connection.request(
            method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, headers
        )
        answer = self._connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer, text


class _ToLoopback(http.client.HTTPSConnection):
    """To the deployment's nginx, by its public name and its own authority."""

    def __init__(self, stack: Production) -> None:
        self._tls = ssl.create_default_context(cafile=str(stack.ca_file))
        super().__init__(HOST, stack.ports["nginx"], timeout=120, context=self._tls)

    def connect(self) -> None:
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=120)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self._tls.wrap_socket(raw, server_hostname=HOST)
