"""A3: one guess at each of many addresses, from one network or from many, and nobody locked out for it.

`PASSWORDLESS_SPRAYED_ADDRESSES=2000` runs the long version.
"""

from __future__ import annotations

import os

import psycopg
import pytest
from sqlalchemy import event

from sidecar.app import Parts
from sidecar.errors import ChallengeRefused, RateLimited
from sidecar.login import limits
from sidecar.login.resend import resend
from sidecar.login.verify import verify
from sidecar.model.events import Event
from sidecar.store import prepared
from tests.flow import caller, find, right_code, start, wrong_code
from tests.ledger import events_of

ADDRESSES = int(os.environ.get("PASSWORDLESS_SPRAYED_ADDRESSES", "40"))
OF_CONNECTION, OF_NETWORK = 15, 5
OWNER = caller("owner", "198.51.100.7")


@pytest.fixture
def parts(database_url, settings_for, clock):
    own = {
        "CONNECTION": OF_CONNECTION,
        "NETWORK": OF_NETWORK,
    }
    environment = {
        f"REALMS__ACME__CONNECTIONS__EMAIL__LIMITS__FAILURES_PER_{name}_PER_HOUR": str(limit)
        for name, limit in own.items()
    }
    built = Parts.build(settings_for(database_url, **environment), clock=clock)
    yield built
    built.database.dispose()


def stranger(number: int):
    return caller(f"eve-{number}", f"203.0.{number // 250}.{number % 250}")


def attempt(parts, challenge, code, by):
    return verify(parts.room(), challenge=challenge, unverified_code=code, caller=by)


def guess(parts, number: int, by):
    """One wrong code for an address of its own; answers its challenge."""
    challenge = start(parts, f"user{number}@example.org", by=by)
    with pytest.raises(ChallengeRefused):
        attempt(parts, challenge, wrong_code(parts, challenge), by)
    return challenge


def spray(parts, count: int) -> None:
    for number in range(count):
        guess(parts, number, stranger(number))


def sign_in(parts, by=OWNER, address="ada@example.org"):
    challenge = start(parts, address, by=by)
    attempt(parts, challenge, right_code(parts, challenge), by)
    return challenge


def test_of_a_spray_from_many_networks_a_bounded_number_meets_short_codes(parts):
    """The others meet one of a hundred million each, and nobody is turned away."""
    digits = [guess(parts, number, stranger(number)).digits for number in range(ADDRESSES)]

    assert [6] * OF_CONNECTION + [8] * (ADDRESSES - OF_CONNECTION) == digits
    assert ADDRESSES == len(events_of(parts, Event.CODE_WRONG))
    refusals = {it.detail for it in events_of(parts, Event.BUDGET_REFUSED)}
    assert {"failures_per_connection_per_hour"} == refusals


def test_codes_that_were_asked_for_before_are_over_when_the_budget_is(parts):
    """Starting first and guessing all at once gains nothing."""
    open_ones = [start(parts, f"user{n}@example.org", by=stranger(n)) for n in range(OF_CONNECTION + 5)]
    for number, challenge in enumerate(open_ones):
        with pytest.raises(ChallengeRefused):
            attempt(parts, challenge, wrong_code(parts, challenge), stranger(number))

    assert OF_CONNECTION == len(events_of(parts, Event.CODE_TRIED))


def test_a_stranger_signs_in_with_a_long_code_while_others_spray(parts):
    """Whose short code is over asks for another, and it is long."""
    newcomer = caller("newcomer", "192.0.2.77")
    mine = start(parts, "grace@example.org", by=newcomer)
    spray(parts, OF_CONNECTION)
    with pytest.raises(ChallengeRefused) as over:
        attempt(parts, mine, right_code(parts, mine), newcomer)
    assert 0 == over.value.tries_left

    again = resend(parts.room(), challenge=find(parts, mine, newcomer), caller=newcomer)

    assert 8 == again.digits == len(right_code(parts, again))
    attempt(parts, again, right_code(parts, again), newcomer)


def test_a_short_code_is_not_sent_again_while_others_spray(parts, clock):
    newcomer = caller("newcomer", "192.0.2.77")
    mine = start(parts, "grace@example.org", by=newcomer)
    spray(parts, OF_CONNECTION)
    clock.shift(seconds=31)

    again = resend(parts.room(), challenge=mine, caller=newcomer)

    assert (6, 8) == (mine.digits, again.digits)


def test_a_known_browser_goes_on_with_short_codes(parts):
    sign_in(parts)
    waiting = start(parts, by=OWNER)
    spray(parts, OF_CONNECTION)

    attempt(parts, waiting, right_code(parts, waiting), OWNER)

    assert 6 == sign_in(parts).digits


def test_after_an_hour_codes_are_short_again(parts, clock):
    spray(parts, OF_CONNECTION)
    clock.shift(seconds=3601)

    assert 6 == start(parts, by=stranger(1)).digits


def test_another_connections_codes_stay_short(parts):
    spray(parts, OF_CONNECTION)

    assert 6 == start(parts, by=stranger(1), connection="partner").digits


def test_a_network_has_so_many_wrong_codes_an_hour(parts, clock):
    """Over all addresses and browsers; others are not held up, nor is a browser that its address knows."""
    sign_in(parts)
    network = OWNER.network
    for number in range(OF_NETWORK - 1):
        guess(parts, number, caller(f"eve-{number}", network))
    waiting = start(parts, "late@example.org", by=caller("late", network))
    guess(parts, OF_NETWORK, caller("eve", network))

    for act in (
        lambda: attempt(parts, waiting, right_code(parts, waiting), caller("late", network)),
        lambda: start(parts, "later@example.org", by=caller("later", network)),
    ):
        with pytest.raises(RateLimited) as limited:
            act()
        assert "failures_per_network_per_hour" == limited.value.budget
        assert 3590 <= limited.value.retry_after_s <= 3600
    sign_in(parts)
    sign_in(parts, caller("elsewhere", "192.0.2.78"), "later@example.org")
    clock.shift(seconds=3601)
    sign_in(parts, caller("later", network), "later@example.org")


def test_right_codes_of_a_busy_network_count_for_nothing(parts):
    """An office signs in; nobody there was wrong."""
    for number in range(OF_NETWORK + 2):
        sign_in(parts, caller(f"colleague-{number}", "198.51.100.9"), f"colleague{number}@example.org")

    assert [] == events_of(parts, Event.CODE_WRONG)


def test_long_codes_need_no_sum_over_all(settings_for):
    given = next(iter(settings_for("sqlite:///unused.db").realms.values())).connections["email"].limits

    assert (1, 0) == (len(limits.for_short_codes(given, 6)), len(limits.for_short_codes(given, 8)))


def test_the_sum_is_counted_in_an_index_of_wrong_codes_alone(parts, monkeypatch):
    """As the ledger grows, it costs no more."""
    plans = []
    run = prepared.execute_on_driver

    def explain_on_driver(connection, text, values, *, has_rows):
        if "code_wrong" in text and text.startswith(("SELECT", "WITH")):
            driver = connection.connection.dbapi_connection
            driver.execute("SET LOCAL enable_seqscan = off")  # a table of this size is read whole otherwise
            plans.extend(psycopg.RawCursor(driver).execute(f"EXPLAIN {text}", values).fetchall())
        return run(connection, text, values, has_rows=has_rows)

    def explain(_connection, cursor, text, values, _context, _many):
        if "code_wrong" in text and text.startswith(("SELECT", "WITH")) and not parts.database.is_postgresql:
            plans.extend(cursor.connection.execute(f"EXPLAIN QUERY PLAN {text}", values))

    monkeypatch.setattr(prepared, "execute_on_driver", explain_on_driver)
    event.listen(parts.database.engine, "before_cursor_execute", explain)
    start(parts, by=stranger(9))

    assert any("ix_events_wrong" in str(line) for line in plans)
