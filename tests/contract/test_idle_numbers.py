"""C10: a number that fell silent may be somebody else's by now, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from sidecar.login.verify import verify
from sidecar.model.events import Event
from sidecar.store.tables import addresses, auth_codes
from tests.flow import at_once, caller, right_code, start
from tests.ledger import events_of, rows
from tests.texts import accept, log_in, text, texting, with_texts

NUMBER = "+44 7400 001234"
A_YEAR = 365 * 24 * 3600
OWNER, NEXT = caller("owner", "203.0.113.9"), caller("next", "198.51.100.7")


@pytest.fixture
def texts(database_url, settings_for, clock):
    """Make parts whose numbers may fall silent for so many days."""
    opened = []

    def make(idle_days=365):
        days = {"REALMS__ACME__CONNECTIONS__SMS__IDLE_DAYS": str(idle_days)}
        context = texting(settings_for(database_url, **with_texts(), **days), clock)
        opened.append(context)
        return context.__enter__()

    yield make
    for context in opened:
        context.__exit__(None, None, None)


def subject_after(parts, by):
    """Whom a login in this browser stands for."""
    log_in(parts, NUMBER, by)
    return max(rows(parts, auth_codes), key=lambda row: row.auth_time).subject_id


def test_after_a_year_of_silence_a_new_browser_is_somebody_new(texts, clock):
    parts = texts()
    owner = subject_after(parts, OWNER)
    clock.shift(seconds=A_YEAR)

    somebody = subject_after(parts, NEXT)

    assert somebody != owner
    (row,) = rows(parts, addresses)
    assert somebody == row.subject_id
    assert [owner, f"{somebody} instead of {owner}"] == [
        event.detail for event in events_of(parts, Event.SUBJECT_CREATED)
    ]
    clock.shift(seconds=60)
    assert somebody == subject_after(parts, caller("another", "198.51.100.8"))


def test_a_browser_that_the_number_knows_is_its_owners(texts, clock):
    parts = texts()
    owner = subject_after(parts, OWNER)
    clock.shift(seconds=A_YEAR + 1)

    assert owner == subject_after(parts, OWNER)
    clock.shift(seconds=60)
    assert owner == subject_after(parts, NEXT)


def test_each_login_begins_the_year_anew(texts, clock):
    parts = texts()
    owner = subject_after(parts, OWNER)
    for each in range(3):
        clock.shift(seconds=A_YEAR - 60)
        assert owner == subject_after(parts, caller(f"b{each}", f"198.51.100.{each}"))


def test_zero_days_are_for_good(texts, clock):
    parts = texts(idle_days=0)
    owner = subject_after(parts, OWNER)
    clock.shift(seconds=10 * A_YEAR)

    assert owner == subject_after(parts, NEXT)


def test_an_address_is_its_owners_however_long_it_is_silent(parts, clock):
    for name in ("first", "second"):
        challenge = start(parts, by=caller(name))
        code = right_code(parts, challenge)
        verify(parts.room(), challenge=challenge, unverified_code=code, caller=caller(name))
        clock.shift(seconds=2 * A_YEAR)

    assert 1 == len({row.subject_id for row in rows(parts, auth_codes)})


def test_of_two_logins_at_once_after_the_silence_one_makes_the_subject(texts, clock):
    parts = texts()
    owner = subject_after(parts, OWNER)
    clock.shift(seconds=A_YEAR)
    browsers = [NEXT, caller("other", "198.51.100.8")]
    challenges = [text(parts, NUMBER, browser) for browser in browsers]

    at_once(lambda each: accept(parts, challenges[each], browsers[each]), 2)

    (row,) = rows(parts, addresses)
    new = {code.subject_id for code in rows(parts, auth_codes)} - {owner}
    assert {row.subject_id} == new
    assert 2 == len(events_of(parts, Event.SUBJECT_CREATED))
