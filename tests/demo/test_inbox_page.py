"""The inbox's page in a real Chromium: live, and the same without JavaScript."""

from __future__ import annotations

import threading

import pytest
from playwright.sync_api import expect
from werkzeug.serving import make_server

from sidecar.demo.inbox import Mailbox, message_from_mail
from sidecar.demo.inbox.web import create_inbox

pytestmark = pytest.mark.browser
MAIL = (
    "From: login@acme.example\r\nTo: {to}\r\nSubject: {subject}\r\nContent-Type: text/html\r\n\r\n"
    "<!doctype html><html><head></head><body><p>In the frame</p><a href='{link}'>This was not me</a>"
    "<script>document.body.innerHTML = 'A script ran'</script></body></html>\r\n"
)


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def url(mailbox, free_port):
    server = make_server("127.0.0.1", free_port(), create_inbox(mailbox), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    yield context.new_page()
    context.close()


def put(mailbox, to="ada@example.org", subject="482913 is your code", link="http://localhost/"):
    mail = MAIL.format(to=to, subject=subject, link=link).encode()
    mailbox.add(message_from_mail(mail, envelope_from="bounces@acme.example", envelope_to=[to]))


def test_a_message_that_comes_shows_up_by_itself(page, url, mailbox):
    page.goto(url)
    assert page.get_by_text("Nothing yet").is_visible()
    put(mailbox)
    expect(page.locator("#code")).to_have_text("482913")
    put(mailbox, to="grace@example.org", subject="774201 is your code")
    expect(page.locator("#code")).to_have_text("774201")
    assert page.locator(".list li").count() == 2


def test_the_message_that_was_chosen_stays(page, url, mailbox):
    put(mailbox)
    page.goto(url)
    page.goto(f"{url}{page.locator('.list a').first.get_attribute('href')}")
    put(mailbox, to="grace@example.org", subject="774201 is your code")
    # The list of a chosen message is hidden at this width, but it is there and follows.
    expect(page.locator(".list li")).to_have_count(2)
    assert page.locator("#code").inner_text() == "482913"


def test_a_mails_script_does_not_run_and_its_links_open_beside_the_inbox(page, url, mailbox):
    put(mailbox, link=f"{url}/livez")
    page.goto(url)
    frame = page.frame_locator("iframe")
    assert frame.get_by_text("In the frame").is_visible()
    with page.context.expect_page() as opened:
        frame.get_by_text("This was not me").click()
    opened.value.wait_for_load_state()
    assert opened.value.url == f"{url}/livez"
    assert opened.value.evaluate("window.opener") is None
    assert frame.get_by_text("In the frame").is_visible()


def test_nothing_is_wider_than_a_phone(page, url, mailbox):
    put(mailbox, to=f"{'a' * 60}@{'b' * 60}.example", subject="w" * 200)
    page.goto(url)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_without_javascript_a_refresh_shows_it(chromium, url, mailbox):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    put(mailbox)
    page.reload()
    assert page.locator("#code").inner_text() == "482913"
    page.get_by_role("button", name="Delete all").click()
    assert page.get_by_text("Nothing yet").is_visible()
    context.close()
