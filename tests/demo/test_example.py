"""The single-page example beside the inbox."""

from __future__ import annotations

import pytest

from sidecar.demo.inbox.mailbox import Mailbox
from sidecar.demo.inbox.web import create_inbox

TOLD = {
    "url": "http://localhost:5080",
    "keycloak": "http://localhost:8080",
    "realm": "demo",
    "clientId": "it",
}


@pytest.fixture
def inbox():
    return create_inbox(Mailbox(), example_of=TOLD).test_client()


@pytest.mark.parametrize("name", ["", "app.js", "style.css"])
def test_its_files_are_served(inbox, name):
    with inbox.get(f"/example/{name}", base_url="http://localhost:8025") as answer:
        assert 200 == answer.status_code


def test_its_page_may_speak_to_the_demo_and_its_forms_have_an_origin(inbox):
    with inbox.get("/example/", base_url="http://localhost:8025") as page:
        headers = page.headers

    assert (
        "connect-src 'self' http://localhost:5080 http://localhost:8080;"
        in headers["Content-Security-Policy"]
    )
    assert "strict-origin-when-cross-origin" == headers["Referrer-Policy"]
    assert TOLD == inbox.get("/example/settings.json", base_url="http://localhost:8025").json


def test_nothing_beside_them_is_served(inbox):
    for name in ("../README.md", "..%2fREADME.md", "%2e%2e/README.md"):
        assert 404 == inbox.get(f"/example/{name}", base_url="http://localhost:8025").status_code
    assert (
        404
        == create_inbox(Mailbox())
        .test_client()
        .get("/example/", base_url="http://localhost:8025")
        .status_code
    )
