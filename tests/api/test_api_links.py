"""Links through the API: they show the code, in every browser, and finish nothing."""

from __future__ import annotations

import pytest

from sidecar.errors import ChallengeNotFound
from sidecar.login import links
from sidecar.model.events import Event
from tests.api.test_api_challenges import BASE, SAME_SITE, START, call, in_browser
from tests.ledger import events_of
from tests.web.browser import PERSON, Browser, form_of


@pytest.fixture
def environment():
    return {
        "REALMS__ACME__CONNECTIONS__EMAIL__METHOD": "both",
        "REALMS__ACME__CONNECTIONS__PARTNER__METHOD": "link",
    }


def begin(browser, **changed):
    return call(browser, BASE, {**START, **changed}, SAME_SITE)


def path_of(parts, browser, challenge_id):
    return f"/l/{links.token_for(parts.keys, challenge_of(parts, browser, challenge_id))}"


def challenge_of(parts, browser, challenge_id):
    return parts.room().challenges.find(challenge_id, in_browser(browser).macs(parts.keys))[0]


@pytest.mark.parametrize(
    ("connection", "asked", "method"),
    [
        ("email", {}, "code"),
        ("email", {"method": "code"}, "code"),
        ("email", {"method": "link"}, "link"),
        ("email", {"method": "both"}, "both"),
        ("partner", {}, "link"),
        ("partner", {"method": "link"}, "link"),
    ],
    ids=str,
)
def test_a_message_brings_what_was_asked_for(browser, switched_on, connection, asked, method):
    started = begin(browser, connection=connection, **asked)

    assert (201, method) == (started.status_code, started.json["method"])


@pytest.mark.parametrize("method", ["code", "both"])
def test_no_connection_sends_what_it_does_not(browser, parts, switched_on, method):
    refused = begin(browser, connection="partner", method=method)

    assert (400, "invalid_request") == (refused.status_code, refused.json["title"])
    assert [] == events_of(parts, Event.CHALLENGE_STARTED)


def test_the_link_shows_the_code_also_in_the_browser_that_asked(browser, parts, switched_on, app):
    started = begin(browser, method="link").json["id"]
    path = path_of(parts, browser, started)

    for visitor in (browser, Browser(app, "203.0.113.9")):
        assert 303 == visitor.get(path, PERSON).status_code
        page = visitor.get("/l", PERSON)
        assert 200 == page.status_code
        assert [] == form_of(page).actions
        assert 'id="code"' in page.get_data(as_text=True)
        assert 303 == visitor.post("/l", {"challenge": started}).status_code
    assert [] == events_of(parts, Event.CODE_TRIED)

    code = page.get_data(as_text=True).partition('id="code">')[2][:6]
    verified = call(browser, f"{BASE}/{started}/verify", {"client_id": "shop", "code": code}, SAME_SITE)
    assert 200 == verified.status_code
    shown = browser.open("GET", f"{BASE}/{started}?client_id=shop", headers=SAME_SITE).json
    assert (True, False) == (shown["verified"], shown["open"])


def test_no_click_spends_it(browser, parts, switched_on):
    challenge = challenge_of(parts, browser, begin(browser, method="link").json["id"])

    with pytest.raises(ChallengeNotFound):
        links.verify_link(parts.room(), links.token_for(parts.keys, challenge), in_browser(browser))
    assert [] == events_of(parts, Event.CODE_TRIED)
