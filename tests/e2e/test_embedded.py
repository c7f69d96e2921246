"""The single-page example in Chromium: address and code on its own page, on the sidecar's site and on another one."""

from __future__ import annotations

import json
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.e2e.api_callers import served
from tests.e2e.conftest import NUMBERS

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]

EXAMPLE = Path(__file__).parents[2] / "examples" / "single-page"
CLIENT = "single-page"


@pytest.fixture(scope="module")
def example(stack):
    """The example as it is, served at `localhost` (the sidecar's site) and `127.0.0.1` (another); its port."""
    told = {"url": stack.sidecar, "keycloak": stack.keycloak, "realm": NUMBERS, "clientId": CLIENT}

    class Files(SimpleHTTPRequestHandler):
        def do_GET(self):
            if self.path.endswith("/settings.json"):
                body = json.dumps(told).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body)
            else:
                super().do_GET()

        def log_message(self, *_):
            pass

    with served(stack, CLIENT, partial(Files, directory=str(EXAMPLE))) as port:
        yield port


def sign_in(page, stack, url, address, count=1):
    page.goto(url)
    page.locator("passwordless-login[ready]").wait_for()
    page.fill("input[name=address]", address)
    page.keyboard.press("Enter")
    page.locator("input[name=code]").wait_for()
    return stack.mail.wait_for(address, count).code


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["same site", "another site"])
def test_address_and_code_on_the_applications_own_page(stack, page, example, host, shots):
    """A wrong code, a reload, then the right one; no page of Keycloak's or ours is ever shown."""
    url = f"http://{host}:{example}/"
    address = stack.new_address("spa")
    code = sign_in(page, stack, url, address)
    shown = []
    page.on("framenavigated", lambda frame: shown.append(frame.url))

    page.keyboard.type(f"{(int(code) + 1) % 10**6:06d}")
    page.get_by_text("That code is not right. You have 4 more tries.").wait_for()
    shots(page, host)
    page.reload()
    page.locator("input[name=code]").fill(code)
    page.keyboard.press("Enter")
    page.locator("#claims").wait_for()

    claims = json.loads(page.locator("#claims").inner_text())
    assert (CLIENT, address, ["otp", "email"]) == (claims["aud"], claims["email"], claims["amr"])
    assert all(it.startswith(url) for it in shown), shown
    assert ["email"] == [it["identityProvider"] for it in stack.identities(NUMBERS, address)]
    assert 1 == len(stack.mail.to(address))


def test_a_text_is_for_the_page_where_its_code_is_typed(stack, page, example):
    """It names the application's host, and the page has asked the phone for it (WebOTP)."""
    number = stack.new_number()
    page.add_init_script(
        "window.OTPCredential ??= class {};"
        "navigator.credentials.get = (asked) => new Promise(() => { window.asked = asked.otp; });"
    )
    page.goto(f"http://127.0.0.1:{example}/")
    page.locator("passwordless-login[ready]").wait_for()
    page.fill("input[name=address]", number)
    page.keyboard.press("Enter")
    page.locator("input[name=code]").wait_for()
    text = stack.gateway.wait_for(number)

    assert f"@127.0.0.1 #{text.code}" == text.text.splitlines()[-1]
    assert {"transport": ["sms"]} == page.evaluate("window.asked")
    page.keyboard.type(text.code)
    page.locator("#claims").wait_for()
    assert ["otp", "sms"] == json.loads(page.locator("#claims").inner_text())["amr"]


def test_a_session_of_somebody_else_is_noticed_and_can_be_ended(stack, page, example):
    """Keycloak's session wins over the new login: the page says whose it is, signs out, and asks anew."""
    url = f"http://localhost:{example}/"
    ada, bob = stack.new_address("ada"), stack.new_address("bob")
    page.keyboard.type(sign_in(page, stack, url, ada))
    page.locator("#claims").wait_for()
    page.evaluate("() => sessionStorage.clear()")
    # Tokens tell whole seconds, and people take their time.
    page.wait_for_timeout(2500)

    page.keyboard.type(sign_in(page, stack, url, bob))
    page.get_by_text(f"You are signed in as {ada} already.").wait_for()
    page.locator("[data-sign-out]").click()
    page.locator("input[name=address]").wait_for()
    page.keyboard.type(sign_in(page, stack, url, bob, count=2))
    page.locator("#claims").wait_for()

    assert bob == json.loads(page.locator("#claims").inner_text())["email"]


def test_a_ticket_in_a_strangers_link_signs_nobody_in_unasked(stack, page, example, chromium):
    """Another browser opens a link with somebody else's ticket: it asks, and a client's is worth nothing at all."""
    for host, is_asked in (("localhost", True), ("127.0.0.1", False)):
        address = stack.new_address("attacker")
        code = sign_in(page, stack, f"http://{host}:{example}/", address)
        page.evaluate("() => { HTMLFormElement.prototype.submit = () => {}; }")
        page.keyboard.type(code)
        ticket = page.locator("input[name=ticket]").get_attribute("value", timeout=10_000)
        query = {
            "client_id": CLIENT,
            "redirect_uri": f"http://localhost:{example}/",
            "response_type": "code",
            "scope": "openid",
            "code_challenge": "a" * 43,
            "code_challenge_method": "S256",
            "kc_idp_hint": "email",
            "login_hint": ticket,
        }
        victim = chromium.new_context(viewport={"width": 390, "height": 700})
        opened = victim.new_page()

        opened.goto(f"{stack.keycloak}/realms/{NUMBERS}/protocol/openid-connect/auth?{urlencode(query)}")

        assert opened.url.startswith(stack.sidecar), opened.url
        assert not [it for it in victim.cookies(stack.keycloak) if it["name"].startswith("KEYCLOAK_IDENTITY")]
        if is_asked:
            assert "a•••@example.org" in opened.locator("main, body").first.inner_text()
            opened.locator("#confirm").click()
            opened.wait_for_url(f"http://localhost:{example}/?*")
        else:
            opened.locator("input[name=address]").wait_for()
        victim.close()
        page.context.clear_cookies()
