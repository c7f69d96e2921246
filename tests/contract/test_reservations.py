"""A right code of an SDK that is kept for its browser: for a minute, for one try, for its client, and unspent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.errors import ChallengeNotFound, ChallengeRefused
from sidecar.login import reserve, tickets
from sidecar.login.room import api_caller
from sidecar.login.tickets import Ticketed
from sidecar.model.events import Event
from sidecar.store.voiding import fence
from tests.contract.test_tickets import CLIENT, OWNER, PROGRAM, STRANGER, started
from tests.flow import at_once, right_code, wrong_code
from tests.ledger import events_of


def kept(parts, challenge, code=None, holder=None):
    reserve.reserve(
        parts.room(),
        challenge=challenge,
        unverified_code=code or right_code(parts, challenge),
        caller=PROGRAM,
        holder=holder,
    )
    return challenge


def redeemed(parts, challenge, code=None, by=PROGRAM):
    return reserve.redeem(
        parts.room(),
        challenge=challenge,
        unverified_code=code or right_code(parts, challenge),
        caller=by,
        client=CLIENT,
        holder=OWNER,
    )


def is_held(parts, challenge, by):
    return reserve.is_held(parts.room(), challenge=challenge, caller=PROGRAM, holder=by)


@pytest.fixture
def challenge(parts):
    return started(parts, by=PROGRAM)


def test_it_is_unspent_and_then_buys_a_ticket_of_the_holder(parts, challenge):
    kept(parts, challenge, holder=OWNER)
    assert [] == events_of(parts, Event.CODE_ACCEPTED)
    assert (True, False) == (is_held(parts, challenge, OWNER), is_held(parts, challenge, STRANGER))

    bought = redeemed(parts, challenge)

    assert isinstance(bought, Ticketed)
    found = tickets.find(parts.room(), realm="acme", connection="email", unverified_ticket=bought.raw_ticket)
    assert not found.is_of_client
    assert [1, 1, 2] == [
        len(events_of(parts, it)) for it in (Event.CODE_RESERVED, Event.CODE_ACCEPTED, Event.CODE_TRIED)
    ]
    assert not is_held(parts, challenge, OWNER)


def test_checking_first_is_no_failure_through_the_client(parts, settings_for, database_url):
    """One login by two calls counts towards its budget as one call does."""
    budget = {"REALMS__ACME__CONNECTIONS__EMAIL__LIMITS__FAILURES_PER_CLIENT_PER_HOUR": "5"}
    tight = replace(parts, settings=settings_for(database_url, **budget))
    for number in range(6):
        of_this_one = started(tight, by=PROGRAM, address=f"ada{number}@example.org")
        assert 6 == of_this_one.digits
        kept(tight, of_this_one)
        redeemed(tight, of_this_one)

    assert 6 == started(tight, by=PROGRAM, address="last@example.org").digits


def test_once(parts, challenge):
    kept(parts, challenge)
    redeemed(parts, challenge)

    assert redeemed(parts, challenge) is None


def test_of_sixteen_at_once_one(parts, challenge):
    kept(parts, challenge)

    results = at_once(lambda _: redeemed(parts, challenge), 16)

    assert 1 == sum(isinstance(it, Ticketed) for it in results)


def test_a_wrong_code_ends_it(parts, challenge):
    """Else whoever knows that it is kept would guess without being counted."""
    kept(parts, challenge)

    with pytest.raises(ChallengeRefused):
        redeemed(parts, challenge, code=wrong_code(parts, challenge))

    assert redeemed(parts, challenge) is None
    assert 1 == len(events_of(parts, Event.CODE_WRONG))


def test_of_sixteen_guesses_at_once_one_is_looked_at(parts, challenge):
    kept(parts, challenge)

    at_once(lambda _: redeemed(parts, challenge, code=wrong_code(parts, challenge)), 16)

    assert 1 == len(events_of(parts, Event.CODE_WRONG))


def test_the_last_try_in_the_last_second_is_good_for_a_minute_more(parts, challenge, clock):
    for _ in range(4):
        with pytest.raises(ChallengeRefused):
            kept(parts, challenge, code=wrong_code(parts, challenge))
    clock.shift(seconds=298)
    kept(parts, challenge)
    clock.shift(seconds=58)

    assert isinstance(redeemed(parts, challenge), Ticketed)


def test_for_a_minute(parts, challenge, clock):
    kept(parts, challenge, holder=OWNER)
    clock.shift(seconds=61)

    assert not is_held(parts, challenge, OWNER)
    assert redeemed(parts, challenge) is None


def test_only_a_right_code_is_kept(parts, challenge):
    with pytest.raises(ChallengeRefused):
        kept(parts, challenge, code=wrong_code(parts, challenge))

    assert redeemed(parts, challenge) is None


@pytest.mark.parametrize("how", ["denied", "fenced", "spent"])
def test_what_ends_the_challenge_ends_it(parts, challenge, how):
    kept(parts, challenge, holder=OWNER)
    if how == "denied":
        parts.room().complaints.deny(challenge)
    elif how == "fenced":
        fence(parts.database)
    else:
        tickets.verify(
            parts.room(),
            challenge=challenge,
            unverified_code=right_code(parts, challenge),
            caller=PROGRAM,
            client=CLIENT,
        )

    assert not is_held(parts, challenge, OWNER)
    assert redeemed(parts, challenge) is None


def test_another_client_neither_finds_nor_takes_it(parts, challenge):
    kept(parts, challenge)
    other = api_caller(
        type(CLIENT)(realm="acme", client_id="other", application="x", is_public=True, origins=()), network=""
    )

    assert redeemed(parts, challenge, by=other) is None
    with pytest.raises(ChallengeNotFound):
        parts.room().challenges.newest("acme", "email", challenge.address, other.macs(parts.keys))
    assert isinstance(redeemed(parts, challenge), Ticketed)
