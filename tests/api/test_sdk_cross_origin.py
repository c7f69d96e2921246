"""`/co/authenticate`: whose page may call, what each refusal is to the byte, and whose the login ticket is."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from sidecar.errors import TicketRefused
from sidecar.login import tickets
from sidecar.login.codes import derive_code
from sidecar.login.room import api_caller
from sidecar.model.events import Event
from tests.api.conftest import ORIGIN
from tests.contract.test_tickets import OTHER, STATE
from tests.ledger import events_of
from tests.web.browser import PERSON, Browser, answer_of, authorization, form_of

OTP = "http://auth0.com/oauth/grant-type/passwordless/otp"
SAME_SITE = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}
CROSS_SITE = {**SAME_SITE, "Sec-Fetch-Site": "cross-site"}
ADDRESS = "ada@example.org"
CALLBACK = "https://shop.acme.example/cb"


@pytest.fixture
def environment():
    return {"SDK__DEFAULT_REALM": "acme", "REALMS__OTHER__SDK_HOSTS": '["auth.other.example"]'}


@pytest.fixture
def shop(switched_on):
    return switched_on("shop", origins=[ORIGIN])


@pytest.fixture
def keycloak_knows_the_callback(realms):
    realms.redirect_uris = {CALLBACK}


def start(browser, parts, client, address=ADDRESS):
    """A code is on its way; what it is."""
    body = {"client_id": client.client_id, "connection": "email", "email": address, "send": "code"}
    started = browser.open("POST", "/passwordless/start", json=body, headers={"Origin": ORIGIN})
    assert 200 == started.status_code, started.get_data(as_text=True)
    macs = api_caller(client, network="").macs(parts.keys)
    return derive_code(parts.keys, parts.room().challenges.newest("acme", "email", address, macs))


def authenticate(browser, code, headers=SAME_SITE, **changed):
    body = {"client_id": "shop", "username": ADDRESS, "otp": code, "realm": "email", "credential_type": OTP}
    body = {name: value for name, value in {**body, **changed}.items() if value is not None}
    return browser.open("POST", "/co/authenticate", json=body, headers=headers)


def ticket_of(browser, parts, shop, headers=SAME_SITE):
    answered = authenticate(browser, start(browser, parts, shop), headers)
    assert 200 == answered.status_code, answered.get_data(as_text=True)
    assert {"login_ticket", "co_verifier", "co_id"} == set(answered.json)
    return answered.json["login_ticket"]


def authorize(browser, ticket, **changed):
    query = {
        "client_id": "shop",
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid",
        "state": "s",
        "realm": "email",
        "login_ticket": ticket,
        "auth0Client": "e30",
        **changed,
    }
    given = {name: value for name, value in query.items() if value is not None}
    return browser.get(f"/authorize?{urlencode(given)}", PERSON)


def from_keycloak(browser, ticket, **changed):
    query = urlencode(authorization(login_hint=ticket, **{"state": STATE, **changed}))
    return browser.get(f"/realms/acme/email/authorize?{query}", PERSON)


def refusal(answer):
    return answer.status_code, answer.json["error"], answer.json["error_description"]


def test_a_page_of_our_site_gets_a_ticket_of_its_browser(browser, parts, shop):
    ticket = ticket_of(browser, parts, shop)

    sent_on = authorize(browser, ticket)

    assert 303 == sent_on.status_code
    assert sent_on.location.startswith("https://id.example.org/realms/acme/protocol/openid-connect/auth?")
    assert {
        "client_id": "shop",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "state": "s",
        "kc_idp_hint": "email",
        "login_hint": ticket,
        "prompt": "login",
    } == answer_of(sent_on)
    assert "code" in answer_of(from_keycloak(browser, ticket))
    assert ["browser"] == [event.detail for event in events_of(parts, Event.TICKET_EXCHANGED)]


def test_a_page_of_another_site_gets_one_that_asks_first_in_every_browser(browser, parts, shop, app):
    """No cookie comes along or stays there, and a link with somebody's own ticket must sign nobody in unasked."""
    ticket = ticket_of(browser, parts, shop, CROSS_SITE)
    assert browser.secret == ""

    for visitor in (browser, Browser(app)):
        page = from_keycloak(visitor, ticket)
        assert 200 == page.status_code
        assert "a•••@example.org" in page.get_data(as_text=True)
    assert [] == events_of(parts, Event.TICKET_EXCHANGED)
    form = form_of(from_keycloak(browser, ticket))
    assert "code" in answer_of(browser.post("/realms/acme/email/continue", form.hidden))


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        ("https://evil.example", "Origin https://evil.example is not allowed."),
        ("null", "Origin null is not allowed."),
        (f"{ORIGIN}.evil.example", f"Origin {ORIGIN}.evil.example is not allowed."),
        (f"{ORIGIN}:8443", f"Origin {ORIGIN}:8443 is not allowed."),
        (ORIGIN.upper(), f"Origin {ORIGIN.upper()} is not allowed."),
        (None, (401, "unauthorized_client", "Cross origin login not allowed.")),
    ],
)
def test_other_origins_learn_and_count_nothing(face, origin, told):
    browser = face.browser
    headers = {"Sec-Fetch-Site": "same-site", **({"Origin": origin} if origin else {})}

    refused = authenticate(browser, "123456", headers)
    preflight = browser.open("OPTIONS", "/co/authenticate", headers=headers)

    if origin:
        assert (403, told, "text/plain") == (
            refused.status_code,
            refused.get_data(as_text=True),
            refused.mimetype,
        )
    else:
        assert told == refusal(refused)
    for answer in (refused, preflight):
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Origin" in answer.headers["Vary"]
    assert [] == events_of(face.parts, Event.CODE_TRIED)
    assert "" == browser.secret


def test_a_listed_origin_may_send_cookies_there_and_nowhere_else(browser, shop):
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}

    with_cookies = browser.open("OPTIONS", "/co/authenticate", headers=asked)
    without = [
        browser.open("OPTIONS", path, headers=asked) for path in ("/passwordless/start", "/oauth/token")
    ]

    assert (ORIGIN, "true", "Content-Type, Auth0-Client, X-Request-Language, Authorization") == tuple(
        with_cookies.headers[f"Access-Control-Allow-{name}"] for name in ("Origin", "Credentials", "Headers")
    )
    assert [ORIGIN] * 2 == [answer.headers["Access-Control-Allow-Origin"] for answer in without]
    assert not any("Access-Control-Allow-Credentials" in answer.headers for answer in without)


ALL_AND_ONLY = (
    400,
    "invalid_request",
    "Invalid request body. All and only of client_id, credential_type, username, otp, realm are required.",
)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"otp": None}, ALL_AND_ONLY),
        ({"otp": ""}, ALL_AND_ONLY),
        ({"otp": 123456}, ALL_AND_ONLY),
        ({"password": "secret"}, ALL_AND_ONLY),
        ({"credential_type": "password"}, (400, "unsupported_credential_type", "Unknown credential type parameter.")),
        ({"realm": "none"}, (400, "invalid_request", "Unknown realm none.")),
        ({"client_id": "unknown"}, (401, "unauthorized_client", "Cross origin login not allowed.")),
        ({"client_id": "native"}, (401, "unauthorized_client", "Cross origin login not allowed.")),
        ({"client_id": "backend"}, (401, "unauthorized_client", "Cross origin login not allowed.")),
        ({"username": "nobody"}, (403, "access_denied", "Wrong email or verification code.")),
        ({"username": "eve@example.org"}, (403, "access_denied", "Wrong email or verification code.")),
    ],
    ids=str,
)  # fmt: skip
def test_refusals_to_the_byte(face, changed, told):
    assert told == refusal(authenticate(face.browser, "123456", **changed))
    assert [] == events_of(face.parts, Event.CODE_TRIED)


def test_wrong_codes_count_and_the_right_one_is_spent(browser, parts, shop):
    code = start(browser, parts, shop)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert (403, "access_denied", "Wrong email or verification code.") == refusal(
        authenticate(browser, wrong)
    )

    assert 200 == authenticate(browser, code).status_code

    assert (403, "access_denied", "Wrong email or verification code.") == refusal(authenticate(browser, code))
    code = start(browser, parts, shop)
    told = [refusal(authenticate(browser, f"{(int(code) + 1) % 10**6:06d}"))[2] for _ in range(6)]
    assert "You've reached the maximum number of attempts. Please try to login again." == told[5]
    assert 403 == authenticate(browser, code).status_code


def test_too_late(browser, parts, shop, clock):
    code = start(browser, parts, shop)
    clock.shift(seconds=301)

    assert (
        403,
        "access_denied",
        "The verification code has expired. Please try to login again.",
    ) == refusal(authenticate(browser, code))


@pytest.mark.usefixtures("keycloak_knows_the_callback")
@pytest.mark.parametrize(
    "why", ["used", "late", "another client's", "another connection's", "another realm's", "made up", "a client's own"]
)  # fmt: skip
def test_a_ticket_that_is_none_goes_back_as_an_error(browser, parts, switched_on, clock, why):
    """To the client's redirect URI, which Keycloak knows, and with an event."""
    shop = switched_on("shop", origins=[ORIGIN])
    switched_on("other", application=OTHER, origins=[ORIGIN])
    switched_on("shop", realm="other", application=OTHER, origins=[ORIGIN])
    ticket, asked, client = ticket_of(browser, parts, shop), {}, shop
    if why == "used":
        from_keycloak(browser, ticket)
    elif why == "late":
        clock.shift(seconds=61)
    elif why == "another client's":
        asked = {"client_id": "other"}
    elif why == "another connection's":
        asked = {"realm": "partner"}
    elif why == "made up":
        ticket = "tkt_" + "A" * 43
    elif why == "a client's own":
        challenge = start(browser, parts, shop)
        macs = api_caller(shop, network="").macs(parts.keys)
        found = parts.room().challenges.newest("acme", "email", ADDRESS, macs)
        ticket = tickets.verify(
            parts.room(),
            challenge=found,
            unverified_code=challenge,
            caller=api_caller(shop, network=""),
            client=client,
        ).raw_ticket
    if why == "another realm's":
        with pytest.raises(TicketRefused):
            tickets.look(
                parts.room(),
                client=switched_on("shop", realm="other", application=OTHER),
                connection="email",
                unverified_ticket=ticket,
            )
    else:
        refused = authorize(browser, ticket, **asked)
        assert f"{CALLBACK}?" in refused.location
        assert {
            "error": "invalid_request",
            "error_description": "Unknown login ticket.",
            "state": "s",
        } == answer_of(refused)
    assert (0 if why == "made up" else 1) == len(events_of(parts, Event.TICKET_REFUSED))


def test_another_client_can_not_use_it_at_keycloak_either(browser, parts, shop):
    """Which client the login is for stands in Keycloak's `state`."""
    ticket = ticket_of(browser, parts, shop)

    page = from_keycloak(browser, ticket, state="one.two.bx1-Cpw7SoaPJxsMbS5KkQ")

    assert 'name="address"' in page.get_data(as_text=True)
    assert 1 == len(events_of(parts, Event.TICKET_REFUSED))
