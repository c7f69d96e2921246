"""What a request says about its host, through a real gunicorn, and where links and mails lead (threat B5)."""

from __future__ import annotations

import itertools
import re
from urllib.parse import urlencode

import pytest

from sidecar.edge.browser import COOKIE
from sidecar.model.events import Event
from tests.flow import caller, start
from tests.journeys.http import Line
from tests.ledger import events_of
from tests.stack import wait_until
from tests.web.browser import PERSON, authorization

_numbers = itertools.count()

#: Headers after the honest Host, which stands first; "{path}" of a target is the path with its query.
VARIANTS = {
    "honest": ("{path}", []),
    "X-Forwarded-Host": ("{path}", [("X-Forwarded-Host", "evil.example")]),
    "X-Forwarded-Host twice": (
        "{path}",
        [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Host", "evil.test")],
    ),
    "X-Forwarded-Server and Port": (
        "{path}",
        [("X-Forwarded-Server", "evil.example"), ("X-Forwarded-Port", "666")],
    ),
    "X-Forwarded-Proto": ("{path}", [("X-Forwarded-Proto", "javascript")]),
    "X-Forwarded-Prefix": ("{path}", [("X-Forwarded-Prefix", "//evil.example")]),
    "X-Host and X-HTTP-Host-Override": (
        "{path}",
        [("X-Host", "evil.example"), ("X-HTTP-Host-Override", "evil.example")],
    ),
    "X-Original-URL": (
        "{path}",
        [("X-Original-URL", "http://evil.example/"), ("X-Rewrite-URL", "/evil.example")],
    ),
    "Forwarded": ("{path}", [("Forwarded", "for=192.0.2.1;host=evil.example;proto=https")]),
    "absolute URI": ("http://evil.example{path}", []),
    "absolute URI with a user": ("http://{host}@evil.example{path}", []),
    "underscores": ("{path}", [("X_Forwarded_Host", "evil.example"), ("HTTP_HOST", "evil.example")]),
    "Referer and Origin": (
        "{path}",
        [("Referer", "https://evil.example/"), ("Origin", "https://evil.example")],
    ),
}

UNKNOWN_HOSTS = [
    [("Host", "evil.example")],
    [("Host", "{host}.evil.example")],
    [("Host", "{host}@evil.example")],
    [("Host", "evil.example#{host}")],
    [("Host", "localhost")],
    [("Host", "localhost:1")],
    [("Host", "127.0.0.1:{port}")],
    [("Host", "")],
    [("Host", "{host},evil.example")],
    [("Host", "{host}"), ("Host", "evil.example")],
    [("Host", "evil.example"), ("Host", "{host}")],
    [],
]


@pytest.fixture
def line(served):
    opened = Line(served.port)
    yield opened
    opened.close()


@pytest.mark.parametrize("name", VARIANTS)
def test_links_redirects_and_mails_lead_to_the_public_url_whatever_the_request_says(served, line, name):
    """B5: the page's links, the redirect's target and every URL in the mail."""
    target, extra = VARIANTS[name]
    address = f"host{next(_numbers)}@example.org"
    redirect_uri = served.parts.settings.broker_redirect_uri("acme", "email")
    query = urlencode(authorization(redirect_uri=redirect_uri, login_hint=address))
    headers = [("Host", served.host), *PERSON.items(), *extra]
    path = target.replace("{host}", served.host)

    page = line.send(
        "GET", path.replace("{path}", f"/realms/acme/email/authorize?{query}&"), headers[:1] + extra
    )
    redirect = line.send("GET", path.replace("{path}", f"/realms/acme/email/authorize?{query}"), headers)

    assert (200, 303) == (page.status, redirect.status)
    links = re.findall(r'(?:href|src|action)="([^"]*)"', page.text)
    assert len(links) >= 4
    assert all(link.startswith(f"http://{served.host}/") for link in links)
    assert redirect.headers["Location"].startswith(f"{served.issuer}/code?challenge=")
    assert "evil" not in page.text + str(redirect)
    mail = wait_until(
        lambda: [it for it in served.mails.kept if it.recipients == [address]], f"a mail to {address}"
    )[0]
    assert b"evil" not in mail.raw
    links = re.findall(r"https?://(?!www\.w3\.org)[^\s\"<]*", "".join(_texts(mail)))
    assert len(links) == 4
    assert all(
        link.startswith(tuple(f"http://{served.host}/{it}/" for it in ("l", "not-me"))) for link in links
    )


def _texts(mail):
    return [part.get_content() for part in mail.message.walk() if part.get_content_maintype() == "text"]


@pytest.mark.parametrize("hosts", UNKNOWN_HOSTS, ids=str)
def test_an_unknown_host_is_refused_and_nothing_is_sent(served, hosts):
    """B5: by us or by gunicorn, before anything is done."""
    line = Line(served.port)
    started = len(events_of(served.parts, Event.CHALLENGE_STARTED))
    given = [(name, value.format(host=served.host, port=served.port)) for name, value in hosts]
    redirect_uri = served.parts.settings.broker_redirect_uri("acme", "email")
    query = urlencode(authorization(redirect_uri=redirect_uri, login_hint="nobody@example.org"))

    answer = line.send("GET", f"/realms/acme/email/authorize?{query}", [*given, *PERSON.items()])

    line.close()
    assert 400 == answer.status
    assert "Location" not in answer.headers
    assert "evil" not in answer.text
    assert started == len(events_of(served.parts, Event.CHALLENGE_STARTED))


def test_health_is_told_under_any_host(served, line):
    """Orchestrators ask by address; there is nothing to poison."""
    assert 200 == line.send("GET", "/health/live", [("Host", "10.0.0.7:5080")]).status


def test_with_no_trusted_hop_the_peer_is_the_network(served, line):
    """D6, through gunicorn, which has ideas of its own about forwarded headers from a local peer."""
    address = "spoofer@example.org"
    redirect_uri = served.parts.settings.broker_redirect_uri("acme", "email")
    query = urlencode(authorization(redirect_uri=redirect_uri, login_hint=address))
    spoofed = [
        ("X-Forwarded-For", "203.0.113.7"),
        ("X-Real-IP", "203.0.113.7"),
        ("Forwarded", "for=203.0.113.7"),
    ]

    line.send(
        "GET", f"/realms/acme/email/authorize?{query}", [("Host", served.host), *PERSON.items(), *spoofed]
    )

    started = [it for it in events_of(served.parts, Event.CHALLENGE_STARTED) if it.address == address]
    assert ["127.0.0.1"] == [it.network for it in started]


@pytest.mark.parametrize(
    "hostile",
    [
        "/realms/acme/email/code\r\nX: y",
        "/%0d%0aSet-Cookie:%20x=y",
        "/realms/acme/email/code?challenge=%0d%0aLocation:%20http://evil.example",
    ],
)
def test_no_header_comes_of_a_path(served, hostile):
    """B5: response splitting."""
    import socket

    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as raw:
        raw.sendall(f"GET {hostile} HTTP/1.1\r\nHost: {served.host}\r\nConnection: close\r\n\r\n".encode())
        received = b"".join(iter(lambda: raw.recv(65_536), b""))

    head = received.partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 4")
    assert b"\r\nlocation:" not in head
    assert b"\r\nset-cookie: x=y" not in head


def test_a_stolen_cookie_of_another_login_opens_nothing(served, line):
    """B3, over the wire: the cookie is the browser's, and a challenge is its browser's."""
    challenge = start(served.parts, "mine@example.org", by=caller("mine"))
    cookie = ("Cookie", f"{COOKIE}={caller('thief').browser_secret}")

    answer = line.send(
        "GET", f"/realms/acme/email/code?challenge={challenge.id}", [("Host", served.host), cookie]
    )

    assert 404 == answer.status
