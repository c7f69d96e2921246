"""Who makes us send, who may submit our forms, and what a stranger learns (threats B1, D1, D5, E6, F8)."""

from __future__ import annotations

import re

import pytest

from sidecar.model.events import Event
from sidecar.store.tables import messages
from tests.journeys.mails import mail_server
from tests.ledger import events, events_of, rows
from tests.web.browser import (
    NAVIGATION,
    OWN_FORM,
    PERSON,
    PUBLIC_URL,
    Browser,
    answer_of,
    authorization,
    form_of,
)

AUTHORIZE = "/realms/acme/email/authorize"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"User-Agent": "curl/8"},
        NAVIGATION,
        {**PERSON, "Sec-Fetch-User": "?0"},
        {**PERSON, "Sec-Fetch-User": "1"},
        {**PERSON, "Sec-Fetch-Dest": "iframe"},
        {**PERSON, "Sec-Fetch-Dest": "image"},
        {**PERSON, "Sec-Fetch-Dest": "empty"},
        {**PERSON, "Sec-Purpose": "prefetch"},
        {**PERSON, "Sec-Purpose": "prefetch;prerender"},
        {**PERSON, "Sec-Purpose": ""},
        {**PERSON, "Purpose": "prefetch"},
    ],
    ids=str,
)
def test_a_get_that_no_person_made_shows_a_button_and_sends_nothing(house, headers):
    """B1: a scanner, a prefetch, an image or a script gets the page with the address filled in."""
    seen = len(rows(house.parts, messages))

    answer = Browser(house.app).authorize(headers=headers, login_hint="ada@example.org")

    assert 200 == answer.status_code
    assert 'value="ada@example.org"' in answer.get_data(as_text=True)
    assert f"{PUBLIC_URL}/realms/acme/email/start" == form_of(answer).actions[0]
    assert seen == len(rows(house.parts, messages))


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS"])
def test_head_and_post_send_nothing(house, method):
    """B1, E6: not even with a person's headers."""
    seen = len(events(house.parts))
    parameters = authorization(login_hint="ada@example.org")
    where = {"data": parameters} if method == "POST" else {"query_string": parameters}

    answer = Browser(house.app).open(method, AUTHORIZE, headers=PERSON, **where)

    assert (303 if method == "POST" else 200) == answer.status_code
    assert seen == len(events(house.parts))


def test_a_posted_request_goes_on_as_a_get_of_the_same_request(parts, browser):
    """Core §3.1.2.1: POST is served; the 303 leads to our own endpoint, with each parameter as it was."""
    asked = authorization(login_hint="ada@example.org", state="a b&c=d#é", ui_locales="de en")
    posted = browser.open("POST", AUTHORIZE, data=asked, headers=PERSON)
    assert posted.location.startswith(f"{PUBLIC_URL}{AUTHORIZE}?")
    assert asked == answer_of(posted)

    page = browser.get(posted.location.removeprefix(PUBLIC_URL), NAVIGATION)
    answer = browser.post("/realms/acme/email/start", {**form_of(page).hidden, "address": "ada@example.org"})

    assert 303 == answer.status_code
    assert 1 == len(rows(parts, messages))


def test_a_posted_request_leaves_the_login_under_way_alone(parts, browser):
    """F8, E6: another site's form brings no cookie along, so nothing may be set in its place, whatever it asks."""
    challenge_id = browser.start()
    bodies = [
        authorization(login_hint="eve@example.org"),
        authorization(prompt="none"),
        authorization(redirect_uri="https://evil.example"),
        authorization(login_hint="x" * 3_000),
        {},
    ]

    for path, body in ((it, body) for it in ("authorize", *POSTS) for body in bodies):
        headers = {"Cookie": "", "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
        answer = browser.open("POST", f"/realms/acme/email/{path}", data=body, headers=headers)
        assert "Set-Cookie" not in answer.headers, path

    assert 303 == browser.type_code(challenge_id, browser.right_code(parts, challenge_id)).status_code


def test_a_posted_request_that_is_too_long_for_a_query_is_refused(house):
    """It goes back to Keycloak as an error, with its state."""
    asked = authorization(ui_locales="é" * 2_000)

    answer = house.browser.open("POST", AUTHORIZE, data=asked)

    assert 303 == answer.status_code
    assert ("invalid_request", "state-1") == tuple(answer_of(answer)[it] for it in ("error", "state"))


def test_a_refresh_never_sends_again(parts, browser):
    """POST/redirect/GET: what a reload repeats is a GET of the code page."""
    challenge_id = browser.start()

    for _ in range(5):
        assert 200 == browser.get(f"/realms/acme/email/code?challenge={challenge_id}", PERSON).status_code

    assert 1 == len(rows(parts, messages))
    assert 1 == len(events_of(parts, Event.CHALLENGE_STARTED))


POSTS = ["start", "cancel", "code", "code/resend", "code/another", "code/cancel"]
FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": PUBLIC_URL},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example.org"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "null", "Sec-Fetch-Site": "none"},
    {"Origin": "http://login.example.org"},
    {"Origin": "https://login.example.org.evil.example"},
    {"Origin": "https://evil-login.example.org"},
    {"Origin": "https://login.example.org:8443"},
    {"Origin": "https://LOGIN.example.org"},
    {"Origin": f"{PUBLIC_URL}/"},
    {"Origin": f"{PUBLIC_URL} https://evil.example"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("path", POSTS)
def test_a_form_of_another_site_is_refused(parts, browser, path):
    """F8, E6: each POST, with the right cookie and everything else right."""
    challenge_id = browser.start()
    form = {
        **form_of(browser.authorize()).hidden,
        "challenge": challenge_id,
        "code": browser.right_code(parts, challenge_id),
        "address": "eve@example.org",
    }
    seen = len(events(parts))

    answers = [
        browser.open("POST", f"/realms/acme/email/{path}", data=form, headers=headers) for headers in FOREIGN
    ]

    assert [400] * len(FOREIGN) == [answer.status_code for answer in answers]
    assert all("Location" not in answer.headers for answer in answers)
    assert seen == len(events(parts))
    assert browser.challenge(parts, challenge_id).is_open
    assert browser.open("POST", f"/realms/acme/email/{path}", data=form, headers=OWN_FORM).status_code in {
        303,
        400,
    }


def test_a_form_of_our_own_page_without_referrer_is_taken(parts, browser):
    """Our pages send no referrer, so browsers write `Origin: null` beside `Sec-Fetch-Site: same-origin`."""
    challenge_id = browser.start()
    form = {"challenge": challenge_id, "code": browser.right_code(parts, challenge_id)}
    headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}

    assert 303 == browser.open("POST", "/realms/acme/email/code", data=form, headers=headers).status_code


def test_a_page_made_for_one_browser_serves_no_other(parts, app):
    """B3, E6: a sealed request can't be planted in a victim's browser."""
    attacker, victim = Browser(app), Browser(app)
    sealed = form_of(attacker.authorize()).hidden["request"]
    victim.authorize()

    answers = [
        victim.post("/realms/acme/email/start", {"request": sealed, "address": "ada@example.org"}),
        victim.post("/realms/acme/email/cancel", {"request": sealed}),
        Browser(app).post("/realms/acme/email/start", {"request": sealed, "address": "ada@example.org"}),
    ]

    assert [400] * 3 == [answer.status_code for answer in answers]
    assert [] == events(parts)


@pytest.mark.parametrize("change", ["", "x", "truncated", "swapped", "twice", "unsigned"])
def test_a_forged_page_is_refused(house, change):
    """B3: what a page carries is signed."""
    browser = Browser(house.app)
    sealed = form_of(browser.authorize()).hidden["request"]
    payload, _, rest = sealed.partition(".")
    forged = {
        "": "",
        "x": "x",
        "truncated": sealed[:-1],
        "swapped": f"{payload[:-2]}AA.{rest}",
        "twice": [sealed, sealed],
        "unsigned": payload,
    }[change]

    answer = browser.post("/realms/acme/email/start", {"request": forged, "address": "ada@example.org"})

    assert 400 == answer.status_code


def test_a_page_is_too_old_after_half_an_hour(house):
    from itsdangerous import TimestampSigner

    from sidecar.edge.seal import LIFETIME_S

    browser = Browser(house.app)
    page = browser.authorize()
    original = TimestampSigner.get_timestamp
    try:
        TimestampSigner.get_timestamp = lambda self: original(self) + LIFETIME_S + 1
        old = browser.post("/realms/acme/email/start", {**form_of(page).hidden, "address": "ada@example.org"})
    finally:
        TimestampSigner.get_timestamp = original

    assert 400 == old.status_code


@pytest.mark.parametrize(
    "address",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "javascript:alert(1)",
        "{{7*7}}",
        "\u202eevil",
    ],
)
def test_what_was_typed_comes_back_escaped(house, address):
    """D5."""
    browser = Browser(house.app)
    page = browser.authorize()

    text = browser.post("/realms/acme/email/start", {**form_of(page).hidden, "address": address}).get_data(
        as_text=True
    )

    assert "<script>alert" not in text
    assert "<img" not in text
    assert "49" not in re.sub(r'(name="request" value|/static/)[^>]*', "", text)


@pytest.mark.usefixtures("known")
class TestSignUpOff:
    """An address without a profile gets no message, and nobody can tell (D1, M8)."""

    @pytest.fixture
    def environment(self):
        return {
            "REALMS__ACME__CONNECTIONS__EMAIL__SIGNUP": "false",
            "REALMS__ACME__CONNECTIONS__EMAIL__LIMITS__RESEND_AFTER_S": "5",
        }

    @pytest.fixture
    def known(self, parts):
        """Ada has a profile, from when sign-up was on."""
        from sqlalchemy import insert

        from sidecar.store.tables import addresses, subjects

        with parts.database.write() as connection:
            connection.execute(
                insert(subjects).values(id="email.ada", realm="acme", connection="email", created_at=0)
            )
            connection.execute(
                insert(addresses).values(
                    realm="acme", connection="email", address="ada@example.org", destination="ada@example.org",
                    subject_id="email.ada", proven_at=0,
                )
            )  # fmt: skip

    def test_only_the_known_address_gets_a_message(self, parts, app):
        with mail_server() as mails:
            for address in ("ada@example.org", "abe@example.org"):
                Browser(app).start(address)
            mails.send_all(parts)

        assert [["ada@example.org"]] == [mail.recipients for mail in mails.kept]

    def test_the_right_code_of_an_unknown_address_is_refused_like_a_wrong_one(self, parts, browser):
        """D1: and makes no subject."""
        challenge_id = browser.start("abe@example.org")

        right = browser.type_code(challenge_id, browser.right_code(parts, challenge_id))
        wrong = browser.type_code(challenge_id, browser.wrong_code(parts, challenge_id))

        texts = [re.sub(r"\d (tries|more)", r"N \1", _without_ids(answer)) for answer in (right, wrong)]
        assert texts[0] == texts[1]
        assert (400, 400) == (right.status_code, wrong.status_code)
        assert [] == events_of(parts, Event.SUBJECT_CREATED)

    def test_a_stranger_sees_the_same_bytes_for_both(self, parts, app, clock):
        """D1: every page, status and header on the way, up to the limits; only ids are normalised."""
        for _ in range(3):
            walks = [
                _walk(parts, Browser(app), address, clock)
                for address in ("ada@example.org", "abe@example.org")
            ]
            if walks[0] == walks[1]:
                break
            # On a busy machine a second may pass between the two, and seconds show; what tells would show each time.
            clock.shift(seconds=90_000)

        assert walks[0] == walks[1]
        assert 429 in {status for status, _, _ in walks[0]}


def _walk(parts, browser, address, clock) -> list:
    """All that somebody who knows no code can see of an address."""
    challenge_id = browser.start(address)
    query = f"?challenge={challenge_id}"
    wrong = browser.wrong_code(parts, challenge_id)
    with mail_server() as mails:
        seen = [browser.get(f"/realms/acme/email/code{query}")]
        mails.send_all(parts)
    seen.append(browser.get(f"/realms/acme/email/code{query}"))
    seen.append(browser.get(f"/realms/acme/email/code/status{query}"))
    seen += [browser.type_code(challenge_id, wrong) for _ in range(4)]
    seen.append(browser.post("/realms/acme/email/code/resend", {"challenge": challenge_id}))
    clock.shift(seconds=6)
    seen.append(browser.post("/realms/acme/email/code/resend", {"challenge": challenge_id}))
    seen += [browser.type_code(challenge_id, wrong) for _ in range(2)]
    seen.append(browser.get(f"/realms/acme/email/code{query}"))
    seen += [browser.authorize(login_hint=address) for _ in range(4)]
    return [(it.status_code, _without_ids(it).replace(address, "ADDRESS"), _headers(it)) for it in seen]


def _without_ids(answer) -> str:
    text = re.sub(r"challenge(=|\W+value=\W)[A-Za-z0-9_-]{22}", "challenge=ID", answer.get_data(as_text=True))
    text = re.sub(r'name="request" value="[^"]*"', "SEALED", text)
    # The seconds that pass while the test runs.
    return re.sub(r'(data-expires-in="|data-resend-in="|_in_s":)\d+|\d:\d\d', "S", text)


def _headers(answer) -> list:
    volatile = {"X-Request-Id", "Date", "Content-Length", "Retry-After"}
    kept = [(name, value) for name, value in answer.headers if name not in volatile]
    return sorted((name, re.sub(r"challenge=[A-Za-z0-9_-]{22}", "ID", value)) for name, value in kept)


def test_two_spellings_of_one_address_walk_the_same_way(parts, app):
    """C5: one budget, one challenge for one browser, whatever the case."""
    browser = Browser(app)

    statuses = [
        browser.authorize(login_hint=address).status_code
        for address in (
            "ada@example.org",
            "ADA@example.org",
            "Ada@EXAMPLE.org",
            "aDA@example.ORG",
            "ada@Example.org",
            "ada@example.org",
        )
    ]

    assert [303] * 5 + [429] == statuses
    assert answer_of(browser.authorize(state="s", prompt="none"))["state"] == "s"
