"""Nobody can lock somebody else out: strangers share the address's budgets, a known browser has its own."""

from __future__ import annotations

import contextlib

import pytest

from sidecar.errors import ChallengeRefused, RateLimited
from sidecar.login.limits import BackOff
from sidecar.login.resend import resend
from sidecar.login.verify import verify
from sidecar.model.events import Event
from tests.flow import caller, right_code, start, wrong_code
from tests.ledger import events_of

OWNER = caller("owner", "198.51.100.7")


def attempt(parts, challenge, code, by):
    return verify(parts.room(), challenge=challenge, unverified_code=code, caller=by)


def sign_in(parts, by=OWNER):
    challenge = start(parts, by=by)
    return attempt(parts, challenge, right_code(parts, challenge), by)


def drain(parts, clock):
    """An attacker from many browsers and networks spends all that strangers have."""
    for number in range(12):
        eve = caller(f"eve-{number}", f"203.0.113.{number % 250}")
        with contextlib.suppress(RateLimited):
            challenge = start(parts, by=eve)
            for _ in range(5):
                with contextlib.suppress(ChallengeRefused):
                    attempt(parts, challenge, wrong_code(parts, challenge), eve)
        clock.shift(seconds=10)


def test_a_known_browser_signs_in_after_an_attacker_spent_every_budget(parts, clock):
    """A12."""
    sign_in(parts)
    drain(parts, clock)
    with pytest.raises(RateLimited):
        start(parts, by=caller("owners-new-browser", "198.51.100.8"))

    sign_in(parts)


def test_a_new_browser_signs_in_after_the_wait_it_was_told(parts, clock):
    """A12: an hour at most while no hundred failures came in a row."""
    drain(parts, clock)
    new = caller("owners-new-browser", "198.51.100.8")
    with pytest.raises(RateLimited) as limited:
        start(parts, by=new)
    assert limited.value.retry_after_s <= 3600

    clock.shift(seconds=limited.value.retry_after_s)

    sign_in(parts, new)


def test_a_known_browser_has_the_same_budgets_not_none(parts):
    sign_in(parts)
    sent = 1
    with pytest.raises(RateLimited) as limited:
        for _ in range(10):
            start(parts, by=OWNER)
            sent += 1

    # The first start was a stranger's; it counts for strangers.
    assert ("messages_per_hour", 6) == (limited.value.budget, sent)


def test_a_known_browser_fails_ten_times_an_hour(parts):
    sign_in(parts)
    evaluated = 0
    with pytest.raises(RateLimited) as limited:
        for _ in range(5):
            challenge = start(parts, by=OWNER)
            for _ in range(4):
                with contextlib.suppress(ChallengeRefused):
                    attempt(parts, challenge, wrong_code(parts, challenge), OWNER)
                    pytest.fail("a wrong code was taken")
                evaluated += 1

    assert ("failures_per_hour", 10) == (limited.value.budget, evaluated)


def test_a_known_browser_is_not_held_to_its_networks_budget(parts):
    """D6's other side: behind one office address the owner still gets in."""
    sign_in(parts)
    for number in range(49):
        start(parts, f"user{number}@example.org", by=caller(f"b{number}", OWNER.network))
    with pytest.raises(RateLimited):
        start(parts, "late@example.org", by=caller("late", OWNER.network))

    sign_in(parts)


def test_a_browser_is_known_to_the_address_it_proved_only(parts, clock):
    """A device is no login and no pass for another address."""
    mine = caller("eve", "203.0.113.1")
    challenge = start(parts, "eve@example.org", by=mine)
    attempt(parts, challenge, right_code(parts, challenge), mine)
    for _ in range(5):
        start(parts, "ada@example.org", by=mine)

    with pytest.raises(RateLimited):
        start(parts, "ada@example.org", by=mine)


def test_an_owners_success_does_not_hand_an_attacker_fresh_tries(parts):
    """A2: the accounts are apart in this direction too."""
    sign_in(parts)
    eve = caller("eve", "203.0.113.1")
    evaluated = 0
    for _ in range(4):
        with contextlib.suppress(RateLimited):
            challenge = start(parts, by=eve)
            for _ in range(4):
                with contextlib.suppress(ChallengeRefused):
                    attempt(parts, challenge, wrong_code(parts, challenge), eve)
                evaluated += 1
        sign_in(parts)

    assert evaluated <= 10


def test_a_hundred_failures_in_a_row_start_a_wait_that_doubles(parts, clock):
    """NIST SP 800-63B-4 §3.2.2: not one evaluated guess more before the wait is over."""
    day = 0
    while len(events_of(parts, Event.CODE_TRIED)) < 100:
        eve = caller(f"eve-{day}", f"203.0.113.{day % 250}")
        with contextlib.suppress(RateLimited):
            challenge = start(parts, by=eve)
            for _ in range(5):
                with contextlib.suppress(ChallengeRefused):
                    attempt(parts, challenge, wrong_code(parts, challenge), eve)
        clock.shift(seconds=4 * 3600)
        day += 1
    clock.shift(seconds=-4 * 3600)

    with pytest.raises(RateLimited) as first:
        start(parts, by=caller("anybody", "192.0.2.9"))
    assert "failures_in_a_row" == first.value.budget
    assert 3590 <= first.value.retry_after_s <= 3600
    clock.shift(seconds=first.value.retry_after_s + 1)
    challenge = start(parts, by=caller("anybody", "192.0.2.9"))
    with pytest.raises(ChallengeRefused):
        attempt(parts, challenge, wrong_code(parts, challenge), caller("anybody", "192.0.2.9"))
    with pytest.raises(RateLimited) as second:
        attempt(parts, challenge, wrong_code(parts, challenge), caller("anybody", "192.0.2.9"))
    assert 7190 <= second.value.retry_after_s <= 7200


@pytest.mark.parametrize(
    ("failures", "wait_s"), [(99, 0), (100, 3600), (101, 7200), (104, 57600), (105, 86400), (5000, 86400)]
)
def test_the_back_off_grows_to_a_day(failures, wait_s):
    rule = BackOff(name="n", counts=(), cleared_by=(), limit=100, first_s=3600, longest_s=86400)

    assert wait_s == rule.wait_s(failures)


def test_a_known_browser_resends_from_its_own_budget(parts, clock):
    sign_in(parts)
    drain(parts, clock)
    challenge = start(parts, by=OWNER)
    clock.shift(seconds=31)

    again = resend(parts.room(), challenge=challenge, caller=OWNER)

    assert challenge.id == again.id


def test_a_clock_that_was_set_back_frees_no_guess(parts, clock):
    """A2, E10: a success clears what came before it, not what comes after it at an earlier time."""
    sign_in(parts)
    clock.shift(seconds=-60)

    drain(parts, clock)

    assert 10 == len([it for it in events_of(parts, Event.CODE_TRIED) if it.network != OWNER.network])
