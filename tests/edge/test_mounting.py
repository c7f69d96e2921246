"""A public URL with a path: the sidecar behind a proxy that serves others too."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode, urlsplit

import pytest

from sidecar.edge.browser import COOKIE
from tests.web.browser import PERSON, Browser, answer_of, authorization, form_of

PATH = "/passwordless"
BASE = f"https://login.example.org{PATH}"
ISSUER = f"{BASE}/realms/acme/email"
AUTHORIZE = f"/realms/acme/email/authorize?{urlencode(authorization(login_hint='ada@example.org'))}"


@pytest.fixture
def environment():
    return {"SERVER__PUBLIC_URL": BASE, "SERVER__INTERNAL_URL": "http://sidecar:5080"}


@pytest.fixture(params=[PATH, ""], ids=["passed on", "taken off"])
def path(request):
    """What a proxy makes of the path."""
    return request.param


def test_issuer_and_endpoints_have_the_path(app, path):
    page = Browser(app).get(f"{path}/realms/acme/email/.well-known/openid-configuration")

    found = json.loads(page.get_data())
    assert ISSUER == found["issuer"]
    assert all(found[name].startswith(f"{ISSUER}/") for name in found if name.endswith(("_endpoint", "_uri")))


def test_a_whole_login_stays_under_the_path(app, parts, path):
    """Links, forms, redirects, static files, and the cookie, which must be of the whole host."""
    browser = Browser(app)
    asked = browser.get(f"{path}{AUTHORIZE}")
    links = re.findall(r'(?:href|src|action)="([^"]*)"', asked.get_data(as_text=True))
    assert len(links) >= 4
    assert all(link.startswith(f"{BASE}/") for link in links)
    for link in links:
        if "/static/" in link:
            with browser.get(path + urlsplit(link).path.removeprefix(PATH)) as file:
                assert 200 == file.status_code

    started = browser.get(f"{path}{AUTHORIZE}", PERSON)
    cookie = asked.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "Path=/" in cookie.split("; ")
    assert started.location.startswith(f"{ISSUER}/code?challenge=")
    challenge = answer_of(started)["challenge"]
    shown = browser.get(f"{path}/realms/acme/email/code?challenge={challenge}")
    assert all(action.startswith(f"{ISSUER}/code") for action in form_of(shown).actions)
    code = browser.right_code(parts, challenge)
    done = browser.post(f"{path}/realms/acme/email/code", {"challenge": challenge, "code": code})
    assert ISSUER == answer_of(done)["iss"]


@pytest.mark.parametrize(
    "foreign", ["/passwordlessrealms/acme/email/jwks", "/other/realms/acme/email/jwks", PATH, f"/x{PATH}"]
)
def test_another_path_is_nobodys(app, foreign):
    assert 404 == Browser(app).get(foreign).status_code
