"""This was not me: what it ends, whom it silences, for how long, and that nobody else can say it."""

from __future__ import annotations

import pytest

from sidecar.errors import ChallengeNotFound, ChallengeRefused
from sidecar.login import not_me
from sidecar.login.verify import verify
from sidecar.model.challenge import DeliveryStatus
from sidecar.model.events import Event
from tests.flow import caller, right_code, start
from tests.ledger import events_of

OWNER, STRANGER = caller("owner"), caller("stranger", "203.0.113.5")


def attempt(parts, challenge, by):
    return verify(parts.room(), challenge=challenge, unverified_code=right_code(parts, challenge), caller=by)


def token(parts, challenge):
    return not_me.token_for(parts.keys, challenge)


def test_it_ends_its_challenge(parts):
    challenge = start(parts, by=STRANGER)

    not_me.deny(parts.room(), token(parts, challenge))

    with pytest.raises(ChallengeRefused):
        attempt(parts, challenge, STRANGER)


def test_it_leaves_other_challenges_of_the_address_open(parts):
    theirs = start(parts, by=STRANGER)
    mine = start(parts, by=OWNER)

    not_me.deny(parts.room(), token(parts, theirs))

    attempt(parts, mine, OWNER)


def test_for_an_hour_strangers_starts_send_nothing_and_open_nothing(parts, clock):
    not_me.deny(parts.room(), token(parts, start(parts, by=STRANGER)))
    clock.shift(seconds=3590)
    muted = start(parts, by=STRANGER)

    assert muted.is_suppressed
    with pytest.raises(ChallengeRefused):
        attempt(parts, muted, STRANGER)
    clock.shift(seconds=20)
    again = start(parts, by=STRANGER)
    attempt(parts, again, STRANGER)


def test_what_was_said_last_holds_though_the_clock_was_set_back(parts, clock):
    """E10: a mute is not undone by an earlier word that has a later time."""
    said = token(parts, start(parts, by=STRANGER))
    not_me.deny(parts.room(), said)
    not_me.undo(parts.room(), said)
    clock.shift(seconds=-30)

    not_me.deny(parts.room(), said)

    assert start(parts, by=STRANGER).is_suppressed


def test_a_muted_start_looks_like_any_other(parts):
    """D1: nothing that the stranger is told differs."""
    plain = start(parts, "grace@example.org", by=STRANGER)
    not_me.deny(parts.room(), token(parts, start(parts, by=STRANGER)))

    muted = start(parts, by=STRANGER)
    found, status, _ = parts.room().challenges.find(muted.id, STRANGER.macs(parts.keys))

    assert DeliveryStatus.SENDING is status
    assert (plain.tries_left, plain.digits, plain.expires_at - plain.created_at) == (
        found.tries_left,
        found.digits,
        found.expires_at - found.created_at,
    )


def test_a_known_browser_goes_on_as_before(parts):
    attempt(parts, start(parts, by=OWNER), OWNER)
    not_me.deny(parts.room(), token(parts, start(parts, by=STRANGER)))

    mine = start(parts, by=OWNER)

    assert not mine.is_suppressed
    attempt(parts, mine, OWNER)


def test_it_can_be_taken_back(parts, clock):
    theirs = token(parts, start(parts, by=STRANGER))
    not_me.deny(parts.room(), theirs)
    assert not_me.read(parts.room(), theirs).is_muted
    clock.shift(seconds=60)

    not_me.undo(parts.room(), theirs)

    assert not not_me.read(parts.room(), theirs).is_muted
    attempt(parts, start(parts, by=STRANGER), STRANGER)


def test_reading_changes_nothing(parts):
    """B1: a mail scanner that opens the link leaves the start as it was."""
    challenge = start(parts, by=STRANGER)
    for _ in range(3):
        not_me.read(parts.room(), token(parts, challenge))

    attempt(parts, challenge, STRANGER)
    assert [] == events_of(parts, Event.ADDRESS_MUTED)


def test_nobody_makes_up_a_token(parts):
    """256 bits under a server key: an id, another challenge's MAC, a cut or a longer one open nothing."""
    one, two = start(parts, by=STRANGER), start(parts, "grace@example.org", by=STRANGER)
    good, other = token(parts, one), token(parts, two)
    forged = [
        one.id,
        f"{one.id}.",
        f"{one.id}.{'A' * 43}",
        f"{one.id}.{other.partition('.')[2]}",
        good[:-1],
        f"{good}A",
        good.swapcase(),
        "",
        "x" * 5000,
    ]
    for unverified in forged:
        with pytest.raises(ChallengeNotFound):
            not_me.deny(parts.room(), unverified)
    assert [] == events_of(parts, Event.ADDRESS_MUTED)


def test_after_a_day_the_link_is_over(parts, clock):
    theirs = token(parts, start(parts, by=STRANGER))
    clock.shift(seconds=86_401)

    with pytest.raises(ChallengeNotFound):
        not_me.read(parts.room(), theirs)


def test_it_takes_nothing_back_from_a_login_that_is_done(parts):
    """The code was used by whoever has the mailbox; ending sessions is Keycloak's matter."""
    challenge = start(parts, by=OWNER)
    attempt(parts, challenge, OWNER)

    not_me.deny(parts.room(), token(parts, challenge))

    assert 1 == len(events_of(parts, Event.CODE_ACCEPTED))
    assert 1 == len(events_of(parts, Event.ADDRESS_MUTED))
