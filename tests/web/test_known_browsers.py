"""The page of a browser that the address knows: the truth about the message, and the way to the other channel."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from sidecar.app import create_app
from sidecar.model.events import Event
from sidecar.store import tables
from tests.journeys.mails import mail_server
from tests.ledger import events_of
from tests.web.browser import Browser, answer_of, form_of

CODE = "/realms/acme/email/code"
NUMBER_INSTEAD = "Use a mobile number instead"


def with_text_messages(parts):
    """The same, with a connection `sms` beside `email`."""
    realm = parts.settings.realms["acme"]
    sms = replace(realm.connections["email"], id="sms", strategy="sms")
    both = replace(realm, connections={**realm.connections, "sms": sms})
    return replace(parts, settings=replace(parts.settings, realms={**parts.settings.realms, "acme": both}))


@pytest.fixture
def both(parts):
    return with_text_messages(parts)


def owner_of(parts, address="ada@example.org"):
    """A browser in which the address has accepted a code."""
    browser = Browser(create_app(parts))
    browser.log_in(parts, address)
    with mail_server() as mails:
        mails.send_all(parts)
    return browser


def looks(browser, challenge_id):
    """What the page and its news say, which must agree."""
    page = browser.get(f"{CODE}?challenge={challenge_id}").get_data(as_text=True)
    news = browser.get(f"{CODE}/status?challenge={challenge_id}").get_json()
    assert f'data-status="{news["status"]}"' in page
    return news["status"], page


@pytest.mark.parametrize(
    ("answer", "receipt", "told", "offered"),
    [
        ("250 ok", None, "sent", False),
        ("250 ok", "delivered", "delivered", False),
        ("250 ok", "undelivered", "failed", True),
        ("450 later", None, "delayed", True),
        ("550 no such user", None, "failed", True),
    ],
)
def test_the_owner_is_told_the_truth_and_offered_the_other_channel_where_it_is_bad(
    both, answer, receipt, told, offered
):
    owner, stranger = owner_of(both), Browser(create_app(both), "198.51.100.9")
    mine, theirs = owner.start(), stranger.start()
    with mail_server(answer) as mails:
        mails.send_all(both)
    if receipt:
        with both.database.write() as connection:
            connection.execute(update(tables.messages).values(receipt=receipt, receipt_at=1))

    (status, page), (others, other_page) = looks(owner, mine), looks(stranger, theirs)

    assert (told, "sent") == (status, others)
    assert NUMBER_INSTEAD in page
    assert offered is ('<div id="other-channel">' in page)
    assert "other-channel" not in other_page


def test_in_a_realm_with_one_channel_nothing_is_offered(parts):
    owner = owner_of(parts)
    challenge_id = owner.start()
    with mail_server("550 no such user") as mails:
        mails.send_all(parts)

    status, page = looks(owner, challenge_id)

    assert ("failed", False) == (status, "other-channel" in page)


def test_the_way_to_the_other_channel_ends_the_challenge_and_leads_to_keycloak(both):
    """No shortcut: the other channel starts anew there, within the same budgets."""
    owner = owner_of(both)
    challenge_id = owner.start()
    with mail_server("550 no such user") as mails:
        mails.send_all(both)
    page = owner.get(f"{CODE}?challenge={challenge_id}")
    action = page.get_data(as_text=True).partition('<div id="other-channel">')[2].partition('action="')[2]
    started = len(events_of(both, Event.CHALLENGE_STARTED))

    answer = owner.post(
        action.partition('"')[0].removeprefix("https://login.example.org"), form_of(page).hidden
    )

    assert 303 == answer.status_code
    assert answer.location.startswith("https://id.example.org/realms/acme/broker/email/endpoint?")
    assert "access_denied" == answer_of(answer)["error"]
    assert 400 == owner.type_code(challenge_id, owner.right_code(both, challenge_id)).status_code
    assert started == len(events_of(both, Event.CHALLENGE_STARTED))
