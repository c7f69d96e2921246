"""A browser over the Flask application: its own cookie, Fetch Metadata as Chromium sends it, forms off the page."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from werkzeug.test import TestResponse

from sidecar.app import Parts
from sidecar.edge.browser import COOKIE
from sidecar.login.codes import derive_code
from sidecar.model.challenge import Challenge
from tests.flow import CODE_CHALLENGE

PUBLIC_URL = "https://login.example.org"
NAVIGATION = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
PERSON = {**NAVIGATION, "Sec-Fetch-User": "?1"}
OWN_FORM = {"Sec-Fetch-Site": "same-origin", "Origin": PUBLIC_URL}


def authorization(realm: str = "acme", connection: str = "email", **changed: str | None) -> dict[str, str]:
    """What Keycloak asks the authorization endpoint; `None` leaves a parameter out."""
    request = {
        "client_id": "keycloak",
        "redirect_uri": f"https://id.example.org/realms/{realm}/broker/{connection}/endpoint",
        "response_type": "code",
        "scope": "openid",
        "state": "state-1",
        "nonce": "nonce-1",
        "code_challenge": CODE_CHALLENGE,
        "code_challenge_method": "S256",
        **changed,
    }
    return {name: value for name, value in request.items() if value is not None}


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.actions: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self.actions.append(values.get("action") or "")
        if tag == "input" and values.get("type") == "hidden":
            self.hidden.setdefault(values["name"] or "", values.get("value") or "")


def form_of(page: TestResponse) -> _Form:
    """A page's form actions and hidden fields."""
    form = _Form()
    form.feed(page.get_data(as_text=True))
    return form


def answer_of(response: TestResponse) -> dict[str, str]:
    """The parameters of a redirect back to Keycloak."""
    return {name: values[0] for name, values in parse_qs(urlsplit(response.location).query).items()}


class Browser:
    """One browser; `secret` is its cookie's value once it has one, `others` are the cookies besides, by name."""

    def __init__(self, app: Any, network: str = "192.0.2.1") -> None:
        self._app = app
        self._network = network
        self.secret = ""
        self.others: dict[str, str] = {}

    def open(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **kwargs: Any
    ) -> TestResponse:
        sent = dict(headers or {})
        cookies = {**({COOKIE: self.secret} if self.secret else {}), **self.others}
        if cookies:
            sent.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()))
        client = self._app.test_client(use_cookies=False)
        response: TestResponse = client.open(
            path,
            method=method,
            base_url=PUBLIC_URL,
            headers=sent,
            environ_overrides={"REMOTE_ADDR": self._network},
            **kwargs,
        )
        for cookie in response.headers.getlist("Set-Cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            if name == COOKIE:
                self.secret = value
            elif value:
                self.others[name] = value
            else:
                self.others.pop(name, None)
        return response

    def get(self, path: str, headers: dict[str, str] | None = None) -> TestResponse:
        return self.open("GET", path, headers=headers)

    def post(self, path: str, form: Any, headers: dict[str, str] | None = None) -> TestResponse:
        return self.open("POST", path, data=form, headers={**OWN_FORM, **(headers or {})})

    def authorize(
        self,
        realm: str = "acme",
        connection: str = "email",
        headers: dict[str, str] | None = None,
        **changed: str | None,
    ) -> TestResponse:
        """Come from Keycloak's login page, as a person does."""
        query = urlencode(authorization(realm, connection, **changed))
        return self.get(
            f"/realms/{realm}/{connection}/authorize?{query}", PERSON if headers is None else headers
        )

    def start(
        self, address: str = "ada@example.org", realm: str = "acme", connection: str = "email", **changed: str
    ) -> str:
        """Start a challenge; answers its id."""
        response = self.authorize(realm, connection, login_hint=address, **changed)
        assert 303 == response.status_code, response.get_data(as_text=True)
        return answer_of(response)["challenge"]

    def challenge(self, parts: Parts, challenge_id: str) -> Challenge:
        from sidecar.login.room import Caller

        macs = Caller(browser_secret=self.secret, network="").macs(parts.keys)
        return parts.room().challenges.find(challenge_id, macs)[0]

    def right_code(self, parts: Parts, challenge_id: str) -> str:
        return derive_code(parts.keys, self.challenge(parts, challenge_id))

    def wrong_code(self, parts: Parts, challenge_id: str) -> str:
        return f"{(int(self.right_code(parts, challenge_id)) + 1) % 10**6:06d}"

    def type_code(
        self, challenge_id: str, code: str, realm: str = "acme", connection: str = "email"
    ) -> TestResponse:
        return self.post(f"/realms/{realm}/{connection}/code", {"challenge": challenge_id, "code": code})

    def log_in(
        self, parts: Parts, address: str = "ada@example.org", realm: str = "acme", connection: str = "email"
    ) -> str:
        """The whole way to an authorization code."""
        challenge_id = self.start(address, realm, connection)
        answer = self.type_code(challenge_id, self.right_code(parts, challenge_id), realm, connection)
        assert 303 == answer.status_code
        return answer_of(answer)["code"]
