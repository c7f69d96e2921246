"""Nothing is ever fetched that a request names: no connection is opened and no name looked up (threat E11)."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.oidc.test_assertion import FOREIGN, signed
from tests.web.browser import PERSON, Browser, authorization

_CONNECTING = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})
_watching: list[list[tuple[str, Any]]] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _CONNECTING and _watching:
        _watching[-1].append((event, arguments[1] if event == "socket.connect" else arguments[0]))


# An audit hook can't be taken back (PEP 578), so it is one that does nothing unless somebody watches.
sys.addaudithook(_hook)


@contextmanager
def watched() -> Iterator[list[tuple[str, Any]]]:
    """Every connection, and every look-up of a name, by whichever library of this process."""
    seen: list[tuple[str, Any]] = []
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)


@pytest.fixture
def trap() -> Iterator[tuple[str, list[str]]]:
    """A listener at an address that a request may name, and who came."""
    came: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        stop = threading.Event()

        def accept() -> None:
            while not stop.is_set():
                try:
                    peer, _ = listener.accept()
                except TimeoutError:
                    continue
                came.append("somebody")
                peer.close()

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", came
        stop.set()
        thread.join()


NAMES = [
    *("request_uri", "jwks_uri", "sector_identifier_uri", "logo_uri", "client_uri", "policy_uri", "tos_uri"),
    *("initiate_login_uri", "request_object", "client_id_metadata", "resource", "id_token_hint", "claims"),
    *("target_link_uri", "iss", "login_hint_token", "wreply", "post_logout_redirect_uri", "ui_locales"),
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "name", [*NAMES, "registration", "request", "redirect_uri", "client_id", "login_hint"]
)
def test_an_authorization_request_makes_us_ask_nobody(house, trap, name, method):
    """E11: each parameter of OpenID Connect and its relatives that elsewhere makes a provider fetch something."""
    url, came = trap
    value = {
        "registration": f'{{"jwks_uri":"{url}/k","logo_uri":"{url}/l","sector_identifier_uri":"{url}/s"}}',
        "request": f"eyJqa3UiOiI{url}",
        "claims": f'{{"id_token":{{"src":"{url}"}}}}',
    }.get(name, f"{url}/x")
    parameters = authorization(**{name: value})
    where = {"data": parameters} if method == "POST" else {"query_string": parameters}

    with watched() as seen:
        answer = Browser(house.app).open(method, "/realms/acme/email/authorize", headers=PERSON, **where)

    assert answer.status_code in {200, 303, 400}
    assert [] == seen
    assert [] == came


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "iss"])
def test_an_assertion_makes_us_ask_keycloak_only(house, realms, trap, name):
    """E11, E8: the keys come from the realm that the settings name, wherever the assertion points."""
    url, came = trap
    header = {"jku": f"{url}/k", "x5u": f"{url}/c", "jwk": {"kty": "EC", "x5u": url}, "iss": None}[name]
    changed = {"iss": url} if name == "iss" else {}
    forged = signed(realms, {name: header, "kid": f"unknown-{name}"}, key=FOREIGN, **changed)

    with watched() as seen:
        answer = Browser(house.app).open(
            "POST", "/realms/acme/email/token", data=realms.token_form("x" * 43, client_assertion=forged)
        )

    assert (401, {"error": "invalid_client"}) == (answer.status_code, answer.json)
    assert [] == came
    keycloak = realms.url.removeprefix("http://").partition(":")
    assert {target for event, target in seen if event == "socket.connect"} <= {
        (keycloak[0], int(keycloak[2]))
    }


def test_the_guard_sees_a_connection(trap):
    """The control arm: without it the tests above would pass whatever happened."""
    url, came = trap
    host, _, port = url.removeprefix("http://").partition(":")

    with watched() as seen, socket.create_connection((host, int(port))) as line:
        line.recv(1)

    assert ("socket.connect", (host, int(port))) in seen
    assert ["somebody"] == came
