"""The page behind "this was not me": opening it does nothing, its forms are our own, and it can be taken back."""

from __future__ import annotations

import pytest

from sidecar.login.not_me import token_for
from sidecar.model.events import Event
from tests.ledger import events_of
from tests.web.browser import OWN_FORM, Browser, form_of


@pytest.fixture
def link(house) -> str:
    """The path of the link in the message of a stranger's start."""
    stranger = Browser(house.app, "203.0.113.9")
    challenge = stranger.challenge(house.parts, stranger.start("not-me@example.org"))
    return f"/not-me/{token_for(house.parts.keys, challenge)}"


def mutes(house):
    return [
        event
        for event in events_of(house.parts, Event.ADDRESS_MUTED)
        if event.address == "not-me@example.org"
    ]


def test_opening_the_link_changes_nothing(house, link):
    """B1: GET and HEAD, three times, in a browser that has no cookie."""
    before = len(mutes(house))
    for method in ("HEAD", "GET", "GET", "GET"):
        assert 200 == Browser(house.app).open(method, link).status_code

    assert before == len(mutes(house))


def test_the_button_mutes_and_the_page_offers_to_take_it_back(house, link):
    reader = Browser(house.app)
    before = len(mutes(house))
    page = reader.open("GET", link)
    assert [f"https://login.example.org{link}"] == form_of(page).actions

    done = reader.open("POST", link, headers=OWN_FORM)

    assert (303, f"https://login.example.org{link}") == (done.status_code, done.location)
    assert before + 1 == len(mutes(house))
    page = reader.open("GET", link)
    assert [f"https://login.example.org{link}/undo"] == form_of(page).actions
    reader.open("POST", f"{link}/undo", headers=OWN_FORM)
    assert [f"https://login.example.org{link}"] == form_of(reader.open("GET", link)).actions


@pytest.mark.parametrize("path", ["", "/undo"])
def test_another_sites_form_is_refused(house, link, path):
    before = len(mutes(house))
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

    assert 400 == Browser(house.app).open("POST", link + path, headers=foreign).status_code
    assert before == len(mutes(house))


def test_a_made_up_link_says_no_more_than_that_it_is_not_open(house):
    answer = Browser(house.app).open("GET", f"/not-me/{'a' * 22}.{'b' * 43}")

    assert 404 == answer.status_code
    assert "<h1" in answer.get_data(as_text=True)


def test_the_page_shows_the_address_masked(house, link):
    text = Browser(house.app).open("GET", link).get_data(as_text=True)

    assert "n•••@example.org" in text
    assert "not-me@example.org" not in text
