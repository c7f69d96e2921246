"""The page that a text binds its code to: the one that called and may call, and no host that nobody checked (D8)."""

from __future__ import annotations

import pytest

from sidecar.login.room import api_caller
from sidecar.model.events import Event
from tests.api.conftest import ORIGIN
from tests.api.test_api_challenges import BASE
from tests.api.test_login_page import PAGE
from tests.api.test_login_page import START as CLASSIC
from tests.gateway import Gateway
from tests.ledger import events_of
from tests.texts import BRITISH, number, with_texts

NUMBER = number(BRITISH, 1)
START = {"client_id": "shop", "connection": "sms", "address": NUMBER}
SDK = {"client_id": "shop", "connection": "sms", "phone_number": NUMBER, "send": "code"}
OURS, SHOP = "login.example.org", "shop.acme.example"
EVIL = "https://evil.example"
#: What a proxy or a program may say of hosts, none of which says where a page is.
UNCHECKED = {"Referer": f"{EVIL}/", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}


@pytest.fixture(scope="module")
def gateway():
    with Gateway() as running:
        yield running


@pytest.fixture
def environment(gateway):
    return {
        **with_texts(gateway_url=gateway.url),
        "REALMS__ACME__LOGIN_PAGE": "classic",
        "SDK__DEFAULT_REALM": "acme",
    }


def post(browser, path, body, headers):
    answer = browser.open("POST", path, json=body, headers=headers)
    assert answer.status_code in {200, 201}, answer.get_data(as_text=True)
    return answer.json


def bound_to(parts, gateway):
    """The host that the message's last line names."""
    assert parts.worker().step()
    host, mark, code = gateway.to(NUMBER)[-1].text.rpartition("\n")[2].removeprefix("@").partition(" #")
    assert mark
    assert code.isdigit()
    return host


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (ORIGIN, SHOP),
        ("https://shop.acme.example:8443", SHOP),
        ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("http://localhost:5173", "localhost"),
        ("http://127.0.0.1:5173", "127.0.0.1"),
        # The line has no form for these.
        ("http://[::1]:5173", OURS),
    ],
)
@pytest.mark.parametrize(("path", "body"), [(BASE, START), ("/passwordless/start", SDK)], ids=["api", "sdk"])
def test_a_page_of_a_listed_origin_is_named(
    browser, parts, switched_on, gateway, *, path, body, origin, host
):
    switched_on("shop", origins=[origin, "https://another.acme.example"])

    post(browser, path, body, {"Origin": origin, **UNCHECKED})

    assert host == bound_to(parts, gateway)


@pytest.mark.parametrize(
    ("origins", "host"),
    [
        ((), OURS),
        ((ORIGIN,), SHOP),
        ((ORIGIN, f"{ORIGIN}:8443"), SHOP),
        ((ORIGIN, "https://another.acme.example"), OURS),
        (("https://bücher.example",), OURS),
    ],
)
@pytest.mark.parametrize(("path", "body"), [(BASE, START), ("/passwordless/start", SDK)], ids=["api", "sdk"])
def test_a_program_names_the_clients_only_page_or_us(
    browser, parts, switched_on, gateway, *, path, body, origins, host
):
    switched_on("shop", origins=origins)

    post(browser, path, body, UNCHECKED)

    assert host == bound_to(parts, gateway)


def test_keycloaks_page_is_at_keycloaks_host(browser, parts, gateway):
    post(browser, BASE, {**CLASSIC, "connection": "sms", "address": NUMBER}, {**PAGE, **UNCHECKED})

    assert "id.example.org" == bound_to(parts, gateway)


def test_another_page_of_the_client_that_asks_again_is_named(browser, parts, switched_on, clock, gateway):
    switched_on("shop", origins=[ORIGIN, "https://www.acme.example"])
    started = post(browser, BASE, START, {"Origin": ORIGIN})
    assert SHOP == bound_to(parts, gateway)
    clock.shift(seconds=31)

    post(
        browser,
        f"{BASE}/{started['id']}/resend",
        {"client_id": "shop"},
        {"Origin": "https://www.acme.example", **UNCHECKED},
    )

    assert "www.acme.example" == bound_to(parts, gateway)


@pytest.mark.parametrize("origin", [EVIL, f"{ORIGIN}.evil.example", "https://shop.acme.example@evil.example"])
def test_no_other_page_brings_its_host_into_a_text(browser, parts, switched_on, clock, gateway, *, origin):
    """By a start of either face, by Keycloak's page, and by asking for a challenge of the client's again."""
    shop = switched_on("shop", origins=[ORIGIN])
    started = post(browser, BASE, START, {"Origin": ORIGIN})
    assert SHOP == bound_to(parts, gateway)
    clock.shift(seconds=31)

    for path, body in (
        (BASE, START),
        ("/passwordless/start", SDK),
        (BASE, {**CLASSIC, "connection": "sms", "address": NUMBER}),
        (f"{BASE}/{started['id']}/resend", {"client_id": "shop"}),
    ):
        refused = browser.open("POST", path, json=body, headers={"Origin": origin, **UNCHECKED})
        assert refused.status_code in {400, 401, 403}, path

    assert not parts.worker().step(), "nothing is queued"
    assert 1 == len(events_of(parts, Event.CHALLENGE_STARTED))
    macs = api_caller(shop, network="").macs(parts.keys)
    assert SHOP == parts.room().challenges.find(started["id"], macs).challenge.request.page_host
