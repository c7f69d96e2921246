"""A browser without scripts, for what a person or an attacker can send to Keycloak's pages over plain HTTP."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

CLIENT = {
    "clientId": "app",
    "publicClient": True,
    "standardFlowEnabled": True,
    "redirectUris": ["http://localhost/app"],
    "protocol": "openid-connect",
}


@dataclass(frozen=True)
class Page:
    status: int
    url: str
    text: str

    @property
    def action(self) -> str:
        """Where the page's form, or the script that stands for one, sends."""
        found = re.search(r'<form[^>]*\saction="([^"]+)"', self.text) or re.search(
            r'"loginAction":\s*"([^"]+)"', self.text
        )
        assert found, f"no form on {self.url}: {self.text[:2000]}"
        return urljoin(self.url, html.unescape(found[1]))

    @property
    def name(self) -> str:
        """Keycloak's own name of the page, which its theme puts on the body."""
        found = re.search(r'data-page-id="([^"]+)"', self.text)
        return found[1] if found else ""

    @property
    def code(self) -> str | None:
        """The authorization code with which this address signs in to the application; `None` if it does not."""
        return (
            parse_qs(urlsplit(self.url).query).get("code", [None])[0]
            if self.url.startswith("http://localhost/app")
            else None
        )

    def link(self, part: str) -> str:
        found = next(link for link in re.findall(r'href="([^"]+)"', self.text) if part in link)
        return urljoin(self.url, html.unescape(found))


class Browser:
    """Follows redirects until the application's address.

    Keeps its cookies itself: Keycloak's are `Secure`, which browsers send to http://localhost, Python's jar not.
    """

    def __init__(self) -> None:
        #: By server, then by path and name: two realms have cookies of the same names.
        self._cookies: dict[str, dict[tuple[str, str], str]] = {}

    def open(self, url: str, **parameters: str) -> Page:
        return self._go("GET", url, params=parameters)

    def send(self, url: str, fields: dict[str, str]) -> Page:
        return self._go("POST", url, data=fields)

    def sign_in(self, keycloak: str, realm: str, **parameters: str) -> Page:
        """Open the application's sign-in."""
        query = {
            "client_id": "app",
            "redirect_uri": "http://localhost/app",
            "response_type": "code",
            "scope": "openid",
        }
        return self.open(f"{keycloak}/realms/{realm}/protocol/openid-connect/auth", **query | parameters)

    def _go(self, method: str, url: str, **request) -> Page:
        for _ in range(20):
            if url.startswith("http://localhost/app"):
                return Page(200, url, "")
            response = self._once(method, url, request)
            if "Location" not in response.headers:
                return Page(response.status_code, url, response.text)
            method, url, request = "GET", urljoin(url, response.headers["Location"]), {}
        raise AssertionError("redirected in a circle")

    def _once(self, method: str, url: str, request: dict) -> requests.Response:
        response = requests.request(
            method, url, headers=self._headers(method, url), allow_redirects=False, timeout=30, **request
        )
        jar = self._cookies.setdefault(urlsplit(url).netloc, {})
        for cookie in response.raw.headers.getlist("Set-Cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            path = re.search(r";\s*path=([^;]+)", cookie, re.IGNORECASE)
            jar[path[1] if path else "/", name] = value
        return response

    def _headers(self, method: str, url: str) -> dict[str, str]:
        """What goes along with a request: the cookies."""
        del method
        parts = urlsplit(url)
        jar = self._cookies.get(parts.netloc, {})
        sent = [f"{name}={value}" for (path, name), value in jar.items() if parts.path.startswith(path)]
        return {"Cookie": "; ".join(sent)} if sent else {}
