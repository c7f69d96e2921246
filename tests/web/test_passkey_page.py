"""The page that offers a passkey: on the way to Keycloak by code and by link, without a script, in its browser only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.app import create_app
from sidecar.login import links
from tests.accounts import Users
from tests.web.browser import PERSON, Browser, answer_of, form_of

PAGE = "/realms/acme/email/passkey"


@pytest.fixture
def environment():
    return {
        "REALMS__ACME__PASSKEYS": "offer",
        "REALMS__ACME__SERVICE_ACCOUNT": "true",
        "REALMS__ACME__CONNECTIONS__EMAIL__METHOD": "both",
    }


@pytest.fixture
def users():
    return Users()


@pytest.fixture
def app(parts, users):
    return create_app(replace(parts, users=users))


@pytest.fixture
def asked(parts, browser):
    """The way to the page of a browser that has just typed its code."""
    challenge = browser.start()
    answer = browser.type_code(challenge, browser.right_code(parts, challenge))
    assert answer.location == f"https://login.example.org{PAGE}?challenge={challenge}"
    return f"{PAGE}?challenge={challenge}"


def text_of(page):
    return page.get_data(as_text=True)


@pytest.mark.parametrize(("answer", "count"), [("yes", 1), ("no", 0), ("", 0), ("YES", 0)])
def test_either_answer_goes_on_to_keycloak(browser, asked, users, answer, count):
    page = browser.get(asked, PERSON)
    assert "Sign in without a code next time?" in text_of(page)
    assert "<script" not in text_of(page).replace('<script type="module" src=', "")
    assert form_of(page).actions == [f"https://login.example.org{PAGE}"] * 2

    gone_on = browser.post(PAGE, {"challenge": form_of(page).hidden["challenge"], "passkey": answer})

    assert gone_on.status_code == 303
    assert gone_on.location.startswith("https://id.example.org/realms/acme/broker/email/endpoint?")
    assert answer_of(gone_on)["state"] == "state-1"
    assert answer_of(gone_on)["iss"] == "https://login.example.org/realms/acme/email"
    assert len(users.asked) == count


def test_a_link_leads_there_too(parts, browser):
    challenge = browser.challenge(parts, browser.start())
    browser.get(f"/l/{links.token_for(parts.keys, challenge)}", PERSON)
    page = browser.get("/l", PERSON)

    assert browser.post("/l", form_of(page).hidden).location.endswith(f"{PAGE}?challenge={challenge.id}")


def test_a_reload_shows_it_again_and_an_answer_counts_once(browser, asked):
    for _ in range(2):
        page = browser.get(asked, PERSON)
        assert page.status_code == 200
    form = {**form_of(page).hidden, "passkey": "no"}

    assert browser.post(PAGE, form).status_code == 303
    assert browser.post(PAGE, form).status_code == browser.get(asked, PERSON).status_code == 404


def test_no_code_is_in_the_page_and_none_before_the_answer(browser, asked):
    assert "code=" not in asked
    assert "code=" not in text_of(browser.get(asked, PERSON)).replace("encode=", "")


def test_another_browser_or_site_can_not_answer(app, parts, browser, asked, users):
    """B2, F8."""
    form = {**form_of(browser.get(asked, PERSON)).hidden, "passkey": "yes"}
    other = Browser(app, "203.0.113.9")
    other.start("grace@example.org")

    assert other.get(asked, PERSON).status_code == other.post(PAGE, form).status_code == 404
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert browser.post(PAGE, form, foreign).status_code == 400
    assert not users.asked
    assert browser.get(asked, PERSON).status_code == 200


def test_a_challenge_without_its_proof_has_no_such_page(parts, browser):
    challenge = browser.start()
    assert browser.get(f"{PAGE}?challenge={challenge}", PERSON).status_code == 404
    assert browser.post(PAGE, {"challenge": challenge, "passkey": "no"}).status_code == 404


class TestWhereItIsRequired:
    @pytest.fixture
    def environment(self, environment):
        return {**environment, "REALMS__ACME__PASSKEYS": "require"}

    def test_there_is_one_button(self, browser, asked, users):
        page = browser.get(asked, PERSON)
        assert len(form_of(page).actions) == 1
        assert "You need a passkey to go on." in text_of(page)

        browser.post(PAGE, {**form_of(page).hidden, "passkey": "no"})
        assert len(users.asked) == 1
