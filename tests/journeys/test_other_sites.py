"""What a page of another site can do to a login under way, in a real Chromium (threats B7, E6, F8)."""

from __future__ import annotations

import html
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

import pytest

from tests.stack import wait_until
from tests.web.browser import authorization

pytestmark = pytest.mark.browser


@pytest.fixture
def evil() -> Iterator[dict[str, str]]:
    """A page of another site (127.0.0.1, not localhost); set `page`, open `url`."""
    state = {"page": "", "url": ""}

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(state["page"].encode())

        def log_message(self, *_args) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Evil)
    state["url"] = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def tab(chromium):
    context = chromium.new_context()
    context.set_default_timeout(20_000)
    # Keycloak is not there; what matters is where the browser was sent.
    context.route("**/broker/email/endpoint**", lambda route: route.fulfill(body="signed in"))
    yield context.new_page()
    context.close()


def asked(served, **changed: str) -> dict[str, str]:
    redirect_uri = served.parts.settings.broker_redirect_uri("acme", "email")
    return authorization(redirect_uri=redirect_uri, **changed)


def start(served, tab, address: str) -> str:
    """Come to the code page as a person does; answers the mail's code."""
    tab.goto(f"{served.issuer}/authorize?{urlencode(asked(served))}")
    tab.fill("input[type=email], input[name=address]", address)
    tab.click("button[type=submit] >> nth=0")
    tab.wait_for_url("**/code?challenge=*")
    return wait_until(
        lambda: [mail for mail in served.mails.kept if mail.recipients == [address]], "the mail"
    )[0].code


def test_a_form_of_another_site_does_not_end_a_login_under_way(served, tab, evil):
    """E6: it posts to the authorization endpoint, in a tab of the same browser, while the code page waits."""
    code = start(served, tab, "under-way@example.org")
    fields = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(value)}">'
        for name, value in asked(served, login_hint="eve@example.org").items()
    )
    evil["page"] = (
        f'<form method="post" action="{served.issuer}/authorize">{fields}</form>'
        "<script>document.forms[0].submit()</script>"
    )
    other = tab.context.new_page()
    other.goto(evil["url"])
    other.wait_for_url("http://localhost:*/**")
    before = tab.context.cookies()

    tab.fill("input[name=code]", code)
    tab.keyboard.press("Enter")

    tab.wait_for_url("**/broker/email/endpoint?*")
    assert "code=" in tab.url
    assert 1 == len([it for it in before if it["name"] == "__Host-passwordless"])


def test_no_page_of_another_site_frames_ours(served, tab, evil):
    """B7: the address page in a frame stays empty, so no button of it can be laid under a foreign one."""
    address_page = f"{served.issuer}/authorize?{urlencode(asked(served))}"
    evil["page"] = f'<iframe id="f" src="{html.escape(address_page)}"></iframe>'

    with tab.expect_console_message(lambda message: "frame" in message.text.lower()):
        tab.goto(evil["url"], wait_until="load")

    framed = tab.frames[-1]
    assert 0 == framed.locator("form").count()
    # The control arm: by itself the page has its form.
    tab.goto(address_page)
    assert tab.locator("form").count() > 0
