"""What every store of challenges keeps, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from sidecar.errors import ChallengeNotFound, ChallengeRefused, RateLimited
from sidecar.login.resend import resend
from sidecar.login.verify import verify
from sidecar.model.events import Event
from tests.flow import at_once, caller, find, right_code, start, wrong_code
from tests.ledger import events, events_of


def attempt(parts, challenge, code, by=None):
    return verify(parts.room(), challenge=challenge, unverified_code=code, caller=by or caller())


def test_the_right_code_is_accepted_once(parts):
    challenge = start(parts)

    verified = attempt(parts, challenge, right_code(parts, challenge))

    assert "acme" == verified.challenge.realm
    with pytest.raises(ChallengeRefused):
        attempt(parts, challenge, right_code(parts, challenge))


def test_after_five_wrong_codes_the_right_one_is_refused(parts):
    """A1: five evaluated guesses, then the challenge is dead."""
    challenge = start(parts)

    left = []
    for _ in range(5):
        with pytest.raises(ChallengeRefused) as refused:
            attempt(parts, challenge, wrong_code(parts, challenge))
        left.append(refused.value.tries_left)

    assert [4, 3, 2, 1, 0] == left
    with pytest.raises(ChallengeRefused):
        attempt(parts, challenge, right_code(parts, challenge))
    assert 5 == len(events_of(parts, Event.CODE_TRIED))


def test_a_restart_gives_no_fresh_tries(parts, settings_for, clock):
    """A1: the count is in the database."""
    from sidecar.app import Parts

    challenge = start(parts)
    for _ in range(5):
        with pytest.raises(ChallengeRefused):
            attempt(parts, challenge, wrong_code(parts, challenge))

    restarted = Parts.build(parts.settings, clock=clock)

    with pytest.raises(ChallengeRefused):
        attempt(restarted, challenge, right_code(parts, challenge))
    restarted.database.dispose()


def test_failures_belong_to_the_address_and_no_new_challenge_resets_them(parts):
    """A2: over new challenges, browsers and connections there are ten failures an hour."""
    evaluated = 0
    for number in range(12):
        by = caller(f"browser-{number}", network=f"192.0.2.{number}")
        try:
            challenge = start(parts, by=by, connection="email" if number % 2 else "partner")
        except RateLimited:
            continue
        for _ in range(4):
            with pytest.raises((ChallengeRefused, RateLimited)) as refused:
                attempt(parts, challenge, wrong_code(parts, challenge), by)
            evaluated += refused.type is ChallengeRefused

    assert 10 == evaluated == len(events_of(parts, Event.CODE_TRIED))


def test_a_success_clears_the_failures(parts):
    for _ in range(2):
        challenge = start(parts)
        for _ in range(4):
            with pytest.raises(ChallengeRefused):
                attempt(parts, challenge, wrong_code(parts, challenge))
        attempt(parts, challenge, right_code(parts, challenge))

    challenge = start(parts)
    for _ in range(4):
        with pytest.raises(ChallengeRefused):
            attempt(parts, challenge, wrong_code(parts, challenge))
    attempt(parts, challenge, right_code(parts, challenge))


def test_parallel_wrong_codes_are_evaluated_five_times(parts):
    """A4: 16 at once, of which exactly as many are compared as there are tries."""
    challenge = start(parts)
    wrong = wrong_code(parts, challenge)

    results = at_once(lambda _: attempt(parts, challenge, wrong), 16)

    assert {ChallengeRefused} == {type(result) for result in results}
    assert 5 == len(events_of(parts, Event.CODE_TRIED))


def test_parallel_right_codes_have_one_winner(parts):
    """A5: the losers get what a wrong code gets."""
    challenge = start(parts)
    right = right_code(parts, challenge)

    results = at_once(lambda _: attempt(parts, challenge, right), 16)

    assert 1 == sum(not isinstance(result, Exception) for result in results)
    assert {ChallengeRefused} == {type(result) for result in results if isinstance(result, Exception)}
    assert 1 == len(events_of(parts, Event.CODE_ACCEPTED))


def test_a_success_ends_every_other_open_challenge_of_the_address(parts):
    """A6."""
    mine, theirs = caller("mine"), caller("theirs")
    first = start(parts, by=mine)
    second = start(parts, by=theirs)

    attempt(parts, first, right_code(parts, first), mine)

    with pytest.raises(ChallengeRefused):
        attempt(parts, second, right_code(parts, second), theirs)


@pytest.mark.parametrize(("after_s", "is_accepted"), [(298, True), (300, False), (301, False)])
def test_a_code_is_accepted_within_its_life_only(parts, clock, after_s, is_accepted):
    """A7."""
    challenge = start(parts)
    clock.shift(seconds=after_s)

    if is_accepted:
        attempt(parts, challenge, right_code(parts, challenge))
    else:
        with pytest.raises(ChallengeRefused):
            attempt(parts, challenge, right_code(parts, challenge))


def test_a_code_that_ran_out_between_count_and_spend_is_refused(parts, clock):
    """A7: expiry is in the statement that spends."""
    from sidecar.login import limits
    from sidecar.model.proof import NewGrant

    challenge = start(parts)
    room = parts.room()
    counted = room.verification.count_try(
        challenge,
        caller().macs(parts.keys),
        network="192.0.2.1",
        rules=limits.for_try(room.connection("acme", "email").limits),
    )
    clock.shift(seconds=301)

    grant = NewGrant(auth_code_mac="m", subject_id="email.x", lifetime_s=60, amr=("otp",))
    with pytest.raises(ChallengeRefused):
        room.verification.spend(counted, caller().macs(parts.keys), grant, network="192.0.2.1")


def test_another_browser_neither_finds_nor_tries_a_challenge(parts):
    challenge = start(parts)
    thief = caller("thief")

    with pytest.raises(ChallengeNotFound):
        parts.room().challenges.find(challenge.id, thief.macs(parts.keys))
    with pytest.raises(ChallengeRefused):
        attempt(parts, challenge, right_code(parts, challenge), thief)
    assert [] == events_of(parts, Event.CODE_TRIED)


def test_a_resend_repeats_the_code_and_leaves_the_expiry(parts, clock):
    """A7, and a late first message still works."""
    challenge = start(parts)
    clock.shift(seconds=31)

    again = resend(parts.room(), challenge=challenge, caller=caller())

    assert (challenge.id, challenge.expires_at) == (again.id, again.expires_at)
    assert right_code(parts, challenge) == right_code(parts, again)


def test_a_resend_resets_no_tries(parts, clock):
    """A2."""
    challenge = start(parts)
    for _ in range(4):
        with pytest.raises(ChallengeRefused):
            attempt(parts, challenge, wrong_code(parts, challenge))
    clock.shift(seconds=31)

    again = resend(parts.room(), challenge=challenge, caller=caller())

    assert 1 == again.tries_left


def test_a_resend_waits_thirty_seconds(parts, clock):
    challenge = start(parts)
    clock.shift(seconds=20)

    with pytest.raises(RateLimited) as limited:
        resend(parts.room(), challenge=challenge, caller=caller())

    assert "resend_after" == limited.value.budget
    assert 9 <= limited.value.retry_after_s <= 10


def test_ten_resends_at_once_send_one_message(parts, clock):
    """A13."""
    challenge = start(parts)
    clock.shift(seconds=31)

    results = at_once(lambda _: resend(parts.room(), challenge=challenge, caller=caller()), 10)

    assert 1 == sum(not isinstance(result, Exception) for result in results)
    assert 1 == len(events_of(parts, Event.CHALLENGE_RESENT))


def test_a_resend_near_the_end_starts_a_fresh_challenge(parts, clock):
    challenge = start(parts)
    clock.shift(seconds=215)

    fresh = resend(parts.room(), challenge=find(parts, challenge), caller=caller())

    assert challenge.id != fresh.id
    assert 299 <= fresh.life_left_s
    with pytest.raises(ChallengeRefused):
        attempt(parts, challenge, right_code(parts, challenge))
    attempt(parts, fresh, right_code(parts, fresh))


def test_the_same_browser_has_one_open_challenge_for_an_address(parts):
    first = start(parts)
    second = start(parts)

    with pytest.raises(ChallengeRefused):
        attempt(parts, first, right_code(parts, first))
    attempt(parts, second, right_code(parts, second))


def test_a_start_elsewhere_leaves_the_first_browser_its_challenge(parts):
    mine = start(parts, by=caller("mine"))
    start(parts, by=caller("elsewhere"))

    attempt(parts, mine, right_code(parts, mine), caller("mine"))


def test_at_most_two_challenges_of_an_address_are_open(parts):
    first, second, third = (start(parts, by=caller(name)) for name in ("one", "two", "three"))

    with pytest.raises(ChallengeRefused):
        attempt(parts, first, right_code(parts, first), caller("one"))
    with pytest.raises(ChallengeRefused):
        attempt(parts, second, wrong_code(parts, second), caller("two"))
    attempt(parts, third, right_code(parts, third), caller("three"))


def test_an_address_gets_five_messages_an_hour(parts, clock):
    """D4, from ten networks and browsers; the next one is told when."""
    refusals = []
    for number in range(10):
        try:
            start(parts, by=caller(f"b{number}", network=f"198.51.100.{number}"))
        except RateLimited as limited:
            refusals.append((limited.budget, limited.limit))
        clock.shift(seconds=60)

    assert [("messages_per_hour", 5)] * 5 == refusals
    assert 5 == len(events_of(parts, Event.CHALLENGE_STARTED))
    assert 5 == len(events_of(parts, Event.BUDGET_REFUSED))


def test_the_told_wait_is_the_real_one(parts, clock):
    for number in range(5):
        start(parts, by=caller(f"b{number}"))
        clock.shift(seconds=60)
    with pytest.raises(RateLimited) as limited:
        start(parts)

    clock.shift(seconds=limited.value.retry_after_s - 2)
    with pytest.raises(RateLimited):
        start(parts)
    clock.shift(seconds=3)
    start(parts)


def test_the_window_slides_and_a_day_has_ten_messages(parts, clock):
    sent = 0
    for _ in range(24):
        for _ in range(6):
            try:
                start(parts)
                sent += 1
            except RateLimited:
                pass
            clock.shift(seconds=300)
        clock.shift(seconds=1800)

    assert 10 == sent


def test_parallel_starts_do_not_pass_the_budget_of_the_address(parts):
    """D4 under a race: twelve at once, five messages."""
    results = at_once(lambda n: start(parts, by=caller(f"b{n}", network=f"203.0.113.{n}")), 12)

    assert 5 == sum(not isinstance(result, Exception) for result in results)
    assert {RateLimited} == {type(result) for result in results if isinstance(result, Exception)}


def test_a_network_starts_fifty_an_hour(parts):
    for number in range(50):
        start(parts, f"user{number}@example.org", by=caller(f"b{number}"))

    with pytest.raises(RateLimited) as limited:
        start(parts, "one-more@example.org", by=caller("more"))

    assert "starts_per_network_per_hour" == limited.value.budget
    start(parts, "one-more@example.org", by=caller("more", network="192.0.2.2"))


def test_realms_do_not_share_budgets(parts):
    for _ in range(5):
        start(parts)

    start(parts, realm="other")


def test_two_first_logins_at_once_make_one_subject(parts):
    """C5."""
    first, second = (
        start(parts, "A@example.org", by=caller("a")),
        start(parts, "a@example.org", by=caller("b")),
    )
    codes = [(first, "a"), (second, "b")]

    at_once(lambda n: attempt(parts, codes[n][0], right_code(parts, codes[n][0]), caller(codes[n][1])), 2)
    third = start(parts, "a@EXAMPLE.org", by=caller("c"))
    attempt(parts, third, right_code(parts, third), caller("c"))

    assert 1 == len(events_of(parts, Event.SUBJECT_CREATED))


def test_a_message_goes_to_the_stored_address_not_to_the_typed_one(parts):
    """C4."""
    first = start(parts, "Ada@example.org")
    attempt(parts, first, right_code(parts, first))

    again = start(parts, "aDA@example.org")

    assert "Ada@example.org" == again.destination


def test_every_step_leaves_an_event(parts):
    challenge = start(parts)
    attempt(parts, challenge, right_code(parts, challenge))

    assert [
        Event.CHALLENGE_STARTED,
        Event.CODE_TRIED,
        Event.SUBJECT_CREATED,
        Event.CODE_ACCEPTED,
        Event.DEVICE_REMEMBERED,
    ] == [event.type for event in events(parts)]
