"""No way round the code: no field, header, order of requests or method makes an authorization code (threat A14)."""

from __future__ import annotations

import json
from itertools import product
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.model.events import Event
from sidecar.store.tables import auth_codes, challenges
from tests.ledger import events_of, rows
from tests.web.browser import Browser, authorization, form_of

BASE = "/realms/acme/email"
#: What flows elsewhere have believed of a client, and what ours keeps in the database.
CLAIMS = {
    "verified": "1",
    "is_verified": "true",
    "email_verified": "true",
    "authenticated": "true",
    "skip": "1",
    "skipEmailVerification": "true",
    "try_another_way": "true",
    "status": "used",
    "used_at": "1",
    "tries": "-100",
    "max_tries": "100",
    "is_suppressed": "false",
    "signup": "true",
    "subject_id": "email.ada",
    "sub": "email.ada",
    "amr": '["pwd"]',
    "debug": "1",
    "test": "1",
    "_method": "PUT",
    "execution": "skip",
    "tab_id": "x",
    "state": "state-1",
    "iss": "https://login.example.org",
}
PATHS = ["authorize", "start", "cancel", "code", "code/resend", "code/another", "code/cancel", "code/status"]


def assert_every_code_was_earned(parts) -> None:
    """Each authorization code has its spent challenge, its try and its success; from the database, not from answers."""
    used = {row.id for row in rows(parts, challenges) if row.used_at is not None}
    tried = {event.challenge_id for event in events_of(parts, Event.CODE_TRIED)}
    accepted = [event.challenge_id for event in events_of(parts, Event.CODE_ACCEPTED)]
    granted = [row.challenge_id for row in rows(parts, auth_codes)]
    assert sorted(granted) == sorted(accepted)
    assert len(set(granted)) == len(granted)
    assert set(granted) == used <= tried


def assert_no_code(house, answer) -> None:
    assert "code=" not in answer.headers.get("Location", ""), answer.headers["Location"]
    assert "id_token" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("code", ["", "wrong", "missing", "000000", "true", "null"])
@pytest.mark.parametrize("where", ["form", "query", "json", "header", "cookie"])
def test_nothing_that_a_client_says_of_itself_stands_for_a_code(house, code, where):
    """A14: all of it at once, in the body, the query, JSON, headers and cookies, beside a code that is none."""
    browser = Browser(house.app)
    challenge_id = browser.start(f"claims{_number()}@example.org")
    given_code = browser.wrong_code(house.parts, challenge_id) if code == "wrong" else code
    form = {"challenge": challenge_id, **({} if code == "missing" else {"code": given_code})}
    query, headers, data = "", {}, {**form, **(CLAIMS if where == "form" else {})}
    if where == "query":
        query = "?" + urlencode(CLAIMS)
    if where == "header":
        headers = {f"X-{name.replace('_', '-')}": value for name, value in CLAIMS.items()}
    if where == "cookie":
        claims = "; ".join(f"{name}={value}" for name, value in CLAIMS.items())
        headers = {"Cookie": f"__Host-passwordless={browser.secret}; {claims}"}
    if where == "json":
        headers, data = {"Content-Type": "application/json"}, json.dumps({**form, **CLAIMS})

    answer = browser.post(f"{BASE}/code{query}", data, headers)

    assert answer.status_code in {400, 404}
    assert_no_code(house, answer)
    assert_every_code_was_earned(house.parts)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_no_page_out_of_its_turn_gives_a_code(house, method):
    """A14: each page by each method, before the start, in the middle and after the end of a login."""
    browser = Browser(house.app)
    before = form_of(browser.authorize()).hidden
    challenge_id = browser.start(f"turn{_number()}@example.org")
    bodies = ({}, before, {"challenge": challenge_id}, {**before, "challenge": challenge_id, **CLAIMS})

    for path, body in product(PATHS, bodies):
        where = {"query_string": body} if method in {"GET", "HEAD"} else {"data": body}
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": "https://login.example.org"}
        assert_no_code(house, browser.open(method, f"{BASE}/{path}", headers=headers, **where))

    assert_every_code_was_earned(house.parts)


_counter = iter(range(10_000))


def _number() -> int:
    return next(_counter)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(PATHS),
        st.sampled_from(["GET", "POST"]),
        st.booleans(),
        st.sampled_from(["", "wrong", "right", "right of another"]),
        st.dictionaries(st.sampled_from(sorted(CLAIMS)), st.sampled_from(["1", "true", "0", ""]), max_size=3),
    ),
    min_size=1,
    max_size=8,
)


@given(STEPS)
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_is_asked_in_whatever_order_each_code_was_earned(house, steps):
    """A14: random walks, right codes among them; the ledger holds a try and a success for each authorization code."""
    browser = Browser(house.app, network=f"10.0.{_number() % 250}.1")
    other = browser.start(f"walk{_number()}@example.org")
    challenge_id = browser.start(f"walk{_number()}@example.org")
    sealed = form_of(browser.authorize()).hidden
    for path, method, is_theirs, code, claims in steps:
        codes = {
            "": "",
            "wrong": browser.wrong_code(house.parts, challenge_id),
            "right": browser.right_code(house.parts, challenge_id),
            "right of another": browser.right_code(house.parts, other),
        }
        body = {**sealed, **authorization(), **claims, "code": codes[code], "address": "walk@example.org"}
        body["challenge"] = challenge_id if is_theirs else "x" * 22
        where = {"query_string": body} if method == "GET" else {"data": body}
        answer = browser.open(method, f"{BASE}/{path}", headers={"Sec-Fetch-Site": "same-origin"}, **where)
        is_earned = (path, method, is_theirs, code) == ("code", "POST", True, "right")
        if not is_earned:
            assert_no_code(house, answer)
    # Whatever came before: one right code more, so that each walk that left it open ends in a success.
    browser.post(f"{BASE}/code", {"challenge": challenge_id, "code": codes["right"], **CLAIMS})

    assert_every_code_was_earned(house.parts)
