"""From an address to a ticket over HTTP: who may call, what is answered, and what the ticket does at our endpoint."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from sidecar.login.codes import derive_code
from sidecar.login.room import Caller, api_caller
from sidecar.model.events import Event
from tests.api.conftest import ORIGIN
from tests.contract.test_tickets import STATE
from tests.ledger import events_of
from tests.web.browser import PERSON, PUBLIC_URL, Browser, answer_of, authorization, form_of

BASE = "/api/v1/realms/acme/challenges"
SAME_SITE = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}
CROSS_SITE = {**SAME_SITE, "Sec-Fetch-Site": "cross-site"}
START = {"client_id": "shop", "connection": "email", "address": "ada@example.org"}


@pytest.fixture
def shop(switched_on):
    return switched_on("shop", origins=[ORIGIN])


def call(browser, path, body, headers):
    return browser.open("POST", path, json=body, headers=headers)


def code_of(parts, challenge_id, *callers: Caller):
    for caller in callers:
        return derive_code(parts.keys, parts.room().challenges.find(challenge_id, caller.macs(parts.keys))[0])
    raise AssertionError


def in_browser(browser):
    return Caller(browser_secret=browser.secret, network="")


def ticket_of(browser, parts, shop, headers=SAME_SITE):
    started = call(browser, BASE, START, headers)
    assert 201 == started.status_code, started.get_data(as_text=True)
    caller = in_browser(browser) if headers is SAME_SITE else api_caller(shop, network="")
    challenge_id = started.json["id"]
    body = {"client_id": "shop", "code": code_of(parts, challenge_id, caller)}
    verified = call(browser, f"{BASE}/{challenge_id}/verify", body, headers)
    assert 200 == verified.status_code, verified.get_data(as_text=True)
    return verified.json["ticket"]


def from_keycloak(browser, ticket, **changed):
    query = urlencode(authorization(login_hint=ticket, **{"state": STATE, **changed}))
    return browser.get(f"/realms/acme/email/authorize?{query}", PERSON)


def test_a_page_of_the_same_site_ends_at_keycloak_without_a_page_of_ours(browser, parts, shop):
    started = call(browser, BASE, START, SAME_SITE)
    assert {
        "connection": "email",
        "masked_address": "a•••@example.org",
        "method": "code",
        "digits": 6,
        "status": "sending",
        "open": True,
        "verified": False,
        "tries_left": 5,
        "expires_in_s": 300,
        "resend_in_s": 30,
    } == {name: value for name, value in started.json.items() if name != "id"}

    answer = from_keycloak(browser, ticket_of(browser, parts, shop))

    assert 303 == answer.status_code
    assert answer.location.startswith("https://id.example.org/realms/acme/broker/email/endpoint?code=")


def test_in_another_browser_a_person_is_asked_first(browser, parts, shop, app):
    ticket = ticket_of(browser, parts, shop)
    other = Browser(app, "203.0.113.7")

    page = from_keycloak(other, ticket)

    assert 200 == page.status_code
    assert "a•••@example.org" in page.get_data(as_text=True)
    form = form_of(page)
    assert f"{PUBLIC_URL}/realms/acme/email/continue" == form.actions[0]
    assert [] == events_of(parts, Event.TICKET_EXCHANGED)
    answer = other.post("/realms/acme/email/continue", form.hidden)
    assert "code" in answer_of(answer)
    again = other.post("/realms/acme/email/continue", form.hidden)
    assert 'name="address"' in again.get_data(as_text=True)


def test_the_button_is_of_our_own_page_in_the_same_browser(browser, parts, shop, app):
    """F8: nobody else's form presses it."""
    form = form_of(from_keycloak(Browser(app), ticket_of(browser, parts, shop)))
    stranger = Browser(app)
    from_keycloak(stranger, "")

    elsewhere = stranger.post("/realms/acme/email/continue", form.hidden)
    from_outside = browser.post(
        "/realms/acme/email/continue",
        form.hidden,
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    )

    assert [400, 400] == [elsewhere.status_code, from_outside.status_code]
    assert [] == events_of(parts, Event.TICKET_EXCHANGED)


def test_a_clients_ticket_in_a_url_is_an_empty_form(browser, parts, shop, app):
    ticket = ticket_of(browser, parts, shop, CROSS_SITE)

    for visitor in (browser, Browser(app)):
        page = from_keycloak(visitor, ticket)
        assert 200 == page.status_code
        assert 'name="address"' in page.get_data(as_text=True)
        assert ticket not in page.get_data(as_text=True).replace("&#34;", "")
    assert 2 == len(events_of(parts, Event.TICKET_REFUSED))


def test_a_page_of_another_site_hands_its_browser_over(browser, parts, shop, app):
    ticket = ticket_of(browser, parts, shop, CROSS_SITE)
    form = {
        "client_id": "shop",
        "ticket": ticket,
        "redirect_uri": "https://shop.acme.example/cb",
        "response_type": "code",
        "scope": "openid",
        "state": "s",
        "evil": "1",
    }
    path = "/api/v1/realms/acme/tickets/continue"
    for origin in ("https://evil.example", "null", f"{ORIGIN}.evil.example", ORIGIN.upper()):
        refused = browser.open("POST", path, data=form, headers={"Origin": origin})
        assert (400, "text/html") == (refused.status_code, refused.mimetype)
    assert 400 == browser.open("POST", path, data=form).status_code

    answer = browser.open("POST", path, data=form, headers={**PERSON, "Origin": ORIGIN})

    assert 303 == answer.status_code
    assert answer.location.startswith(
        "https://id.example.org/realms/acme/protocol/openid-connect/auth?client_id=shop&redirect_uri="
    )
    assert {"kc_idp_hint": "email", "login_hint": ticket, "state": "s"}.items() <= answer_of(answer).items()
    assert "evil" not in answer.location
    other = Browser(app).open("POST", path, data=form, headers={**PERSON, "Origin": ORIGIN})
    assert (404, "text/html") == (other.status_code, other.mimetype)
    assert 303 == from_keycloak(browser, ticket).status_code


@pytest.mark.parametrize(
    ("headers", "changed"),
    [
        ({"Origin": "https://evil.example"}, {}),
        ({"Origin": "null"}, {}),
        ({"Origin": f"{ORIGIN}.evil.example"}, {}),
        (SAME_SITE, {"client_id": "unknown"}),
        (SAME_SITE, {"client_id": "native"}),
        ({}, {"client_id": "backend"}),
        ({}, {"client_id": "backend", "client_secret": "wrong"}),
    ],
    ids=str,
)
def test_who_may_not_call_is_told_so_before_anything_is_counted(
    browser, parts, switched_on, headers, changed
):
    switched_on("native")
    switched_on("backend", is_public=False)

    refused = call(browser, BASE, {**START, **changed}, headers)

    assert refused.status_code in {401, 503}
    assert "application/problem+json" == refused.mimetype
    assert [] == events_of(parts, Event.CHALLENGE_STARTED)


def test_a_program_calls_for_a_public_client_that_has_no_pages(browser, switched_on):
    switched_on("native")

    assert 201 == call(browser, BASE, {**START, "client_id": "native"}, {}).status_code


def test_another_clients_and_another_browsers_challenges_are_not_found(
    browser, parts, shop, switched_on, app
):
    """F7: by no call."""
    switched_on("other", application="6f1d7e0a-9c3b-4a86-8f27-1b0c6d2e4a91", origins=[ORIGIN])
    started = call(browser, BASE, START, SAME_SITE).json["id"]
    of_client = call(browser, BASE, START, CROSS_SITE).json["id"]

    for visitor, headers, client, challenge in (
        (browser, SAME_SITE, "other", started),
        (Browser(app), SAME_SITE, "shop", started),
        (browser, CROSS_SITE, "shop", started),
        (browser, CROSS_SITE, "other", of_client),
        (browser, SAME_SITE, "shop", of_client),
    ):
        path = f"{BASE}/{challenge}"
        answers = [
            call(visitor, f"{path}/verify", {"client_id": client, "code": "123456"}, headers),
            call(visitor, f"{path}/resend", {"client_id": client}, headers),
            visitor.open("GET", f"{path}?client_id={client}", headers=headers),
        ]
        assert [404, 404, 404] == [answer.status_code for answer in answers]
    assert [] == events_of(parts, Event.CODE_TRIED)


def test_a_challenge_of_the_api_has_no_page_of_ours(browser, shop):
    """It holds no request of Keycloak's, so a page would have nowhere to go on to."""
    started = call(browser, BASE, START, SAME_SITE).json["id"]

    assert 404 == browser.get(f"/realms/acme/email/code?challenge={started}").status_code


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({**START, "address": "nobody"}, 422, "invalid_address"),
        ({**START, "connection": "none"}, 400, "invalid_request"),
        ({**START, "verified": True}, 422, "invalid_fields"),
        ({**START, "sub": "email.x"}, 422, "invalid_fields"),
        ({**START, "address": ["a@example.org", "b@example.org"]}, 422, "invalid_fields"),
        ({"client_id": "shop"}, 422, "invalid_fields"),
        ([], 422, "invalid_fields"),
    ],
    ids=str,
)
def test_wrong_bodies_get_a_problem_document(browser, switched_on, body, status, code):
    refused = call(browser, BASE, body, SAME_SITE)

    assert (status, code) == (refused.status_code, refused.json["title"])
    assert "application/problem+json" == refused.mimetype


def test_wrong_codes_count_down_and_limits_say_when(browser, parts, shop):
    started = call(browser, BASE, START, SAME_SITE).json["id"]
    path = f"{BASE}/{started}/verify"
    wrong = f"{(int(code_of(parts, started, in_browser(browser))) + 1) % 10**6:06d}"

    left = [
        call(browser, path, {"client_id": "shop", "code": wrong}, SAME_SITE).json["tries_left"]
        for _ in range(5)
    ]
    assert [4, 3, 2, 1, 0] == left
    for _ in range(4):
        assert 201 == call(browser, BASE, START, SAME_SITE).status_code
    limited = call(browser, BASE, START, SAME_SITE)

    assert 429 == limited.status_code
    assert 0 < int(limited.headers["Retry-After"]) <= 3600
    assert ("5", "0") == (limited.headers["X-RateLimit-Limit"], limited.headers["X-RateLimit-Remaining"])
    assert int(limited.headers["X-RateLimit-Reset"]) > 1_700_000_000


def keyed(browser, key, headers=SAME_SITE, **changed):
    return call(browser, BASE, {**START, **changed}, {**headers, "Idempotency-Key": key})


def test_a_start_with_a_key_may_be_asked_for_again(browser, parts, shop):
    first, second = keyed(browser, "k-1"), keyed(browser, "k-1")

    assert [201, 201] == [first.status_code, second.status_code]
    assert first.json["id"] == second.json["id"]
    assert 1 == len(events_of(parts, Event.CHALLENGE_STARTED))
    other = keyed(browser, "k-1", address="eve@example.org")
    assert (422, "idempotency_key_reused") == (other.status_code, other.json["title"])
    assert first.json["id"] != keyed(browser, "k-2").json["id"]


def test_a_key_is_its_callers(browser, shop, switched_on, app):
    """Neither another browser nor another client finds the challenge by it."""
    switched_on("other", application="6f1d7e0a-9c3b-4a86-8f27-1b0c6d2e4a91", origins=[ORIGIN])
    ids = {
        keyed(browser, "k-1").json["id"],
        keyed(Browser(app), "k-1").json["id"],
        keyed(browser, "k-1", CROSS_SITE).json["id"],
        keyed(browser, "k-1", CROSS_SITE, client_id="other").json["id"],
    }
    assert 4 == len(ids)


@pytest.mark.parametrize("key", ["", " ", "a b", "ü", "k" * 256])
def test_a_key_that_is_none_is_refused(browser, parts, switched_on, key):
    refused = keyed(browser, key)

    assert (422, "invalid_fields") == (refused.status_code, refused.json["title"])
    assert [] == events_of(parts, Event.CHALLENGE_STARTED)


def test_preflights_name_listed_origins_only(browser, shop):
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}

    allowed = browser.open("OPTIONS", BASE, headers={"Origin": ORIGIN, **asked})
    others = [
        browser.open("OPTIONS", BASE, headers={"Origin": origin, **asked})
        for origin in ("https://evil.example", "null", f"{ORIGIN}.evil.example", f"{ORIGIN}:8443", "*")
    ]

    assert ORIGIN == allowed.headers["Access-Control-Allow-Origin"]
    assert "true" == allowed.headers["Access-Control-Allow-Credentials"]
    assert not any("Access-Control-Allow-Origin" in answer.headers for answer in others)
    assert "Origin" in allowed.headers["Vary"]


def test_the_document_is_served(browser):
    document = browser.get("/api/v1/openapi.json").json

    assert document["openapi"].startswith("3.1")
    assert "/api/v1/realms/{realm}/challenges" in document["paths"]
