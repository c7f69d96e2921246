"""The sidecar's pages in a real browser: for everyone, in each size, with and without scripts."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from sidecar.assets import locales
from tests.stack import wait_until

from .conftest import violations
from .rendering import STATES

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
#: A window of 1280 pixels at 200 % has 640 to lay out; WCAG 1.4.10 asks for 320.
NARROWEST = {"width": 320, "height": 640}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(pages, new_page, state, scheme):
    tab = new_page(viewport=PHONE, color_scheme=scheme, bypass_csp=True)
    tab.goto(f"{pages.url}/{state}")
    assert violations(tab) == []


@pytest.mark.parametrize("options", ["", "?locale=de", "?direction=rtl"])
@pytest.mark.parametrize("state", STATES)
def test_nothing_runs_out_of_the_narrowest_window(pages, new_page, state, options):
    tab = new_page(viewport=NARROWEST)
    tab.goto(f"{pages.url}/{state}{options}")
    assert tab.evaluate("document.documentElement.scrollWidth") <= NARROWEST["width"]


@pytest.mark.parametrize("locale", locales())
def test_no_language_is_too_long_for_the_narrowest_window(pages, new_page, locale):
    """Nor is a part of it cut off: a word that can't be broken would stand over its button's edge."""
    tab = new_page(viewport=NARROWEST)
    for state in STATES:
        tab.goto(f"{pages.url}/{state}?locale={locale}")
        assert tab.evaluate("document.documentElement.scrollWidth") <= NARROWEST["width"], state
        wide = "[...document.querySelectorAll('button, h1, p, label')].filter(e => e.scrollWidth > e.clientWidth + 1)"
        assert tab.evaluate(f"{wide}.map(e => e.textContent.trim())") == [], state


@pytest.mark.parametrize("state", STATES)
def test_targets_are_44_pixels_high(pages, new_page, state):
    tab = new_page(viewport=PHONE)
    tab.goto(f"{pages.url}/{state}")
    for control in tab.locator("button:visible, a.pwl-button:visible, input:visible").all():
        assert control.bounding_box()["height"] >= 44, control.inner_html()


def test_the_browser_refuses_nothing_of_a_page(pages, new_page):
    """A script or style that the policy forbids would be in the console."""
    tab = new_page()
    complaints = []
    tab.on("console", lambda message: complaints.append(message.text))
    for state in STATES:
        tab.goto(f"{pages.url}/{state}")
    assert [text for text in complaints if "favicon" not in text and "404" not in text] == []


def test_without_scripts_a_code_is_sent_by_keyboard(pages, new_page):
    tab = new_page(java_script_enabled=False)
    tab.goto(f"{pages.url}/code")
    expect(tab.get_by_label("Code", exact=True)).to_be_focused()
    tab.keyboard.type("123 456")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("done")).to_be_visible()
    assert pages.posts == [("/code", {"challenge": "chl", "code": "123 456"})]


def test_without_scripts_a_new_mail_can_be_asked_for_at_any_time(pages, new_page):
    tab = new_page(java_script_enabled=False)
    tab.goto(f"{pages.url}/code")
    tab.click("#resend")
    expect(tab.get_by_text("done")).to_be_visible()
    assert pages.posts == [("/resend", {"challenge": "chl"})]


def test_a_complete_code_goes_on_by_itself_and_once(pages, new_page):
    """Once: who goes back to mend a digit is not sent off again."""
    tab = new_page()
    tab.goto(f"{pages.url}/code")
    tab.evaluate("""() => {
        window.sent = 0;
        document.getElementById("code-form").addEventListener("submit", (event) => {
            window.sent += 1;
            event.preventDefault();
        });
    }""")
    expect(tab.get_by_label("Code", exact=True)).to_be_focused()
    tab.keyboard.type("12345")
    assert tab.evaluate("window.sent") == 0
    tab.keyboard.type("6")
    assert tab.evaluate("window.sent") == 1
    tab.keyboard.press("Backspace")
    tab.keyboard.type("7")
    assert tab.evaluate("window.sent") == 1


def test_a_pasted_code_may_have_gaps(pages, new_page):
    tab = new_page()
    tab.goto(f"{pages.url}/code")
    expect(tab.get_by_label("Code", exact=True)).to_be_focused()
    tab.keyboard.insert_text("123 456")
    expect(tab.get_by_text("done")).to_be_visible()
    assert pages.posts == [("/code", {"challenge": "chl", "code": "123 456"})]


def test_a_script_can_not_make_the_page_go_on(pages, new_page):
    tab = new_page()
    tab.goto(f"{pages.url}/code")
    tab.evaluate("""() => {
        const field = document.getElementById("code");
        field.value = "123456";
        field.dispatchEvent(new InputEvent("input", {bubbles: true}));
    }""")
    assert pages.posts == []
    assert tab.locator("#code-form").get_attribute("data-sent") is None


def test_the_time_left_is_shown_and_not_announced(pages, new_page):
    tab = new_page()
    tab.goto(f"{pages.url}/code")
    expect(tab.locator("#code-left")).to_have_text("Valid for 4:32")
    assert (
        tab.locator("#code-left").evaluate("e => e.closest('[aria-live], [role=status], [role=alert]')")
        is None
    )


def test_a_new_mail_waits_for_its_countdown(pages, new_page):
    tab = new_page()
    tab.goto(f"{pages.url}/code")
    expect(tab.locator("#resend")).to_have_attribute("aria-disabled", "true")
    tab.click("#resend", force=True)
    assert pages.posts == []


def test_the_status_line_follows_the_mail_until_the_code_is_over(pages, new_page):
    tab = new_page()
    tab.goto(f"{pages.url}/code")
    status = tab.locator("#status[role=status]")
    expect(status).to_have_attribute("data-status", "sending")
    expect(status).to_have_attribute("data-status", "sent", timeout=20_000)
    expect(tab.locator("#resend")).to_have_attribute("aria-disabled", "false")
    pages.status = (200, {"status": "sent", "expires_in_s": 0, "resend_in_s": 0, "open": False})
    expect(tab.get_by_role("heading", name="This code no longer works")).to_be_visible(timeout=20_000)
    expect(tab.locator("#new-code")).to_be_focused()
    expect(tab.locator("#code-form")).to_be_hidden()


def test_the_way_to_the_other_channel_comes_and_goes_with_the_news(pages, new_page):
    """Without a script it is as when the page was loaded."""
    tab = new_page()
    tab.clock.install()
    tab.goto(f"{pages.url}/code-delivered")
    button = tab.get_by_role("button", name="The other one")
    for status, is_shown in (("failed", True), ("sent", False), ("delayed", True), ("delivered", False)):
        expect(button).to_be_visible(visible=not is_shown)
        pages.status = (200, {"status": status, "expires_in_s": 200, "resend_in_s": 0, "open": True})
        with tab.expect_response("**/status"):
            tab.clock.run_for(20_000)
        expect(tab.locator("#status")).to_have_attribute("data-status", status)
        expect(button).to_be_visible(visible=is_shown)
    plain = new_page(java_script_enabled=False)
    plain.goto(f"{pages.url}/code-undelivered")
    expect(plain.get_by_role("button", name="The other one")).to_be_visible()


def test_no_news_are_asked_for_once_the_challenge_is_gone(pages, new_page):
    pages.status = (404, {})
    tab = new_page()
    tab.clock.install()
    tab.goto(f"{pages.url}/code")
    with tab.expect_response("**/status"):
        tab.clock.run_for(5_000)
    tab.clock.run_for(60_000)
    assert pages.polls == 1


@pytest.mark.parametrize("how", ["asked for before", "asked for after"])
def test_no_news_come_between_a_code_and_its_answer(pages, new_page, how):
    """On a slow connection they would say that the code is used, which it is by this very page."""
    pages.status = (
        200,
        {"status": "sent", "expires_in_s": 200, "resend_in_s": 0, "open": False, "used": True},
    )
    pages.taken.clear()
    pages.known.clear()
    tab = new_page()
    tab.goto(f"{pages.url}/code-both")
    expect(tab.get_by_label("Code", exact=True)).to_be_focused()
    if how == "asked for before":
        wait_until(lambda: pages.polls, "the first question")
    asked = pages.polls
    tab.keyboard.type("123456")
    tab.keyboard.press("Enter")  # nothing more than impatience: the code has gone by itself
    wait_until(lambda: pages.posts, "the code")
    pages.known.set()
    time.sleep(4)  # longer than to the next question, and nothing can be asked of a page that is on its way
    pages.taken.set()
    expect(tab.get_by_text("done", exact=True)).to_be_visible()
    assert (pages.polls, [path for path, _ in pages.posts]) == (asked, ["/code"])


def test_a_page_that_comes_back_asks_for_news_again(pages, new_page):
    tab = new_page()
    tab.clock.install()
    tab.goto(f"{pages.url}/code")
    tab.evaluate("document.dispatchEvent(new Event('submit'))")
    tab.clock.run_for(20_000)
    assert pages.polls == 0
    tab.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    with tab.expect_response("**/status"):
        tab.clock.run_for(20_000)


def test_the_time_runs_out_on_the_page_itself(pages, new_page):
    pages.given = {"expires_in_s": 90}
    pages.status = (500, {})
    tab = new_page()
    tab.clock.install()
    tab.goto(f"{pages.url}/code")
    tab.clock.run_for(89_000)
    expect(tab.locator("#code")).to_be_visible()
    tab.clock.run_for(3_000)
    expect(tab.locator("#code")).to_be_hidden()
    expect(tab.locator("#new-code")).to_be_visible()
