"""`<passwordless-login>` in a real browser, alone: what it says and does when the API answers otherwise than hoped.

The API is played here; logins through the real one are in tests/e2e.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from sidecar.assets import THEMES
from sidecar.web.component import texts
from sidecar.words import Catalogue

from .conftest import violations

pytestmark = pytest.mark.browser

FOLDER = THEMES / "passwordless-classic" / "login" / "resources" / "js"
CATALOGUE = Catalogue()
PAGE = """<!DOCTYPE html><html lang="%s" dir="%s"><head><title>Shop</title>
<script type="module" src="https://login.example.org/sdk/passwordless-login.js"></script></head>
<body><main><h1>Shop</h1>
<passwordless-login url="https://login.example.org" realm="acme" client-id="shop"></passwordless-login>
</main></body></html>"""
CHALLENGE = {
    "id": "c" * 22,
    "connection": "email",
    "masked_address": "a•••@example.org",
    "digits": 6,
    "status": "sent",
    "open": True,
    "tries_left": 5,
    "expires_in_s": 300,
    "resend_in_s": 30,
}
ALLOWED = {
    "Access-Control-Allow-Origin": "https://shop.example",
    "Access-Control-Allow-Credentials": "true",
}


class Api:
    """What each kind of call is answered with: status, body, `Retry-After`; and what was asked.

    `slow`: the kinds that wait in `waiting`, until they are answered from there.
    """

    def __init__(self):
        self.asked = []
        self.slow = set()
        self.waiting = []
        self.answers = {
            "challenges": (201, CHALLENGE, 0),
            "resend": (200, {**CHALLENGE, "id": "d" * 22}, 0),
            "verify": (422, {"title": "code_refused", "tries_left": 4}, 0),
            CHALLENGE["id"]: (200, CHALLENGE, 0),
        }

    def answer(self, route):
        path = urlsplit(route.request.url).path
        name = path.rpartition("/")[2]
        if path.startswith("/sdk/texts/"):
            body = texts(CATALOGUE.words(name.removesuffix(".json")))
            route.fulfill(json=body, headers={"Access-Control-Allow-Origin": "*"})
        elif path.startswith("/sdk/"):
            body = (FOLDER / name).read_text("utf-8")
            kind = {"Content-Type": "text/javascript", "Access-Control-Allow-Origin": "*"}
            route.fulfill(body=body, headers=kind)
        elif route.request.method == "OPTIONS":
            route.fulfill(status=200, headers={**ALLOWED, "Access-Control-Allow-Headers": "Content-Type"})
        elif self.answers.get(name) is None:
            route.abort()
        elif name in self.slow:
            self.slow.remove(name)
            self.waiting.append(route)
        else:
            self.asked.append((name, json.loads(route.request.post_data or "{}")))
            status, body, after = self.answers[name]
            exposed = (
                {"Retry-After": str(after), "Access-Control-Expose-Headers": "Retry-After"} if after else {}
            )
            route.fulfill(status=status, json=body, headers={**ALLOWED, **exposed})


@pytest.fixture
def api():
    return Api()


@pytest.fixture
def open_shop(new_page, api):
    """A page of an application with the component; its clock is ours."""

    def open_(locale="en", direction="ltr"):
        tab = new_page(bypass_csp=True)
        tab.route("https://login.example.org/**", api.answer)
        tab.route(
            "https://shop.example/**",
            lambda route: route.fulfill(body=PAGE % (locale, direction), content_type="text/html"),
        )
        tab.clock.install()
        tab.goto("https://shop.example/")
        tab.locator("passwordless-login[ready]").wait_for()
        return tab

    return open_


def ask(tab, address="ada@example.org"):
    tab.locator("input[name=address]").fill(address)
    tab.keyboard.press("Enter")


def at_code(tab):
    ask(tab)
    code = tab.get_by_label("Code", exact=True)
    expect(code).to_be_focused()
    return code


def test_each_step_is_for_everyone(open_shop):
    tab = open_shop()
    assert violations(tab) == []
    code = at_code(tab)
    assert violations(tab) == []
    assert "one-time-code" == code.get_attribute("autocomplete")
    tab.keyboard.type("111111")
    expect(tab.get_by_text("You have 4 more tries.")).to_be_visible()
    expect(code).to_be_focused()
    expect(code).to_have_attribute("aria-invalid", "true")
    assert violations(tab) == []


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ((422, {"title": "invalid_address"}, 0), "Enter a complete email address"),
        ((422, {"title": "number_refused"}, 0), "We can't send text messages to this number."),
        ((429, {"title": "rate_limited"}, 90), "There were too many attempts. Try again in 2 minutes."),
        ((503, {"title": "connection_stopped"}, 5), "We can't send text messages right now."),
        ((401, {"title": "invalid_client"}, 0), "We can't sign you in right now."),
        (None, "We can't sign you in right now."),
    ],
)
def test_what_goes_wrong_with_the_address_is_said_at_its_field(open_shop, api, answer, text):
    tab = open_shop()
    api.answers["challenges"] = answer
    ask(tab)
    expect(tab.locator("[aria-live=assertive]").get_by_text(text)).to_be_visible()
    field = tab.locator("input[name=address]")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    api.answers["challenges"] = (201, CHALLENGE, 0)
    at_code(tab)


def test_a_new_message_waits_for_its_countdown_and_brings_another_challenge(open_shop, api):
    tab = open_shop()
    at_code(tab)
    resend = tab.get_by_role("button", name="Send it again")
    expect(resend).to_have_attribute("aria-disabled", "true")
    resend.click(force=True)
    api.answers[CHALLENGE["id"]] = (500, {}, 0)
    tab.clock.run_for(31_000)
    expect(resend).to_have_attribute("aria-disabled", "false")
    resend.click()
    expect(resend).to_have_attribute("aria-disabled", "true")
    expect(tab.get_by_label("Code", exact=True)).to_be_focused()
    assert ["resend"] == [name for name, _ in api.asked if name == "resend"]


@pytest.mark.parametrize("how", ["by time", "by news", "by a try"])
def test_a_code_that_is_over_leads_to_a_new_one(open_shop, api, how):
    tab = open_shop()
    at_code(tab)
    if how == "by time":
        api.answers[CHALLENGE["id"]] = (500, {}, 0)
        tab.clock.run_for(301_000)
    elif how == "by news":
        api.answers[CHALLENGE["id"]] = (200, {**CHALLENGE, "open": False, "resend_in_s": 0}, 0)
        tab.clock.run_for(3_000)
    else:
        api.answers["verify"] = (422, {"title": "code_refused", "tries_left": 0}, 0)
        tab.keyboard.type("111111")
    expect(tab.get_by_role("heading", name="This code no longer works")).to_be_visible()
    expect(tab.get_by_label("Code", exact=True)).to_be_hidden()
    expect(tab.get_by_role("button", name="Send a new code")).to_be_visible()
    assert violations(tab) == []


@pytest.mark.parametrize("is_right", [True, False])
def test_no_news_come_between_a_code_and_its_answer(open_shop, api, is_right):
    """On a slow connection they would say that the code is over, which it is by this very try."""
    news, over = CHALLENGE["id"], {**CHALLENGE, "open": False}
    ticket = {"ticket": "t" * 43, "connection": "email", "masked_address": CHALLENGE["masked_address"]}
    tab = open_shop()
    tab.evaluate("addEventListener('passwordless-ticket', () => { document.title = 'ticket' })")
    at_code(tab)
    api.slow = {news, "verify"}
    with tab.expect_request(lambda request: news in request.url):
        tab.clock.run_for(3_000)
    tab.keyboard.type("111111")
    expect(tab.get_by_role("button", name="Continue")).to_be_disabled()
    for route in list(api.waiting):
        if "/verify" not in route.request.url:
            api.waiting.remove(route)
            route.fulfill(json=over, headers=ALLOWED)
    api.answers[news] = (200, over, 0)
    tab.clock.run_for(20_000)
    expect(tab.get_by_role("heading", name="Enter your code")).to_be_visible()
    api.asked.clear()

    (verify,) = api.waiting
    if is_right:
        verify.fulfill(json=ticket, headers=ALLOWED)
        expect(tab).to_have_title("ticket")
        tab.clock.run_for(20_000)
        expect(tab.get_by_role("heading", name="Enter your code")).to_be_visible()
        assert api.asked == [], "nor on the way on"
    else:
        verify.fulfill(status=422, json={"title": "code_refused", "tries_left": 4}, headers=ALLOWED)
        expect(tab.get_by_text("You have 4 more tries.")).to_be_visible()
        tab.clock.run_for(3_000)
        expect(tab.get_by_role("heading", name="This code no longer works")).to_be_visible()


def test_it_speaks_the_pages_language_and_the_applications(open_shop):
    tab = open_shop("ar", "rtl")
    expect(tab.get_by_label(CATALOGUE.words("ar")("passwordlessAddressOrNumber"))).to_be_visible()
    tab.evaluate(
        "() => { document.querySelector('passwordless-login').texts = {codeTitle: 'Your code, please'} }"
    )
    ask(tab)
    expect(tab.get_by_role("heading", name="Your code, please")).to_be_visible()
    assert violations(tab) == []
