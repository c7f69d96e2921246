"""The pages of a connection that sends text messages: the number asked for, refused, and refused later (C8, C9)."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from sidecar.app import Parts, create_app
from sidecar.model.events import Event
from sidecar.store.tables import challenges, messages
from tests.ledger import events_of, rows
from tests.texts import BRITISH, CONNECTION, REALM, number, with_texts
from tests.web.browser import NAVIGATION, Browser, form_of

START = f"/realms/{REALM}/{CONNECTION}/start"
CODE = f"/realms/{REALM}/{CONNECTION}/code"
FORMAT = "Enter a complete mobile number with its country code, like +44 7700 900123."
REFUSED = "We can&#39;t send text messages to this number. Use another one, or another way to sign in."


@pytest.fixture
def environment():
    return {**with_texts(), "REALMS__ACME__DEFAULT_REGION": "GB"}


def serving(parts: Parts, *countries: str) -> Browser:
    """A browser over the same database under settings with these countries."""
    realm = parts.settings.realms[REALM]
    sms = replace(realm.connections[CONNECTION], countries=countries)
    connections = MappingProxyType({**realm.connections, CONNECTION: sms})
    realms = {**parts.settings.realms, REALM: replace(realm, connections=connections)}
    return Browser(create_app(replace(parts, settings=replace(parts.settings, realms=realms))))


def type_number(browser: Browser, typed: str):
    form = form_of(browser.authorize(connection=CONNECTION, headers=NAVIGATION))
    return browser.post(START, {**form.hidden, "address": typed})


def test_the_page_asks_for_a_number_as_phones_fill_it_in(parts, app):
    """M2: `tel` for keyboard and autofill; nothing of an email address is left on it."""
    page = Browser(app).authorize(connection=CONNECTION, headers=NAVIGATION).get_data(as_text=True)

    field = page.partition('<input id="address"')[2].partition(">")[0]
    assert 'type="tel" inputmode="tel" autocomplete="tel"' in field
    assert "email" not in field


@pytest.mark.parametrize("typed", ["07400 000001", "+44 (0) 7400-000001", "0044 7400 000001", "7400000001"])
def test_spellings_of_a_number_are_one_recipient_and_one_budget(parts, app, typed):
    """C8."""
    browser = Browser(app)
    for spelling in ("+447400000001", typed):
        assert 303 == type_number(browser, spelling).status_code

    assert ["+447400000001"] * 2 == [row.address for row in rows(parts, challenges)]
    assert ["+447400000001"] * 2 == [row.destination for row in rows(parts, challenges)]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("nobody", FORMAT),
        ("", FORMAT),
        ("ada@example.org", FORMAT),
        ("+٤٤٧٤٠٠٠٠٠٠٠١", FORMAT),
        ("+447400000001;ext=5", FORMAT),
        ("+44 909 879 0000", REFUSED),
        ("+44 20 7946 0018", REFUSED),
        ("+881 6 1234 5678", REFUSED),
    ],
    ids=ascii,
)
def test_what_gets_no_text_is_said_at_the_field_and_nothing_is_written(parts, app, typed, said):
    """C8, C9; what was typed stays in the field, to be mended."""
    answer = type_number(Browser(app), typed)

    assert 400 == answer.status_code
    page = answer.get_data(as_text=True)
    assert said in page
    assert f'value="{typed}"' in page
    assert [] == rows(parts, challenges) == rows(parts, messages)


@pytest.mark.parametrize("hint", ["+44 909 879 0000", "+4474", "+881612345678"])
def test_a_number_from_keycloaks_page_that_gets_no_text_is_said_to_be_so(parts, app, hint):
    """Keycloak's page can't check it; it is not repeated on ours, for whoever made the link may have written it."""
    page = Browser(app).authorize(connection=CONNECTION, login_hint=hint)

    text = page.get_data(as_text=True)
    assert (REFUSED in text) or (FORMAT in text)
    assert 'value=""' in text
    assert [] == rows(parts, challenges)


def test_no_text_goes_to_a_country_that_has_left_the_list(parts, app, clock):
    """C9: also not a second one, for a start from before; the code that was sent can still be typed."""
    before, after = serving(parts, "GB"), serving(parts, "DE")
    challenge_id = before.start(number(BRITISH, 1), connection=CONNECTION)
    after.secret = before.secret
    clock.shift(seconds=31)

    answer = after.post(f"{CODE}/resend", {"challenge": challenge_id})

    assert 400 == answer.status_code
    assert REFUSED in answer.get_data(as_text=True)
    assert 1 == len(rows(parts, messages))
    assert [] == events_of(parts, Event.CHALLENGE_RESENT)
    right = before.right_code(parts, challenge_id)
    assert 303 == after.type_code(challenge_id, right, connection=CONNECTION).status_code


def test_nor_a_fresh_code_when_the_first_is_over(parts, app, clock):
    """C9."""
    before, after = serving(parts, "GB"), serving(parts, "DE")
    challenge_id = before.start(number(BRITISH, 1), connection=CONNECTION)
    after.secret = before.secret
    clock.shift(seconds=301)

    answer = after.post(f"{CODE}/resend", {"challenge": challenge_id})

    assert 400 == answer.status_code
    assert REFUSED in answer.get_data(as_text=True)
    assert 1 == len(rows(parts, challenges)) == len(rows(parts, messages))


def test_a_stolen_code_is_refused_in_another_browser(parts, app):
    """F3: who reads a gateway's texts has codes, and no use for them."""
    person, thief = Browser(app), Browser(app, "198.51.100.9")
    challenge_id = person.start(number(BRITISH, 1), connection=CONNECTION)
    own = thief.start(number(BRITISH, 1), connection=CONNECTION)
    right = person.right_code(parts, challenge_id)
    assert right != thief.right_code(parts, own)

    assert 404 == thief.type_code(challenge_id, right, connection=CONNECTION).status_code
    assert 400 == thief.type_code(own, right, connection=CONNECTION).status_code

    assert [] == events_of(parts, Event.CODE_ACCEPTED)
    assert 303 == person.type_code(challenge_id, right, connection=CONNECTION).status_code
