"""Whole logins over plain HTTP, through the real Keycloak and the running sidecar, as fast as a test needs them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tests.e2e.conftest import Stack
from tests.keycloak.browsing import CLIENT, Browser, Page

PERSON = {"Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1", "Sec-Fetch-Site": "cross-site"}


class Person(Browser):
    """A browser in which somebody clicks: it says so, and from where."""

    def _headers(self, method: str, url: str) -> dict[str, str]:
        parts = urlsplit(url)
        own = {"Origin": f"{parts.scheme}://{parts.netloc}", "Sec-Fetch-Site": "same-origin"}
        return {**PERSON, **(own if method == "POST" else {}), **super()._headers(method, url)}


def let_in(stack: Stack, realm: str) -> None:
    """Give the realm the client that `Browser` signs in to."""
    clients = stack.admin.at("realms", realm)
    if not clients.get("clients", clientId=CLIENT["clientId"]):
        clients.post("clients", body=CLIENT)


def sign_in(stack: Stack, realm: str) -> Page:
    """One login of a new person with the code of a real mail; where it ended."""
    address = stack.new_address()
    person = Person()
    page = person.sign_in(stack.keycloak, realm, kc_idp_hint="email", login_hint=address)
    found = re.search(r'name="challenge" value="([^"]+)"', page.text)
    assert found, f"no code page but {page.url}: {page.text[:1500]}"
    code = stack.mail.wait_for(address).code
    return person.send(page.action, {"challenge": found[1], "code": code})
