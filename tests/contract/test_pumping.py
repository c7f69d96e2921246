"""C9: what text messages may cost, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from sidecar.errors import ConnectionStopped, RateLimited
from sidecar.login.resend import resend
from sidecar.model.events import Event
from sidecar.store import prepared
from sidecar.store.pumping import SqlStops
from sidecar.store.tables import messages, sms_sends
from tests.flow import at_once, caller, find, start
from tests.ledger import events_of, rows
from tests.texts import (
    BRITISH,
    CONNECTION,
    GERMAN,
    IRISH,
    REALM,
    accept,
    log_in,
    number,
    stranger,
    text,
    texting,
    with_texts,
)

PLENTY = 1000
OWNER = caller("owner", "203.0.113.9")
WIDE = {
    "messages_per_prefix_per_hour": PLENTY,
    "messages_per_country_per_hour": PLENTY,
    "messages_per_client_per_hour": PLENTY,
    "messages_per_day": PLENTY,
    "conversion_sample": PLENTY,
}


A_MONTH_OF_TEXTS = """
    INSERT INTO sms_sends
        (at, realm, connection, address, prefix, country, client, challenge_id, is_known)
    SELECT (extract(epoch FROM now()) * 1000)::bigint - each::bigint * 86400, 'acme', 'sms', '+447400' || each,
        '+44740000', 'GB', 'shop', 'c' || each, false
    FROM generate_series(1, 30000) AS each
"""


@pytest.fixture
def texts(database_url, settings_for, clock):
    """Make parts with these budgets, and plenty of all others."""
    opened = []

    def make(**pumping):
        context = texting(settings_for(database_url, **with_texts(**{**WIDE, **pumping})), clock)
        opened.append(context)
        return context.__enter__()

    yield make
    for context in opened:
        context.__exit__(None, None, None)


def refusal(parts, to, by):
    """The budget that refuses a start."""
    with pytest.raises(RateLimited) as limited:
        text(parts, to, by)
    return limited.value.budget


def test_a_message_is_written_down_with_what_it_is_counted_under(texts):
    parts = texts()
    text(parts, "+44 7400 001234")

    (row,) = rows(parts, sms_sends)

    assert ("+447400001234", "+44740000", "GB", "shop") == (row.address, row.prefix, row.country, row.client)
    assert (False, None) == (row.is_known, row.converted_at)


def test_mail_is_not_written_down(texts):
    parts = texts()
    start(parts)

    assert [] == rows(parts, sms_sends)


def test_a_prefix_gets_so_many_messages_an_hour_and_its_neighbour_goes_on(texts, clock):
    parts = texts(messages_per_prefix_per_hour=3)
    for each in range(3):
        text(parts, number(BRITISH, each), stranger(each))
        clock.shift(seconds=60)

    assert "pumping.messages_per_prefix_per_hour" == refusal(parts, number(BRITISH, 9), stranger(9))
    text(parts, number("+44740001", 0), stranger(9))
    text(parts, number(GERMAN, 0), stranger(9))
    assert ["pumping.messages_per_prefix_per_hour"] == [
        event.detail for event in events_of(parts, Event.BUDGET_REFUSED)
    ]
    assert 5 == len(rows(parts, sms_sends)) == len(rows(parts, messages))


def test_the_told_wait_is_the_real_one(texts, clock):
    parts = texts(messages_per_prefix_per_hour=2)
    for each in range(2):
        text(parts, number(BRITISH, each), stranger(each))
        clock.shift(seconds=60)
    with pytest.raises(RateLimited) as limited:
        text(parts, number(BRITISH, 2), stranger(2))
    assert 2 == limited.value.limit

    clock.shift(seconds=limited.value.retry_after_s - 2)
    refusal(parts, number(BRITISH, 2), stranger(2))
    clock.shift(seconds=3)
    text(parts, number(BRITISH, 2), stranger(2))


def test_a_country_gets_so_many_messages_an_hour(texts):
    parts = texts(messages_per_country_per_hour=3)
    for each in range(3):
        text(parts, number(f"+4474000{each}", 0), stranger(each))

    assert "pumping.messages_per_country_per_hour" == refusal(parts, number("+44740009", 0), stranger(9))
    text(parts, number(GERMAN, 0), stranger(9))


def test_an_application_gets_so_many_messages_an_hour(texts):
    parts = texts(messages_per_client_per_hour=2)
    for each in range(2):
        text(parts, number(f"+4474000{each}", 0), stranger(each), client="shop")

    assert "pumping.messages_per_client_per_hour" == refusal(parts, number(GERMAN, 0), stranger(9))
    text(parts, number(GERMAN, 0), stranger(9), client="forum")


def test_a_day_has_so_many_messages_in_all_known_browsers_included(texts, clock):
    parts = texts(messages_per_day=3)
    log_in(parts, number(BRITISH, 0), OWNER)
    for each in (1, 2):
        clock.shift(seconds=4000)
        text(parts, number(f"+4474000{each}", each), stranger(each))

    assert "pumping.messages_per_day" == refusal(parts, number(GERMAN, 0), stranger(9))
    assert "pumping.messages_per_day" == refusal(parts, number(BRITISH, 0), OWNER)
    clock.shift(seconds=86_400 - 8000)
    text(parts, number(BRITISH, 0), OWNER)


def test_parallel_starts_of_numbers_side_by_side_do_not_pass_the_budget(texts):
    parts = texts(messages_per_prefix_per_hour=5)

    results = at_once(lambda each: text(parts, number(BRITISH, each), stranger(each)), 16)

    assert 5 == sum(not isinstance(result, Exception) for result in results)
    assert {RateLimited} == {type(result) for result in results if isinstance(result, Exception)}
    assert 5 == len(rows(parts, sms_sends)) == len(rows(parts, messages))


def test_parallel_starts_and_resends_all_over_the_world_do_not_pass_the_day(texts, clock):
    parts = texts(messages_per_day=7)
    sent = [text(parts, number(IRISH, each), stranger(each)) for each in range(3)]
    clock.shift(seconds=31)

    def act(each):
        if each < 3:
            return resend(parts.room(), challenge=sent[each], caller=stranger(each))
        return text(parts, number(f"+4474000{each % 10}", each), stranger(each))

    results = at_once(act, 14)

    assert 4 == sum(not isinstance(result, Exception) for result in results)
    assert 7 == len(rows(parts, sms_sends)) == len(rows(parts, messages))


def test_a_known_browser_is_held_to_no_budget_that_strangers_use_up(texts):
    parts = texts(
        messages_per_prefix_per_hour=4, messages_per_country_per_hour=4, messages_per_client_per_hour=4
    )
    log_in(parts, number(BRITISH, 0), OWNER)
    for each in range(1, 4):
        text(parts, number(BRITISH, each), stranger(each))
    refusal(parts, number(BRITISH, 9), stranger(9))

    text(parts, number(BRITISH, 0), OWNER)

    assert [False, False, False, False, True] == [row.is_known for row in rows(parts, sms_sends)]


def test_a_known_browser_uses_up_nothing_that_strangers_have(texts):
    parts = texts(
        messages_per_prefix_per_hour=2, messages_per_country_per_hour=2, messages_per_client_per_hour=2
    )
    for _ in range(4):
        log_in(parts, number(BRITISH, 0), OWNER)

    text(parts, number(BRITISH, 1), stranger(1))
    refusal(parts, number(BRITISH, 2), stranger(2))


def test_a_known_browser_of_one_number_is_a_stranger_to_the_next(texts):
    """Else whoever pumps signs in with one number of his own."""
    parts = texts(messages_per_prefix_per_hour=2)
    log_in(parts, number(BRITISH, 0), OWNER)
    text(parts, number(BRITISH, 1), OWNER)

    assert "pumping.messages_per_prefix_per_hour" == refusal(parts, number(BRITISH, 2), OWNER)


def test_what_a_start_counts_is_found_by_its_time(postgres_url, settings_for, clock, monkeypatch):
    """A plan that serves all values reads the table whole where it does not know how much a window takes."""
    plans = []
    run = prepared.execute_on_driver

    def explain(connection, statement, values, *, has_rows):
        if statement.startswith("SELECT") and "sms_sends" in statement:
            driver = connection.connection.dbapi_connection
            plans.extend(driver.execute(f"EXPLAIN (GENERIC_PLAN) {statement}").fetchall())
        return run(connection, statement, values, has_rows=has_rows)

    monkeypatch.setattr(prepared, "execute_on_driver", explain)
    with texting(settings_for(postgres_url, **with_texts(**WIDE)), clock) as parts:
        with parts.database.write() as connection:
            connection.exec_driver_sql(A_MONTH_OF_TEXTS)
            connection.exec_driver_sql("ANALYZE sms_sends")
        text(parts, number(BRITISH, 0))

    plan = "\n".join(str(line) for line in plans)
    assert 2 == plan.count("ix_sms_sends_at")
    assert "Seq Scan on sms_sends" not in plan


def test_a_resend_is_counted_and_held(texts, clock):
    parts = texts(messages_per_prefix_per_hour=2)
    challenge = text(parts, number(BRITISH, 0))
    clock.shift(seconds=31)
    resend(parts.room(), challenge=challenge, caller=caller())
    clock.shift(seconds=31)

    with pytest.raises(RateLimited) as limited:
        resend(parts.room(), challenge=find(parts, challenge), caller=caller())

    assert "pumping.messages_per_prefix_per_hour" == limited.value.budget
    assert 2 == len(rows(parts, sms_sends))


def test_an_accepted_code_converts_every_message_that_it_was_in_and_no_other(texts, clock):
    parts = texts()
    text(parts, number(BRITISH, 1), stranger(1))
    challenge = text(parts, number(BRITISH, 0))
    clock.shift(seconds=31)
    resend(parts.room(), challenge=challenge, caller=caller())

    accept(parts, challenge)

    converted = [(row.address[-1], row.converted_at is not None) for row in rows(parts, sms_sends)]
    assert [("1", False), ("0", True), ("0", True)] == converted


@pytest.mark.parametrize(("digits", "scope"), [("0", "country"), ("1", "prefix")])
def test_the_breaker_opens_where_too_few_codes_come_back(texts, clock, digits, scope):
    """For a country, and where the whole country does well, for a prefix."""
    parts = texts(conversion_sample=5, conversion_percent=20)
    if scope == "prefix":
        for each in range(5):
            log_in(parts, number("+44740009", each), stranger(100 + each))
    for each in range(5):
        text(parts, number(f"+4474000{digits}", each), stranger(each))
    # Their codes may still be typed.
    text(parts, number(f"+4474000{digits}", 7), stranger(7))
    clock.shift(seconds=301)

    assert f"pumping.conversion_per_{scope}" == refusal(parts, number(f"+4474000{digits}", 8), stranger(8))

    text(parts, number(GERMAN, 0), stranger(9))
    if scope == "prefix":
        text(parts, number("+44740009", 50), stranger(9))


def test_the_breaker_stays_closed_while_enough_codes_come_back(texts, clock):
    parts = texts(conversion_sample=5, conversion_percent=20)
    log_in(parts, number(BRITISH, 0), stranger(0))
    for each in range(1, 5):
        text(parts, number(BRITISH, each), stranger(each))
    clock.shift(seconds=301)

    text(parts, number(BRITISH, 5), stranger(5))


def test_a_rush_is_not_held_against_those_who_are_in_it(texts, clock):
    """Their codes can still be typed, and half of them are."""
    parts = texts(conversion_sample=5, conversion_percent=50)
    people = [(text(parts, number(BRITISH, each), stranger(each)), stranger(each)) for each in range(12)]
    clock.shift(seconds=290)
    people.append((text(parts, number(BRITISH, 20), stranger(20)), stranger(20)))
    for challenge, by in people[:6]:
        accept(parts, challenge, by)

    clock.shift(seconds=20)
    text(parts, number(BRITISH, 21), stranger(21))


def test_the_breaker_closes_when_what_opened_it_is_an_hour_old(texts, clock):
    parts = texts(conversion_sample=5)
    for each in range(5):
        text(parts, number(BRITISH, each), stranger(each))
        clock.shift(seconds=60)
    clock.shift(seconds=301)
    with pytest.raises(RateLimited) as limited:
        text(parts, number(BRITISH, 9), stranger(9))

    clock.shift(seconds=limited.value.retry_after_s - 2)
    refusal(parts, number(BRITISH, 9), stranger(9))
    clock.shift(seconds=3)
    text(parts, number(BRITISH, 9), stranger(9))


def test_a_known_browser_gets_its_code_through_an_open_breaker(texts, clock):
    parts = texts(conversion_sample=5)
    log_in(parts, number(BRITISH, 0), OWNER)
    clock.shift(seconds=3601)
    for each in range(1, 6):
        text(parts, number(BRITISH, each), stranger(each))
    clock.shift(seconds=301)
    refusal(parts, number(BRITISH, 9), stranger(9))

    log_in(parts, number(BRITISH, 0), OWNER)


def test_messages_that_nobody_gets_count_like_all_others(database_url, settings_for, clock):
    """Else the budgets would tell which numbers are known here."""
    own = with_texts(**{**WIDE, "messages_per_prefix_per_hour": 2}, signup=False)
    with texting(settings_for(database_url, **own), clock) as parts:
        for each in range(2):
            assert text(parts, number(BRITISH, each), stranger(each)).is_suppressed

        assert "pumping.messages_per_prefix_per_hour" == refusal(parts, number(BRITISH, 2), stranger(2))


def test_a_stopped_connection_starts_and_resends_nothing(texts, clock):
    parts = texts()
    log_in(parts, number(BRITISH, 0), OWNER)
    challenge = text(parts, number(BRITISH, 1))
    clock.shift(seconds=31)

    assert SqlStops(parts.database).stop(REALM, CONNECTION)

    for to, by in ((number(BRITISH, 2), stranger(2)), (number(BRITISH, 0), OWNER)):
        with pytest.raises(ConnectionStopped):
            text(parts, to, by)
    with pytest.raises(ConnectionStopped):
        resend(parts.room(), challenge=challenge, caller=caller())
    assert ["connection_stopped"] * 3 == [event.detail for event in events_of(parts, Event.BUDGET_REFUSED)]
    assert 2 == len(rows(parts, sms_sends)) == len(rows(parts, messages))
    # What was sent before opens, and mail goes on.
    accept(parts, challenge)
    start(parts)


def test_a_connection_that_is_started_again_goes_on(texts):
    parts = texts()
    stops = SqlStops(parts.database)
    stops.stop(REALM, CONNECTION)

    assert stops.start(REALM, CONNECTION)

    text(parts, number(BRITISH, 0))
    assert (1, 1) == tuple(
        len(events_of(parts, kind)) for kind in (Event.CONNECTION_STOPPED, Event.CONNECTION_STARTED)
    )


def test_stopping_twice_is_as_once_also_at_the_same_time(texts):
    parts = texts()
    stops = SqlStops(parts.database)

    results = at_once(lambda _: stops.stop(REALM, CONNECTION), 6)

    assert [False] * 5 + [True] == sorted(results)
    assert stops.is_stopped(REALM, CONNECTION)
    assert not stops.is_stopped(REALM, "email")
    assert 1 == len(events_of(parts, Event.CONNECTION_STOPPED))


def test_nothing_is_queued_after_a_stop_was_answered(texts):
    """Starts that are under way are let through before it, or refused."""
    parts = texts()
    stopped_at = []

    def act(each):
        if each == 7:
            SqlStops(parts.database).stop(REALM, CONNECTION)
            stopped_at.append(len(rows(parts, messages)))
            return None
        return text(parts, number(BRITISH, each), stranger(each))

    results = at_once(act, 14)

    assert {ConnectionStopped} >= {type(result) for result in results if isinstance(result, Exception)}
    assert stopped_at == [len(rows(parts, messages))]
