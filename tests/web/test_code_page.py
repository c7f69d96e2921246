"""The code page: what counts as a code, whose page it is, how often it can be used (A8, A10, B2, B3, F3)."""

from __future__ import annotations

import json

import pytest
from werkzeug.datastructures import MultiDict

from sidecar.login.codes import derive_code
from sidecar.model.events import Event
from sidecar.store.tables import challenges
from tests.journeys.mails import mail_server
from tests.ledger import events, events_of, rows
from tests.login.test_codes import BAD_CODES
from tests.web.browser import OWN_FORM, Browser, answer_of

CODE = "/realms/acme/email/code"


@pytest.fixture(scope="module")
def page(house) -> tuple[Browser, str]:
    """A browser with an open challenge, which none of the bad codes touches."""
    browser = Browser(house.app)
    return browser, browser.start("bad-codes@example.org")


def test_bad_codes_are_refused_kindly_and_not_counted(house, page):
    """A10: no crash, no try used up, the page says what a code looks like."""
    browser, challenge_id = page
    seen = len(events(house.parts))

    answers = {raw[:20]: browser.type_code(challenge_id, raw) for raw in BAD_CODES}

    assert {400, 413} == {answer.status_code for answer in answers.values()}
    assert all("<h1" in answer.get_data(as_text=True) for answer in answers.values())
    assert seen == len(events(house.parts))
    assert 0 == browser.challenge(house.parts, challenge_id).tries


@pytest.mark.parametrize(
    "how", ["missing", "twice", "twice the right one", "list", "JSON", "multipart", "upload", "query", "text"]
)
def test_a_code_that_is_no_single_field_is_refused_and_not_counted(house, page, how):
    """A10: which of two is meant is nothing to guess, and only the form is read."""
    browser, challenge_id = page
    right = browser.right_code(house.parts, challenge_id)
    wrong = browser.wrong_code(house.parts, challenge_id)
    named = ("challenge", challenge_id)
    seen = len(events(house.parts))

    answer = {
        "missing": lambda: browser.post(CODE, MultiDict([named])),
        "twice": lambda: browser.post(CODE, MultiDict([named, ("code", wrong), ("code", right)])),
        "twice the right one": lambda: browser.post(
            CODE, MultiDict([named, ("code", right), ("code", right)])
        ),
        "list": lambda: browser.post(CODE, MultiDict([named, ("code[]", right), ("code[0]", right)])),
        "JSON": lambda: browser.post(
            CODE, json.dumps({"challenge": challenge_id, "code": right}), {"Content-Type": "application/json"}
        ),
        "multipart": lambda: browser.post(CODE, b"--x", {"Content-Type": "multipart/form-data; boundary=x"}),
        "upload": lambda: browser.post(
            CODE,
            f'--x\r\nContent-Disposition: form-data; name="code"; filename="a"\r\n\r\n{right}\r\n--x--\r\n',
            {"Content-Type": "multipart/form-data; boundary=x"},
        ),
        "query": lambda: browser.post(f"{CODE}?challenge={challenge_id}&code={right}", {}),
        "text": lambda: browser.post(
            CODE, f"challenge={challenge_id}&code={right}", {"Content-Type": "text/plain"}
        ),
    }[how]()

    assert answer.status_code in {400, 404}
    assert "<h1" in answer.get_data(as_text=True)
    assert seen == len(events(house.parts))


@pytest.mark.parametrize(
    "fields", [[("x", "y")] * 100, [(f"f{n}", "") for n in range(100)]], ids=["same", "many"]
)
def test_a_form_of_many_fields_is_refused_or_ignored(house, page, fields):
    browser, challenge_id = page

    answer = browser.post(CODE, MultiDict([*fields, ("challenge", challenge_id), ("code", "")]))

    assert answer.status_code in {400, 413}


@pytest.mark.parametrize(
    "challenge_id",
    ["", "x", "\x00" * 22, "a" * 22, "ä" * 22, "' OR 1=1 --", "a" * 10_000, "../../etc/passwd"],
    ids=ascii,
)
@pytest.mark.parametrize(
    "at", ["code", "code/status", "start", "code/resend", "code/another", "code/cancel", "POST code"]
)
def test_a_challenge_that_cannot_be_is_not_found(house, page, challenge_id, at):
    """A10: not asked of the database either, which would stumble over some of them."""
    browser, _ = page
    if at in {"code", "code/status", "start"}:
        answer = browser.open("GET", f"/realms/acme/email/{at}", query_string={"challenge": challenge_id})
    else:
        answer = browser.post(
            f"/realms/acme/email/{at.removeprefix('POST ')}", {"challenge": challenge_id, "code": "123456"}
        )

    assert 404 == answer.status_code


def test_a_code_with_zeros_in_front_goes_all_the_way(parts, browser):
    """A8: derived, mailed and typed as a string of six."""
    challenge_id = _start_with_code(parts, browser, lambda code: code.startswith("0"))
    with mail_server() as mails:
        mails.send_all(parts)
    code = mails.kept[0].code

    assert (6, "0") == (len(code), code[0])
    assert mails.kept[0].message.get_body(("plain",)).get_content().startswith(code)
    assert code in mails.kept[0].message.get_body(("html",)).get_content()
    assert 400 == browser.type_code(challenge_id, str(int(code))).status_code
    assert 303 == browser.type_code(challenge_id, code).status_code


def _start_with_code(parts, browser, is_wanted) -> str:
    """A challenge whose code is as wanted: seeds are drawn anew in its row until one gives such a code."""
    from dataclasses import replace

    from sqlalchemy import update

    from sidecar.login.codes import new_seed

    challenge_id = browser.start()
    challenge = browser.challenge(parts, challenge_id)
    seeds = iter(new_seed, b"")
    seed = next(it for it in seeds if is_wanted(derive_code(parts.keys, replace(challenge, seed=it))))
    with parts.database.write() as connection:
        connection.execute(update(challenges).where(challenges.c.id == challenge_id).values(seed=seed))
    return challenge_id


def test_a_wrong_code_says_how_many_tries_are_left_and_the_last_that_it_is_over(parts, browser):
    """A1 as a person sees it: wrong and dead have the same status."""
    challenge_id = browser.start()
    wrong, right = browser.wrong_code(parts, challenge_id), browser.right_code(parts, challenge_id)

    answers = [browser.type_code(challenge_id, wrong) for _ in range(5)]
    after = browser.type_code(challenge_id, right)

    assert [400] * 6 == [answer.status_code for answer in (*answers, after)]
    assert 'id="code"' in answers[3].get_data(as_text=True)
    assert 'id="code"' not in answers[4].get_data(as_text=True)
    assert 5 == len(events_of(parts, Event.CODE_TRIED))
    assert [] == events_of(parts, Event.CODE_ACCEPTED)


@pytest.mark.parametrize("cookie", ["none", "another browser's", "forged"])
def test_another_browser_can_do_nothing_with_a_challenge(parts, app, cookie):
    """B2, B3, F3: not see, finish, resend, cancel or replace it, even with the stolen right code."""
    mine, thief = Browser(app), Browser(app)
    challenge_id = mine.start()
    right = mine.right_code(parts, challenge_id)
    if cookie == "another browser's":
        thief.start("thief@example.org")
    if cookie == "forged":
        thief.secret = "A" * 43
    seen = len(events(parts))

    answers = [
        *(
            thief.get(f"/realms/acme/email/{it}?challenge={challenge_id}")
            for it in ("code", "code/status", "start")
        ),
        thief.type_code(challenge_id, right),
        *(thief.post(f"{CODE}/{it}", {"challenge": challenge_id}) for it in ("resend", "another", "cancel")),
    ]

    assert {400 if cookie == "none" else 404} == {answer.status_code for answer in answers}
    assert all(right not in answer.get_data(as_text=True) for answer in answers)
    assert all("Location" not in answer.headers for answer in answers)
    assert seen == len(events(parts))
    assert 303 == mine.type_code(challenge_id, right).status_code


def test_the_page_shows_neither_code_nor_address_nor_cookie(parts, browser):
    """I7: a screenshot, a proxy's cache or a referrer has nothing to use."""
    challenge_id = browser.start("ada.lovelace@example.org")

    page = browser.get(f"{CODE}?challenge={challenge_id}").get_data(as_text=True)
    status = browser.get(f"{CODE}/status?challenge={challenge_id}").get_data(as_text=True)

    for secret in (browser.right_code(parts, challenge_id), "ada.lovelace", browser.secret):
        assert secret not in page + status
    assert "a•••@example.org" in page


def test_the_masked_address_does_not_tell_the_stored_spelling(parts, app):
    """D1: stored in capitals, typed in small letters: the page is as for an unknown one."""
    first = Browser(app)
    first.log_in(parts, "ADA@example.org")

    known, unknown = Browser(app), Browser(app)
    pages = [
        it.get(f"{CODE}?challenge={it.start(address)}").get_data(as_text=True)
        for it, address in ((known, "ada@example.org"), (unknown, "abc@example.org"))
    ]

    assert all("a•••@example.org" in page for page in pages)
    assert "ADA@example.org" == rows(parts, challenges)[1].destination


def test_a_limit_is_told_with_a_page_and_retry_after(parts, browser):
    """D4: after ten failures of the address even the right code waits."""
    for _ in range(2):
        challenge_id = browser.start()
        wrong = browser.wrong_code(parts, challenge_id)
        for _ in range(5):
            browser.type_code(challenge_id, wrong)
    refused = browser.authorize(login_hint="ada@example.org")

    assert 429 == refused.status_code
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600
    assert 10 == len(events_of(parts, Event.CODE_TRIED))


def test_a_form_without_fetch_metadata_is_still_bound_to_the_cookie(parts, browser):
    """An old browser sends neither Origin nor Sec-Fetch-Site; its cookie, SameSite=Lax, is the lock."""
    challenge_id = browser.start()
    form = {"challenge": challenge_id, "code": browser.right_code(parts, challenge_id)}

    answer = browser.open("POST", CODE, data=form)

    assert 303 == answer.status_code
    assert "code" in answer_of(answer)
    assert OWN_FORM["Origin"] not in answer.location
