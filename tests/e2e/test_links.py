"""Magic links on the real Keycloak: confirmed where they were asked for, a code anywhere else, nothing for scanners."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, expect
from sqlalchemy import update

from sidecar.store.engine import Database
from sidecar.store.tables import challenges
from tests.e2e.conftest import LINKS, Stack
from tests.e2e.test_sign_in import sign_in, type_address, type_code

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]


def ask(stack: Stack, page: Page, address: str, *, send: str = "link") -> str:
    """Start a login with the application; the link of its message."""
    application = stack.applications[LINKS]
    page.goto(f"{application.url}/login{f'?send={send}' if send else ''}")
    type_address(page, address)
    heading = "Check your email" if send == "link" else "Enter your code"
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    return stack.mail.wait_for(address, len(stack.mail.to(address)) or 1).link


def confirm(page: Page) -> None:
    page.get_by_role("button", name="Sign in", exact=True).click()


def sessions(stack: Stack, address: str) -> list[dict[str, object]]:
    user = stack.user(LINKS, address)
    return stack.admin.at("realms", LINKS).get("users", str(user["id"]), "sessions")


def is_signed_in(stack: Stack, page: Page) -> bool:
    """Whether the browser has a session of the realm: a login that may ask nothing says so."""
    answer = page.goto(f"{stack.applications[LINKS].url}/login?prompt=none")
    assert answer
    return urlsplit(page.url).path == "/me"


def test_a_link_signs_in_in_its_tab_and_the_first_one_says_so(stack: Stack, page: Page) -> None:
    """M2; B4: the token is in the address bar of no page, in no Referer, and told to nobody."""
    address = stack.new_address()
    link = ask(stack, page, address)
    token = link.rpartition("/")[2]
    told: list[str] = []

    def watch(request: Request) -> None:
        headers = {name: value for name, value in request.all_headers().items() if name != "cookie"}
        if token in f"{request.url} {headers} {request.post_data}":
            told.append(request.url)

    tab = page.context.new_page()
    tab.on("request", watch)
    tab.goto(link)
    assert f"{stack.sidecar}/l" == tab.url
    assert "" == tab.evaluate("document.referrer")
    assert f"{stack.sidecar}/l" == tab.evaluate("performance.getEntriesByType('navigation')[0].name")
    assert token not in tab.content()
    confirm(tab)

    tab.wait_for_url(f"{stack.applications[LINKS].url}/me")
    expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    claims = stack.applications[LINKS].logins[-1]["userinfo"]
    assert (address, ["otp", "link", "email"]) == (claims["email"], claims["amr"])
    assert [link] == told
    assert ["__Host-passwordless"] == [
        it["name"] for it in page.context.cookies() if it["name"].startswith("__Host-")
    ]


def test_opened_elsewhere_it_shows_a_code_that_the_first_window_takes(
    stack: Stack, new_page: Callable[..., Page]
) -> None:
    """B2: the click alone signs in neither window."""
    address = stack.new_address()
    first, elsewhere = new_page(), new_page()
    link = ask(stack, first, address)
    before = len(stack.applications[LINKS].logins)

    with first.expect_response("**/code/status**") as status:
        elsewhere.goto(link)
        expect(elsewhere.get_by_role("heading", name="Your sign-in code")).to_be_visible()

    assert not status.value.json()["used"]
    expect(elsewhere.get_by_text("whoever wants it from you wants to get into your account")).to_be_visible()
    expect(elsewhere.get_by_text(re.compile("^Asked for with"))).to_be_visible()
    assert before == len(stack.applications[LINKS].logins)
    expect(first.get_by_role("heading", name="Check your email")).to_be_visible()
    type_code(first, elsewhere.locator("#code").inner_text())
    first.wait_for_url(f"{stack.applications[LINKS].url}/me")
    assert ["otp", "email"] == stack.applications[LINKS].logins[-1]["userinfo"]["amr"]
    assert not is_signed_in(stack, elsewhere)


def test_on_a_slow_connection_the_code_leads_in_all_the_same(stack: Stack, page: Page) -> None:
    """The page, which asks for news of its code meanwhile, does not follow them away from the answer to it."""
    address = stack.new_address()
    ask(stack, page, address, send="")
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    slow = {"offline": False, "latency": 1500, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", slow)

    type_code(page, stack.mail.wait_for(address).code)

    page.wait_for_url(f"{stack.applications[LINKS].url}/me")
    assert address == stack.applications[LINKS].logins[-1]["userinfo"]["email"]


def test_a_scanner_that_runs_scripts_and_presses_everything_gets_and_spoils_nothing(
    stack: Stack, new_page: Callable[..., Page]
) -> None:
    """B1: HEAD, GET ×3, then a browser that presses and submits whatever it finds; the person still signs in."""
    address = stack.new_address()
    person, scanner = new_page(), new_page()
    link = ask(stack, person, address)
    for method in ("HEAD", "GET", "GET", "GET"):
        assert scanner.request.fetch(link, method=method).ok
    scanner.goto(link)
    scanner.wait_for_load_state("networkidle")
    for number in range(scanner.locator("button, a, input, [role=button]").count()):
        scanner.locator("button, a, input, [role=button]").nth(number).click(timeout=2_000)
    scanner.evaluate("""async () => {
        for (const path of ["/l", "/l/new"]) {
            await fetch(path, { method: "POST", body: new URLSearchParams({ challenge: "x" }) });
        }
    }""")

    tab = person.context.new_page()
    tab.goto(link)
    confirm(tab)
    tab.wait_for_url(f"{stack.applications[LINKS].url}/me")

    assert 1 == len(sessions(stack, address))
    assert 1 == len(stack.mail.to(address))
    assert not is_signed_in(stack, scanner)


def test_an_attackers_link_leaves_a_session_as_it_is(stack: Stack, new_page: Callable[..., Page]) -> None:
    """B3: in the victim's browser it shows a code, whoever is signed in there."""
    victim, attacker = new_page(), new_page()
    address = stack.new_address()
    sign_in(stack, victim, LINKS, address)
    link = ask(stack, attacker, stack.new_address("eve"))
    before = cookies(victim)

    victim.goto(link)
    expect(victim.get_by_role("heading", name="Your sign-in code")).to_be_visible()

    assert before == cookies(victim)
    assert is_signed_in(stack, victim)
    assert address == stack.applications[LINKS].logins[-1]["userinfo"]["email"]


def cookies(page: Page) -> dict[str, str]:
    """All but the one that carries a link's token."""
    return {
        it["name"]: it["value"] for it in page.context.cookies() if it["name"] != "__Host-passwordless-link"
    }


def test_a_link_does_not_replace_the_session_of_somebody_else(stack: Stack, page: Page) -> None:
    """Our page asks with the address; Keycloak then refuses, and whoever was signed in still is."""
    grace, ada = stack.new_address("grace"), stack.new_address("ada")
    link = ask(stack, page, grace)
    other = page.context.new_page()
    sign_in(stack, other, LINKS, ada)

    page.goto(link)
    expect(page.get_by_text(f"g•••@{grace.partition('@')[2]}")).to_be_visible()
    confirm(page)

    page.wait_for_url(f"{stack.keycloak}/**")
    assert is_signed_in(stack, other)
    assert ada == stack.applications[LINKS].logins[-1]["userinfo"]["email"]


def test_an_expired_link_is_asked_for_again_by_keyboard(stack: Stack, page: Page) -> None:
    """The page offers it where it was asked for; the first window's own message brought both."""
    address = stack.new_address()
    link = ask(stack, page, address, send="")
    expire(stack, address)
    page.goto(link)

    expect(page.get_by_role("heading", name="This link no longer works")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    page.goto(stack.mail.wait_for(address, 2).link)
    expect(page.get_by_role("heading", name="Sign in?")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.wait_for_url(f"{stack.applications[LINKS].url}/me")
    assert address == stack.applications[LINKS].logins[-1]["userinfo"]["email"]


def expire(stack: Stack, address: str) -> None:
    """Let the challenges of an address run out, as if time had gone by."""
    database = Database(stack.settings.database.url.reveal())
    with database.write() as connection:
        connection.execute(
            update(challenges)
            .where(challenges.c.address == address)
            .values(expires_at=challenges.c.created_at + 1)
        )
    database.dispose()


def test_without_scripts_the_first_window_is_asked(stack: Stack, new_page: Callable[..., Page]) -> None:
    page = new_page(java_script_enabled=False)
    address = stack.new_address()
    link = ask(stack, page, address)
    page.get_by_role("link", name="I have opened the link").click()
    expect(page.get_by_role("heading", name="Check your email")).to_be_visible()
    stale = page.context.new_page()
    stale.goto(page.url)
    tab = page.context.new_page()
    tab.goto(link)
    confirm(tab)
    tab.wait_for_url(f"{stack.applications[LINKS].url}/me")

    page.get_by_role("link", name="I have opened the link").click()

    expect(page.get_by_role("heading", name="You are signed in")).to_be_visible()
    assert (answer := page.reload())
    assert 200 == answer.status
    stale.get_by_role("button", name="Send it again").click()
    expect(stale.get_by_role("heading", name="You are signed in")).to_be_visible()
    assert 1 == len(stack.mail.to(address))
