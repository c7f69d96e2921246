"""Sign-up off: whom Keycloak alone knows gets a message after all, but nobody who was silenced for another reason."""

from __future__ import annotations

import pytest

from sidecar.app import Parts
from sidecar.errors import ChallengeRefused
from sidecar.login import not_me
from sidecar.login.verify import verify
from sidecar.store.outbox import SqlOutbox
from tests.flow import at_once, caller, find, right_code, start

OWNER, STRANGER = caller("owner"), caller("stranger", "203.0.113.5")


@pytest.fixture
def open_house(database_url, settings_for, clock):
    """The same database where sign-up is on."""
    built = Parts.build(settings_for(database_url), clock=clock)
    yield built
    built.database.dispose()


@pytest.fixture
def parts(database_url, settings_for, clock):
    settings = settings_for(database_url, REALMS__ACME__CONNECTIONS__EMAIL__SIGNUP="false")
    built = Parts.build(settings, clock=clock)
    yield built
    built.database.dispose()


@pytest.fixture
def outbox(parts):
    return SqlOutbox(parts.database)


def taken(outbox, challenge):
    """The challenge's message, in a worker's hands."""
    parcel = outbox.take("w", claim_s=30)
    while parcel and parcel.challenge.id != challenge.id:
        parcel = outbox.take("w", claim_s=30)
    return parcel


def attempt(parts, challenge, by=STRANGER):
    code = right_code(parts, challenge)
    return verify(parts.room(), challenge=challenge, unverified_code=code, caller=by)


def test_whom_keycloak_knows_speaks_after_all(parts, outbox):
    challenge = start(parts, by=STRANGER)
    assert (challenge.is_suppressed, challenge.is_unknown) == (True, True)
    with pytest.raises(ChallengeRefused):
        attempt(parts, challenge)

    assert outbox.let_out(taken(outbox, challenge))

    found = find(parts, challenge, STRANGER)
    assert (found.is_suppressed, found.is_unknown) == (False, False)
    attempt(parts, found)
    assert not start(parts, by=STRANGER).is_suppressed


def test_a_known_address_is_no_unknown_one(parts, open_house):
    attempt(open_house, start(open_house, by=OWNER), OWNER)
    known = start(parts, by=STRANGER)
    assert (known.is_suppressed, known.is_unknown) == (False, False)


def muted(parts, open_house, clock):
    not_me.deny(parts.room(), not_me.token_for(parts.keys, start(open_house, by=STRANGER)))
    clock.shift(seconds=60)
    return start(parts, by=STRANGER)


def denied(parts, open_house, clock):
    challenge = start(parts, by=STRANGER)
    not_me.deny(parts.room(), not_me.token_for(parts.keys, challenge))
    return challenge


def over_elsewhere(parts, open_house, clock):
    challenge = start(parts, by=STRANGER)
    attempt(open_house, start(open_house, by=OWNER), OWNER)
    return challenge


def retired(parts, open_house, clock):
    challenge = start(parts, by=STRANGER)
    parts.room().challenges.retire(challenge.id, STRANGER.macs(parts.keys))
    return challenge


@pytest.mark.parametrize("silenced", [muted, denied, over_elsewhere, retired])
def test_what_is_silent_for_another_reason_stays_so(parts, open_house, outbox, clock, silenced):
    challenge = silenced(parts, open_house, clock)
    parcel = taken(outbox, challenge)

    assert not outbox.let_out(parcel)

    with pytest.raises(ChallengeRefused):
        attempt(parts, challenge)


def test_one_that_ran_out_in_the_workers_hands_stays_silent(parts, outbox, clock):
    challenge = start(parts, by=STRANGER)
    parcel = taken(outbox, challenge)
    clock.shift(seconds=parcel.challenge.life_left_s + 1)
    assert not outbox.let_out(parcel)


def test_denied_and_let_out_at_once_it_is_silent_in_the_end(parts, outbox, clock):
    for number in range(8):
        clock.shift(seconds=7200)
        challenge = start(parts, f"ada{number}@example.org", by=STRANGER)
        parcel, token = taken(outbox, challenge), not_me.token_for(parts.keys, challenge)

        def act(which, parcel=parcel, token=token):
            return outbox.let_out(parcel) if which else not_me.deny(parts.room(), token)

        outcomes = at_once(act, 2)

        assert not [it for it in outcomes if isinstance(it, Exception)]
        with pytest.raises(ChallengeRefused):
            attempt(parts, challenge)
