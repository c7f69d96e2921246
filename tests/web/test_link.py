"""The pages behind a message's link: what opening does, who confirms, what is told where (B1 to B4, B6, F8)."""

from __future__ import annotations

import re

import pytest

from sidecar.edge.browser import COOKIE
from sidecar.login import links, not_me
from sidecar.model.events import Event
from sidecar.web.link import COOKIE as LINK_COOKIE
from tests.ledger import events, events_of
from tests.web.browser import NAVIGATION, OWN_FORM, PERSON, Browser, answer_of, form_of

URL = "https://login.example.org/l"
CODE = "/realms/acme/email/code"


@pytest.fixture
def environment():
    return {"REALMS__ACME__CONNECTIONS__EMAIL__METHOD": "both"}


@pytest.fixture
def challenge(parts, browser):
    """Asked for by `browser`."""
    return browser.challenge(parts, browser.start())


@pytest.fixture
def path(parts, challenge):
    return f"/l/{links.token_for(parts.keys, challenge)}"


@pytest.fixture
def other(app):
    """Another browser, without a cookie of ours."""
    return Browser(app, "203.0.113.9")


def opened(browser, path):
    """Click the link and follow it to the page."""
    taken = browser.get(path, PERSON)
    assert (303, URL) == (taken.status_code, taken.location)
    return browser.get("/l", PERSON)


def text_of(page):
    return page.get_data(as_text=True)


def accepted(parts):
    return events_of(parts, Event.CODE_ACCEPTED)


def test_in_the_browser_that_asked_one_click_signs_in(parts, browser, challenge, path):
    page = opened(browser, path)
    assert "Sign in?" in text_of(page)
    assert "a•••@example.org" in text_of(page)
    assert [URL] == form_of(page).actions

    answer = browser.post("/l", form_of(page).hidden)

    assert 303 == answer.status_code
    assert answer.location.startswith("https://id.example.org/realms/acme/broker/email/endpoint?")
    assert "state-1" == answer_of(answer)["state"]
    assert 1 == len(accepted(parts))
    assert {} == browser.others


def test_opening_changes_nothing_and_sends_nothing(parts, browser, challenge, path, other):
    """B1: HEAD, GET ×3, a prefetch, in any browser, by whatever a scanner says of itself."""
    before = events(parts)
    for by in (browser, other):
        for method in ("HEAD", "GET", "GET", "GET"):
            for headers in (PERSON, NAVIGATION, {"Sec-Purpose": "prefetch"}, {}):
                by.open(method, path, headers=headers)
                assert 200 == by.open(method, "/l", headers=headers).status_code

    assert before == events(parts)
    assert 0 == browser.challenge(parts, challenge.id).tries


def test_the_token_leaves_the_address_and_is_in_no_page(browser, path, other):
    """B4: a 303 to an address without it, carried by a cookie that scripts and other hosts can't reach."""
    token = path.removeprefix("/l/")
    for by in (browser, other):
        taken = by.get(path, PERSON)
        cookie = next(it for it in taken.headers.getlist("Set-Cookie") if it.startswith(LINK_COOKIE))

        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=600"} <= set(cookie.split("; "))
        assert "no-referrer" == taken.headers["Referrer-Policy"]
        assert "no-store" == taken.headers["Cache-Control"]
        page = by.get("/l", PERSON)
        assert token not in text_of(taken)
        assert token not in text_of(page)
        assert token.partition(".")[2] not in str(page.headers)


def test_elsewhere_the_page_shows_who_asked_and_the_code_and_no_button(
    parts, browser, challenge, path, other
):
    """B2: whoever reads the mail in another browser types the code where they asked, or closes the page."""
    page = opened(other, path)

    assert browser.right_code(parts, challenge.id) in text_of(page)
    assert "don&#39;t give the code to anyone" in text_of(page)
    assert "Asked for with" in text_of(page)
    assert [] == form_of(page).actions
    assert "example.org</bdi>" not in text_of(page)


def test_elsewhere_no_form_completes_it(parts, browser, challenge, path, other):
    """B2: not the one that the page does not have either, with what the right page would have sent."""
    opened(other, path)

    for form in ({"challenge": challenge.id}, {}):
        answer = other.post("/l", form)
        assert (303, URL) == (answer.status_code, answer.location)
        assert (303, URL) == (other.post("/l/new", form).status_code, URL)

    assert [] == accepted(parts)
    assert 303 == browser.type_code(challenge.id, browser.right_code(parts, challenge.id)).status_code


def test_an_attackers_link_leaves_a_browser_as_it_was(parts, browser, path, other):
    """B3: no session, no cookie of ours is set or changed but the one that carries the token."""
    other.start("grace@example.org")
    secret = other.secret

    opened(other, path)
    fresh = Browser(other._app)
    opened(fresh, path)

    assert secret == other.secret
    assert "" == fresh.secret
    assert {LINK_COOKIE} == set(other.others) == set(fresh.others)
    assert [] == accepted(parts)


def test_a_link_that_is_opened_meanwhile_is_not_confirmed_by_the_older_page(parts, browser, challenge, path):
    """B3: the button of a page is for the address that the page shows."""
    page = opened(browser, path)
    attacker = Browser(browser._app, "203.0.113.9")
    theirs = attacker.challenge(parts, attacker.start("eve@example.org"))
    browser.get(f"/l/{links.token_for(parts.keys, theirs)}", PERSON)
    mine = browser.challenge(parts, browser.start("second@example.org"))
    browser.get(f"/l/{links.token_for(parts.keys, mine)}", PERSON)

    answer = browser.post("/l", form_of(page).hidden)

    assert (303, URL) == (answer.status_code, answer.location)
    assert [] == accepted(parts)


def test_the_link_of_another_browser_does_not_hinder_ones_own(parts, browser, challenge, path):
    attacker = Browser(browser._app, "203.0.113.9")
    theirs = attacker.challenge(parts, attacker.start("eve@example.org"))
    browser.get(f"/l/{links.token_for(parts.keys, theirs)}", PERSON)
    page = opened(browser, path)

    assert answer_of(browser.post("/l", form_of(page).hidden))["code"]


@pytest.mark.parametrize("at", ["/l", "/l/new"])
def test_another_sites_form_is_refused(parts, browser, challenge, path, at):
    """F8."""
    opened(browser, path)
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

    answer = browser.open("POST", at, data={"challenge": challenge.id}, headers=foreign)

    assert 400 == answer.status_code
    assert [] == accepted(parts)


def test_a_used_link_is_over_for_everyone(parts, browser, challenge, path, other):
    page = opened(browser, path)
    browser.post("/l", form_of(page).hidden)

    for by in (browser, other):
        page = opened(by, path)
        assert "This link no longer works" in text_of(page)
        assert [] == form_of(page).actions
        assert not re.search(r">\s*\d{6}\s*<", text_of(page))
    browser.post("/l", {"challenge": challenge.id})
    browser.post("/l/new", {"challenge": challenge.id})
    assert 1 == len(accepted(parts))
    assert 1 == len(events_of(parts, Event.CHALLENGE_STARTED))


def test_an_expired_link_offers_a_new_one_where_it_was_asked_for(parts, clock, browser, path, other):
    """The new one goes to the same address for the same request; elsewhere there are words only."""
    clock.shift(seconds=301)
    assert [] == form_of(opened(other, path)).actions
    assert "a•••" not in text_of(other.get("/l"))

    page = opened(browser, path)
    assert [f"{URL}/new"] == form_of(page).actions
    answer = browser.post("/l/new", form_of(page).hidden)

    fresh = browser.challenge(parts, answer_of(answer)["challenge"])
    assert answer.location.startswith(f"https://login.example.org{CODE}?")
    assert ("ada@example.org", "state-1") == (fresh.address, fresh.request.state)
    assert 2 == len(events_of(parts, Event.CHALLENGE_STARTED))


def test_a_budget_that_is_used_up_is_told_on_the_page(parts, clock, browser, path):
    for _ in range(4):
        clock.shift(seconds=31)
        browser.start()
    clock.shift(seconds=301)
    page = opened(browser, path)

    answer = browser.post("/l/new", form_of(page).hidden)

    assert 429 == answer.status_code
    assert answer.headers["Retry-After"].isdigit()
    assert "too many attempts" in text_of(answer)


def test_a_denied_link_says_that_it_is_over(parts, challenge, path, other):
    not_me.deny(parts.room(), not_me.token_for(parts.keys, challenge))

    assert "This link no longer works" in text_of(opened(other, path))


@pytest.mark.parametrize("token", [f"{'a' * 22}.{'b' * 43}", "x", "a" * 66, "%2e%2e", f"{'a' * 22}."])
def test_a_made_up_link_says_no_more_than_that_it_is_not_open(other, token):
    taken = other.get(f"/l/{token}")
    page = other.get("/l") if taken.status_code == 303 else taken

    assert 404 == page.status_code
    assert "<h1" in text_of(page)


@pytest.mark.parametrize(
    "more",
    [
        "?next=https://evil.example",
        "?redirect_uri=https://evil.example&return_to=//evil.example",
        "?//evil.example",
        "%2f%2fevil.example",
        "/..//evil.example",
        "/%5cevil.example",
        "%0d%0aLocation:%20https://evil.example",
    ],
)
def test_the_new_pages_lead_nowhere_else(browser, challenge, path, more):
    """B6: every redirect is to `/l`, our code page, or the checked redirect URI of Keycloak."""
    answers = [browser.get(f"{path}{more}"), browser.get(f"/l{more}")]
    browser.get(path)
    answers += [
        browser.post(f"/l{more}", {"challenge": challenge.id, "next": "https://evil.example"}),
        browser.post(f"/l/new{more}", {"challenge": challenge.id, "next": "https://evil.example"}),
    ]
    ours = (
        URL,
        "https://id.example.org/realms/acme/broker/email/endpoint?",
        f"https://login.example.org{CODE}",
    )
    for answer in answers:
        assert answer.location is None or answer.location.startswith(ours)
        assert "evil" not in (answer.location or "")


def test_the_first_window_says_so_when_the_link_was_used_in_this_browser(parts, browser, challenge, path):
    """And nobody else's window says anything."""
    status = f"{CODE}/status?challenge={challenge.id}"
    assert not browser.get(status).json["used"]
    assert "You are signed in" not in text_of(browser.get(f"{CODE}?challenge={challenge.id}"))

    browser.post("/l", form_of(opened(browser, path)).hidden)

    assert browser.get(status).json["used"]
    page = browser.get(f"{CODE}?challenge={challenge.id}")
    assert 200 == page.status_code
    assert "You are signed in" in text_of(page)
    assert [] == form_of(page).actions
    stranger = Browser(browser._app)
    stranger.start("grace@example.org")
    assert 404 == stranger.get(status).status_code
    assert 404 == stranger.get(f"{CODE}?challenge={challenge.id}").status_code
    assert 404 == browser.get(f"/realms/acme/email/start?challenge={challenge.id}").status_code


@pytest.mark.parametrize("form", ["", "/resend", "/another", "/cancel"])
def test_a_form_of_the_first_window_leads_to_the_page_that_says_so(parts, browser, challenge, path, form):
    """Without scripts: a reload of the page after a wrong code posts it again; nothing is tried, sent or given up."""
    assert 400 == browser.type_code(challenge.id, "000000").status_code
    browser.post("/l", form_of(opened(browser, path)).hidden)
    before = events(parts)

    answer = browser.post(f"{CODE}{form}", {"challenge": challenge.id, "code": "000000"})

    assert (303, f"https://login.example.org{CODE}?challenge={challenge.id}") == (
        answer.status_code,
        answer.location,
    )
    assert "You are signed in" in text_of(browser.get(f"{CODE}?challenge={challenge.id}"))
    assert before == events(parts)
    stranger = Browser(browser._app)
    stranger.start("grace@example.org")
    assert 404 == stranger.post(f"{CODE}{form}", {"challenge": challenge.id, "code": "000000"}).status_code


@pytest.mark.parametrize(
    ("send", "heading", "lead"),
    [
        ("link", "Check your email", "Open the link in our email in this browser."),
        (
            "",
            "Enter your code",
            "Open the link in our email in this browser, or enter the 6-digit code from the email.",
        ),
        ("code", "Enter your code", "Enter the 6-digit code from our email"),
    ],
)
def test_the_first_window_asks_for_what_was_sent(browser, send, heading, lead):
    challenge_id = browser.start(send=send)
    page = text_of(browser.get(f"{CODE}?challenge={challenge_id}"))

    assert f">{heading}</h1>" in page
    assert lead in page
    assert ("that it shows you" in page) == (send == "link")
    assert ('id="refresh"' in page) == (send != "code")


@pytest.mark.parametrize(
    ("send", "promised"), [("link", "a link."), ("", "a code and a link."), ("code", "a code.")]
)
def test_the_address_page_promises_what_is_sent(browser, send, promised):
    page = browser.authorize(headers=NAVIGATION, send=send)

    assert f"We will email you {promised}" in text_of(page)
    started = browser.post("/realms/acme/email/start", form_of(page).hidden | {"address": "b@example.org"})
    code_page = text_of(browser.get(started.location.removeprefix("https://login.example.org")))
    assert ("Check your email" in code_page) == (send == "link")


def test_the_confirming_browser_is_remembered(browser, path):
    page = opened(browser, path)
    answer = browser.open("POST", "/l", data=form_of(page).hidden, headers=OWN_FORM)

    cookies = answer.headers.getlist("Set-Cookie")
    assert any(it.startswith(f"{COOKIE}={browser.secret};") and "Max-Age=15552000" in it for it in cookies)
    assert any(it.startswith(f"{LINK_COOKIE}=;") for it in cookies)
