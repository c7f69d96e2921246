"""`/passwordless/verify` and `verify_redirect`: a code is checked, kept, and signs in the browser that comes next."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from sidecar.model.events import Event
from tests.api.conftest import ORIGIN
from tests.api.test_sdk_cross_origin import ADDRESS, CALLBACK, environment, from_keycloak, refusal, start
from tests.contract.test_tickets import OTHER
from tests.ledger import events_of
from tests.web.browser import NAVIGATION, PERSON, PUBLIC_URL, Browser, answer_of, form_of

__all__ = ["environment"]

#: As a script sends it from a page of our own host, which the client lists.
OWN_PAGE = {"Origin": PUBLIC_URL, "Sec-Fetch-Site": "same-origin"}
ELSEWHERE = {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}
PAGE = "/realms/acme/embedded/verify"


@pytest.fixture
def shop(switched_on):
    return switched_on("shop", origins=[ORIGIN, PUBLIC_URL])


@pytest.fixture(autouse=True)
def keycloak_knows_the_callback(realms):
    realms.redirect_uris = {CALLBACK}


def verify(browser, code, headers=ELSEWHERE, **changed):
    body = {"client_id": "shop", "connection": "email", "email": ADDRESS, "verification_code": code}
    body = {name: value for name, value in {**body, **changed}.items() if value is not None}
    return browser.open("POST", "/passwordless/verify", json=body, headers=headers)


def query_of(code, **changed):
    return {
        "client_id": "shop",
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid",
        "state": "s",
        "connection": "email",
        "email": ADDRESS,
        "verification_code": code,
        **changed,
    }


def come(browser, code, headers=PERSON, path="/passwordless/verify_redirect", **changed):
    """Follow the way that the address leads, to our page or to Keycloak."""
    moved = browser.get(f"{path}?{urlencode({**query_of(code), **changed, 'evil': '1'})}", headers)
    assert 303 == moved.status_code, moved.get_data(as_text=True)
    parts = urlsplit(moved.location)
    assert (f"{PUBLIC_URL}{PAGE}", False) == (
        moved.location.partition("?")[0],
        "evil" in parse_qs(parts.query),
    )
    return browser.get(f"{PAGE}?{parts.query}", headers)


def press(browser, page):
    form = form_of(page)
    assert [f"{PUBLIC_URL}{PAGE}"] == form.actions
    return browser.post(PAGE, form.hidden)


def ticket_of(answer):
    assert 303 == answer.status_code
    assert answer.location.startswith("https://id.example.org/realms/acme/protocol/openid-connect/auth?")
    assert {"kc_idp_hint": "email", "redirect_uri": CALLBACK, "prompt": "login"}.items() <= answer_of(
        answer
    ).items()
    assert "verification_code" not in answer.location
    return answer_of(answer)["login_hint"]


@pytest.mark.parametrize("path", ["/passwordless/verify_redirect", "/passwordless/verify-redirect"])
def test_a_page_of_our_own_host_goes_straight_on(browser, parts, shop, path):
    code = start(browser, parts, shop)
    assert (200, {}) == ((it := verify(browser, code, OWN_PAGE)).status_code, it.json)
    assert [] == events_of(parts, Event.CODE_ACCEPTED)

    answer = come(browser, code, path=path)

    assert "code" in answer_of(from_keycloak(browser, ticket_of(answer)))
    assert ["browser"] == [event.detail for event in events_of(parts, Event.TICKET_EXCHANGED)]


def test_any_other_browser_is_asked_first(browser, parts, shop, app):
    code = start(browser, parts, shop)
    verify(browser, code, OWN_PAGE)
    victim = Browser(app, "203.0.113.7")

    page = come(victim, code)

    assert 200 == page.status_code
    assert "a•••@example.org" in page.get_data(as_text=True)
    assert [] == events_of(parts, Event.CODE_ACCEPTED)
    assert "code" in answer_of(from_keycloak(victim, ticket_of(press(victim, page))))


def test_no_scanner_signs_in_or_spends_anything(browser, parts, shop, app):
    """Opened as a link in a mail, by whatever opens those, in the very browser too."""
    code = start(browser, parts, shop)
    verify(browser, code, OWN_PAGE)

    for headers in ({}, NAVIGATION, {**PERSON, "Sec-Purpose": "prefetch"}):
        for visitor in (browser, Browser(app)):
            assert 200 == come(visitor, code, headers).status_code
    head = browser.open("HEAD", f"{PAGE}?{urlencode(query_of(code))}", headers=PERSON)

    assert 200 == head.status_code
    assert [] == events_of(parts, Event.CODE_ACCEPTED)
    ticket_of(come(browser, code))


def test_without_having_been_checked_it_is_a_code_like_any(browser, parts, shop):
    """As in a mail that somebody made of this address: a try is counted, at the button."""
    code = start(browser, parts, shop)
    page = come(browser, code)
    assert [] == events_of(parts, Event.CODE_TRIED)

    assert "code" in answer_of(from_keycloak(browser, ticket_of(press(browser, page))))
    again = press(browser, page)
    assert ("invalid_user_password", "Wrong email or verification code.", "s") == tuple(
        answer_of(again)[name] for name in ("error", "error_description", "state")
    )
    assert again.location.startswith(f"{CALLBACK}?")


def test_the_button_is_of_our_own_page(browser, parts, shop, app):
    code = start(browser, parts, shop)
    form = form_of(come(browser, code)).hidden

    refused = [
        browser.post(PAGE, form, {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}),
        browser.post(PAGE, form, {"Sec-Fetch-Site": "same-site", "Origin": ORIGIN}),
        Browser(app).post(PAGE, form),
    ]

    assert [400] * 3 == [it.status_code for it in refused]
    assert [] == events_of(parts, Event.CODE_TRIED)


def test_a_wrong_code_at_the_redirect_ends_what_was_kept(browser, parts, shop):
    code = start(browser, parts, shop)
    verify(browser, code, OWN_PAGE)

    wrong = come(browser, f"{(int(code) + 1) % 10**6:06d}")

    assert "Wrong email or verification code." == answer_of(wrong)["error_description"]
    assert 200 == come(browser, code).status_code


def test_another_clients_is_not_found(browser, parts, shop, switched_on):
    switched_on("other", application=OTHER, origins=[ORIGIN, PUBLIC_URL])
    code = start(browser, parts, shop)
    verify(browser, code, OWN_PAGE)

    assert (401, "invalid_user_password", "Wrong email or verification code.") == refusal(
        verify(browser, code, OWN_PAGE, client_id="other")
    )
    page = come(browser, code, client_id="other")
    assert "error_description" in answer_of(press(browser, page))
    ticket_of(come(browser, code))


def test_tries_are_counted_and_end(browser, parts, shop):
    code = start(browser, parts, shop)
    wrong = f"{(int(code) + 1) % 10**6:06d}"

    told = [refusal(verify(browser, wrong)) for _ in range(6)]

    assert (401, "invalid_user_password", "Wrong email or verification code.") == told[0]
    assert "You've reached the maximum number of attempts. Please try to login again." == told[5][2]
    assert 401 == verify(browser, code).status_code


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"client_id": None}, (400, "invalid_request", "missing client_id parameter")),
        ({"connection": None}, (400, "invalid_request", "missing connection parameter")),
        ({"email": ""}, (400, "invalid_request", "missing email parameter")),
        ({"verification_code": None}, (400, "invalid_request", "missing verification_code parameter")),
        ({"connection": "none"}, (400, "invalid_request", "the connection was not found")),
        ({"client_id": "unknown"}, (403, "unauthorized_client", "invalid client")),
        ({"client_id": "backend"}, (403, "unauthorized_client", "invalid client")),
        ({"email": "nobody"}, (401, "invalid_user_password", "Wrong email or verification code.")),
    ],
    ids=str,
)
def test_refusals_to_the_byte(face, changed, told):
    assert told == refusal(verify(face.browser, "123456", **changed))
    assert [] == events_of(face.parts, Event.CODE_TRIED)


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "https://evil.example/", "connection": "none"},
        {"client_id": "unknown"},
        {"client_id": "backend"},
    ],
    ids=str,
)
def test_it_is_no_open_redirect(face, changed):
    browser = face.browser

    page = come(browser, "123456", **changed)

    assert (400, "text/html", None) == (page.status_code, page.mimetype, page.headers.get("Location"))
    there = browser.get(f"/realms/other/embedded/none?{urlencode(query_of('123456'))}", PERSON)
    assert there.headers.get("Location") is None
