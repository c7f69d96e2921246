"""Which addresses a connection takes: its own kind, its own countries, its realm's way of writing (C8, C9)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.errors import InvalidAddress, InvalidNumber, NumberRefused
from sidecar.login.addressing import read, spelled, take
from tests.texts import with_texts

BRITISH, OF_JERSEY, GERMAN = "+447400123456", "+447797123456", "+4915112341234"
OF_THE_STATES, CANADIAN, IRIDIUM = "+13475551234", "+14165551234", "+881612345678"


@pytest.fixture
def realm(settings_for):
    return settings_for("sqlite:///unused.db", **with_texts()).realms["acme"]


@pytest.fixture
def listed(realm):
    """The connection `sms` with these countries on its list."""
    return lambda *countries: replace(realm.connections["sms"], countries=countries)


@pytest.mark.parametrize("number", [BRITISH, OF_JERSEY, GERMAN, OF_THE_STATES, CANADIAN])
def test_with_no_country_listed_nobody_gets_a_text(realm, listed, number):
    """C9: text messages are off until somebody says where to."""
    with pytest.raises(NumberRefused):
        take(realm, listed(), number)


@pytest.mark.parametrize(
    ("countries", "taken"),
    [
        (("GB",), {BRITISH, OF_JERSEY}),
        (("JE",), {OF_JERSEY}),
        (("US",), {OF_THE_STATES}),
        (("CA",), {CANADIAN}),
        (("DE", "US"), {GERMAN, OF_THE_STATES}),
        (("*",), {BRITISH, OF_JERSEY, GERMAN, OF_THE_STATES, CANADIAN}),
    ],
)
def test_a_number_passes_by_its_country_or_by_the_one_that_it_is_billed_like(realm, listed, countries, taken):
    """C9: +1 is many countries; a mobile of Jersey is bought and billed like one of Britain."""
    passed = set()
    for number in (BRITISH, OF_JERSEY, GERMAN, OF_THE_STATES, CANADIAN):
        try:
            passed.add(take(realm, listed(*countries), number).canonical)
        except NumberRefused:
            continue

    assert taken == passed


def test_every_country_does_not_mean_satellites(realm, listed):
    """C9."""
    with pytest.raises(NumberRefused):
        take(realm, listed("*"), IRIDIUM)


def test_a_national_spelling_is_of_the_realms_region(realm, listed):
    """C8."""
    german = replace(realm, default_region="DE")

    assert GERMAN == take(german, listed("*"), "01511 2341234").canonical
    assert BRITISH == take(german, listed("*"), "+44 7400 123456").canonical
    with pytest.raises(InvalidNumber):
        take(realm, listed("*"), "01511 2341234")


def test_a_connection_takes_its_own_kind_only(realm, listed):
    with pytest.raises(InvalidAddress):
        take(realm, realm.connections["email"], BRITISH)
    with pytest.raises(InvalidNumber):
        take(realm, listed("*"), "ada@example.org")


def test_an_operator_may_spell_what_is_not_taken_now(realm):
    """What was stored under other settings must be found to be shown or erased."""
    german = replace(realm, default_region="DE")

    assert GERMAN == spelled(german, "01511/2341234").canonical
    assert IRIDIUM == spelled(german, "+881 6 1234 5678").canonical
    assert "ada@example.org" == spelled(german, " Ada@Example.ORG").canonical
    assert GERMAN == spelled(None, "+49 1511 2341234").canonical
    for raw in ("01511 2341234", "nobody", ""):
        with pytest.raises(InvalidAddress):
            spelled(None, raw)


@pytest.mark.parametrize("stored", [BRITISH, IRIDIUM, "ada@example.org"])
def test_what_is_stored_is_read_again_as_itself(stored):
    assert stored == read(stored).canonical == read(stored).destination


@pytest.mark.parametrize("stored", ["", "07400123456", "nobody"])
def test_what_can_not_have_been_stored_is_no_address(stored):
    with pytest.raises(InvalidAddress):
        read(stored)
