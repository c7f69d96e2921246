"""Keycloak's own login page as a caller: where the settings say so, for its browser, for the login that it shows."""

from __future__ import annotations

import pytest

from sidecar.login.codes import derive_code
from sidecar.login.room import Caller
from tests.contract.test_tickets import STATE
from tests.web.browser import PERSON, Browser, authorization

BASE = "/api/v1/realms/acme/challenges"
#: What `STATE` names.
LOGIN = "two"
PAGE = {"Origin": "https://id.example.org", "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}
START = {"client_id": "any-app", "login": LOGIN, "connection": "email", "address": "ada@example.org"}


@pytest.fixture
def environment():
    return {"REALMS__ACME__LOGIN_PAGE": "classic"}


def call(browser, path, body, headers=PAGE):
    return browser.open("POST", path, json=body, headers=headers)


def verified(browser, parts, *, login=LOGIN):
    started = call(browser, BASE, START)
    assert 201 == started.status_code, started.get_data(as_text=True)
    caller = Caller(browser_secret=browser.secret, network="")
    found = parts.room().challenges.find(started.json["id"], caller.macs(parts.keys)).challenge
    body = {"client_id": "any-app", "login": login, "code": derive_code(parts.keys, found)}
    return call(browser, f"{BASE}/{found.id}/verify", body)


def from_keycloak(browser, ticket, **changed):
    query = authorization(login_hint=ticket, **{"state": STATE, **changed})
    return browser.open("GET", "/realms/acme/email/authorize", query_string=query, headers=PERSON)


def test_its_ticket_signs_in_to_the_login_that_it_shows(browser, parts):
    answer = verified(browser, parts)

    assert PAGE["Origin"] == answer.headers["Access-Control-Allow-Origin"]
    assert "Max-Age=15552000" in answer.headers["Set-Cookie"], "the address knows the browser from now on"
    back = from_keycloak(browser, answer.json["ticket"])
    assert 303 == back.status_code
    assert back.location.startswith("https://id.example.org/realms/acme/broker/email/endpoint?code=")


def test_in_another_login_or_browser_its_ticket_is_an_empty_form(browser, parts, app):
    ticket = verified(browser, parts).json["ticket"]

    for visitor, state in ((browser, STATE.replace("two", "three")), (Browser(app), STATE)):
        page = from_keycloak(visitor, ticket, state=state)
        assert 200 == page.status_code
        assert 'name="address"' in page.get_data(as_text=True)
    assert 303 == from_keycloak(browser, ticket).status_code


def test_after_a_reload_it_is_another_login_and_the_same_challenge(browser, parts):
    """Keycloak names a page that is loaded again otherwise; nothing is sent again."""
    ticket = verified(browser, parts, login="three").json["ticket"]

    assert 200 == from_keycloak(browser, ticket).status_code
    assert 303 == from_keycloak(browser, ticket, state=STATE.replace("two", "three")).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {**PAGE, "Origin": "https://evil.example"},
        {**PAGE, "Origin": "https://id.example.org.evil.example"},
        {**PAGE, "Origin": "null"},
        {**PAGE, "Sec-Fetch-Site": "cross-site"},
        {name: value for name, value in PAGE.items() if name != "Origin"},
        {name: value for name, value in PAGE.items() if name != "Sec-Fetch-Site"},
        {},
    ],
)
def test_no_other_page_and_no_program_calls_in_its_name(browser, headers):
    refused = call(browser, BASE, START, headers)

    assert (401, "invalid_client") == (refused.status_code, refused.json["title"])
    if headers.get("Origin") != PAGE["Origin"]:
        assert "Access-Control-Allow-Origin" not in refused.headers


def test_its_challenge_is_its_browsers_its_clients_and_no_pages_of_ours(browser, app, parts):
    started = call(browser, BASE, START)
    path = f"{BASE}/{started.json['id']}"
    asked = {"client_id": "any-app", "login": LOGIN}
    assert 200 == browser.open("GET", path, query_string=asked, headers=PAGE).status_code

    of_another_client = browser.open(
        "GET", path, query_string={**asked, "client_id": "other-app"}, headers=PAGE
    )
    in_another = Browser(app).open("GET", path, query_string=asked, headers=PAGE)
    on_our_page = browser.open(
        "GET", "/realms/acme/email/code", query_string={"challenge": started.json["id"]}, headers=PERSON
    )
    assert [404, 404, 404] == [it.status_code for it in (of_another_client, in_another, on_our_page)]


@pytest.mark.parametrize("login", ["", "a b", "x" * 65, "login:two", "two\n"])
def test_what_names_no_login_is_refused(browser, login):
    assert call(browser, BASE, {**START, "login": login}).status_code in {401, 422}


class TestOfOneClient:
    """Its theme makes its page drive the API, and no other's of the realm; or keeps its page from it."""

    @pytest.fixture
    def environment(self):
        return {"REALMS__ACME__CLIENTS__SHOP__THEME": "passwordless-classic"}

    def test_only_that_client(self, browser):
        statuses = [call(browser, BASE, {**START, "client_id": it}).status_code for it in ("shop", "any-app")]

        assert [201, 401] == statuses


class TestOfAllButOneClient:
    @pytest.fixture
    def environment(self):
        return {"REALMS__ACME__LOGIN_PAGE": "classic", "REALMS__ACME__CLIENTS__SHOP__THEME": "passwordless"}

    def test_its_own_theme_wins(self, browser):
        statuses = [call(browser, BASE, {**START, "client_id": it}).status_code for it in ("shop", "any-app")]

        assert [401, 201] == statuses


class TestWithoutIt:
    @pytest.fixture
    def environment(self):
        return {}

    def test_keycloaks_origin_is_a_strangers(self, browser):
        refused = call(browser, BASE, START)

        assert 401 == refused.status_code
        assert "Access-Control-Allow-Origin" not in refused.headers


class TestOnKeycloaksOwnOrigin:
    """Behind one host name browsers name no origin where a page reads from its own."""

    @pytest.fixture
    def environment(self):
        return {"REALMS__ACME__LOGIN_PAGE": "classic", "KEYCLOAK__URL": "https://login.example.org"}

    def test_it_reads_how_its_challenge_stands(self, browser):
        page = {"Origin": "https://login.example.org", "Sec-Fetch-Site": "same-origin"}
        started = call(browser, BASE, START, page)
        asked = {"client_id": "any-app", "login": LOGIN}
        path = f"{BASE}/{started.json['id']}"

        assert (
            200
            == browser.open(
                "GET", path, query_string=asked, headers={"Sec-Fetch-Site": "same-origin"}
            ).status_code
        )
        assert (
            401
            == browser.open(
                "GET", path, query_string=asked, headers={"Sec-Fetch-Site": "cross-site"}
            ).status_code
        )
