"""The link of a message: who may spend it, when, how often, and what it tells whom (A6, A11, B1, B2, B3)."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

from sidecar.app import Parts
from sidecar.errors import ChallengeNotFound, ChallengeRefused, RateLimited
from sidecar.login import links, not_me
from sidecar.login.redeem import redeem
from sidecar.login.verify import verify
from sidecar.model.challenge import Method
from sidecar.model.events import Event
from sidecar.store.tables import challenges, devices
from tests.flow import at_once, caller, find, right_code, start, wrong_code
from tests.ledger import events_of, rows

OWNER, STRANGER = caller("owner"), caller("stranger", "203.0.113.5")


@pytest.fixture
def parts(database_url: str, settings_for: Any, clock: Any):
    built = Parts.build(
        settings_for(database_url, REALMS__ACME__CONNECTIONS__EMAIL__METHOD="both"), clock=clock
    )
    yield built
    built.database.dispose()


def token(parts, challenge):
    return links.token_for(parts.keys, challenge)


def confirm(parts, challenge, by=OWNER):
    return links.verify_link(parts.room(), token(parts, challenge), by)


def type_code(parts, challenge, code, by=OWNER):
    return verify(parts.room(), challenge=challenge, unverified_code=code, caller=by)


def spent(parts):
    return [it.detail for it in events_of(parts, Event.CODE_ACCEPTED)]


def test_the_browser_that_asked_spends_the_link(parts):
    challenge = start(parts, by=OWNER)

    verified = confirm(parts, challenge)

    grant = redeem(
        parts.room(), realm="acme", connection="email", unverified_auth_code=verified.raw_auth_code
    )
    assert ("ada@example.org", ("otp", "link", "email")) == (grant.address, grant.amr)
    assert ["link"] == spent(parts)
    assert 1 == len(rows(parts, devices))


def test_a_typed_code_is_no_link(parts):
    challenge = start(parts, by=OWNER)

    verified = type_code(parts, challenge, right_code(parts, challenge))

    grant = redeem(
        parts.room(), realm="acme", connection="email", unverified_auth_code=verified.raw_auth_code
    )
    assert ("otp", "email") == grant.amr
    assert [""] == spent(parts)


def test_no_other_browser_spends_it(parts):
    """B2, B3: neither the one that reads the mail, nor one without a start of its own."""
    challenge = start(parts, by=OWNER)

    for other in (STRANGER, caller("nobody")):
        with pytest.raises(ChallengeRefused):
            confirm(parts, challenge, other)

    assert [] == spent(parts)
    assert 0 == find(parts, challenge, OWNER).tries
    confirm(parts, challenge)


def test_reading_changes_nothing(parts):
    """B1: whoever reads, and however often."""
    challenge = start(parts, by=OWNER)
    before = rows(parts, challenges)
    for by in (OWNER, STRANGER, None) * 3:
        links.read(parts.room(), token(parts, challenge), by)

    assert before == rows(parts, challenges)
    assert [] == events_of(parts, Event.CODE_TRIED)


def test_the_code_is_shown_everywhere_but_in_the_browser_that_asked(parts):
    challenge = start(parts, by=OWNER)

    for by in (STRANGER, None):
        opened = links.read(parts.room(), token(parts, challenge), by)
        assert not opened.is_own
        assert right_code(parts, challenge) == links.shown_code(parts.room(), opened)
    mine = links.read(parts.room(), token(parts, challenge), OWNER)
    assert mine.is_own
    with pytest.raises(ChallengeNotFound):
        links.shown_code(parts.room(), mine)


@pytest.mark.parametrize("first", ["code", "link"])
def test_code_and_link_are_one_thing_to_be_used_once(parts, first):
    """A6: whichever is second is refused."""
    challenge = start(parts, by=OWNER)
    code = right_code(parts, challenge)
    ways = [lambda: type_code(parts, challenge, code), lambda: confirm(parts, challenge)]
    if first == "link":
        ways.reverse()

    ways[0]()

    with pytest.raises(ChallengeRefused):
        ways[1]()
    assert 1 == len(spent(parts))


def test_code_and_link_at_once_sign_in_once(parts):
    """A5, A6: sixteen at the same moment, half of them each way."""
    challenge = start(parts, by=OWNER)
    code = right_code(parts, challenge)

    def act(number):
        try:
            if number % 2:
                confirm(parts, challenge)
            else:
                type_code(parts, challenge, code)
        except (ChallengeRefused, RateLimited):
            return "refused"
        return "granted"

    assert {"granted": 1, "refused": 15} == Counter(at_once(act, 16))
    assert 1 == len(spent(parts))


def test_a_link_ends_the_other_challenges_of_its_address(parts):
    """A6."""
    theirs = start(parts, by=STRANGER)
    mine = start(parts, by=OWNER)

    confirm(parts, mine)

    with pytest.raises(ChallengeRefused):
        confirm(parts, theirs, STRANGER)


def test_after_five_wrong_codes_the_link_is_dead_too(parts):
    """A1: they share the tries, counted before anything is compared."""
    challenge = start(parts, by=OWNER)
    for _ in range(5):
        with pytest.raises(ChallengeRefused):
            type_code(parts, challenge, wrong_code(parts, challenge))

    with pytest.raises(ChallengeRefused):
        confirm(parts, challenge)
    assert [] == spent(parts)


def test_a_confirmation_counts_as_a_try_before_it_is_compared(parts):
    challenge = start(parts, by=OWNER)

    confirm(parts, challenge)

    assert 1 == len(events_of(parts, Event.CODE_TRIED))
    assert 1 == find(parts, challenge, OWNER).tries


def test_the_failures_of_the_address_bind_the_link_too(parts):
    """A2: ten wrong codes an hour, however they were asked for."""
    for _ in range(2):
        challenge = start(parts, by=OWNER)
        for _ in range(5):
            with pytest.raises(ChallengeRefused):
                type_code(parts, challenge, wrong_code(parts, challenge))
    with parts.database.write() as connection:
        connection.execute(challenges.update().values(tries=0))

    with pytest.raises(RateLimited):
        confirm(parts, challenge)


def test_after_its_time_a_link_is_over(parts, clock):
    """A7."""
    challenge = start(parts, by=OWNER)
    clock.shift(seconds=301)

    with pytest.raises(ChallengeRefused):
        confirm(parts, challenge)
    opened = links.read(parts.room(), token(parts, challenge), OWNER)
    assert (False, True) == (opened.is_open, opened.can_be_renewed)


@pytest.mark.parametrize("how", ["denied", "retired", "used"])
def test_what_ends_a_challenge_ends_its_link(parts, how):
    """A15."""
    challenge = start(parts, by=OWNER)
    if how == "denied":
        not_me.deny(parts.room(), not_me.token_for(parts.keys, challenge))
    elif how == "retired":
        parts.room().challenges.retire(challenge.id, OWNER.macs(parts.keys))
    else:
        confirm(parts, challenge)

    with pytest.raises(ChallengeRefused):
        confirm(parts, challenge)
    for by in (OWNER, STRANGER):
        opened = links.read(parts.room(), token(parts, challenge), by)
        assert not opened.is_open
        assert (by is OWNER and how != "used") == opened.can_be_renewed
        with pytest.raises(ChallengeNotFound):
            links.shown_code(parts.room(), opened)


def test_one_that_gets_no_message_is_opened_by_no_link(parts):
    """D1: a start that is muted walks the same way, and even the right link is none."""
    not_me.deny(parts.room(), not_me.token_for(parts.keys, start(parts, by=STRANGER)))
    muted = start(parts, by=STRANGER)

    with pytest.raises(ChallengeRefused):
        confirm(parts, muted, STRANGER)
    assert not links.read(parts.room(), token(parts, muted), STRANGER).is_open


def test_a_message_without_a_link_has_none(parts):
    """`send=code`: its token was given to nobody, and is worth nothing."""
    challenge = start(parts, by=OWNER, send="code")

    assert Method.CODE is challenge.method
    with pytest.raises(ChallengeNotFound):
        confirm(parts, challenge)


def test_nobody_makes_up_a_token(parts):
    """A11: 256 bits under a server key; the link of "this was not me" is none, nor is this one that."""
    one, two = start(parts, by=OWNER), start(parts, "grace@example.org", by=OWNER)
    good, other = token(parts, one), token(parts, two)
    forged = [
        one.id,
        f"{one.id}.",
        f"{one.id}.{'A' * 43}",
        f"{one.id}.{other.partition('.')[2]}",
        f"{one.id}.{hashlib.sha256(one.seed).hexdigest()[:43]}",
        good[:-1],
        f"{good}A",
        good.swapcase(),
        not_me.token_for(parts.keys, one),
        "",
        "x" * 5000,
    ]
    for unverified in forged:
        with pytest.raises(ChallengeNotFound):
            links.verify_link(parts.room(), unverified, OWNER)
        with pytest.raises(ChallengeNotFound):
            links.read(parts.room(), unverified, None)
    with pytest.raises(ChallengeNotFound):
        not_me.read(parts.room(), good)
    assert [] == spent(parts)


def test_a_link_is_renewed_in_the_browser_that_asked_only(parts, clock):
    """The request goes on: the same application, the same address, another challenge."""
    challenge = start(parts, by=OWNER)
    with pytest.raises(ChallengeNotFound):
        links.renew(parts.room(), token(parts, challenge), OWNER)
    clock.shift(seconds=301)

    with pytest.raises(ChallengeNotFound):
        links.renew(parts.room(), token(parts, challenge), STRANGER)
    fresh = links.renew(parts.room(), token(parts, challenge), OWNER)

    assert challenge.id != fresh.id
    assert (challenge.request, challenge.address, Method.BOTH) == (
        fresh.request,
        fresh.address,
        fresh.method,
    )
    confirm(parts, fresh)


def test_a_denied_link_that_is_renewed_stays_denied(parts):
    """Whoever said "not me" is not asked by the same stranger again."""
    challenge = start(parts, by=STRANGER)
    not_me.deny(parts.room(), not_me.token_for(parts.keys, challenge))

    assert links.renew(parts.room(), token(parts, challenge), STRANGER).is_suppressed


def test_after_a_day_a_link_never_was(parts, clock):
    challenge = start(parts, by=OWNER)
    clock.shift(seconds=86_401)

    with pytest.raises(ChallengeNotFound):
        links.read(parts.room(), token(parts, challenge), OWNER)


@pytest.mark.parametrize(
    ("method", "send", "got"),
    [
        ("both", "", "both"),
        ("both", "code", "code"),
        ("both", "link", "link"),
        ("both", "both", "both"),
        ("both", "Link", "both"),
        ("code", "link", "code"),
        ("link", "code", "link"),
    ],
)
def test_an_application_chooses_within_what_the_connection_allows(
    settings_for, sqlite_url, method, send, got
):
    parts = Parts.build(settings_for(sqlite_url, REALMS__ACME__CONNECTIONS__EMAIL__METHOD=method))

    assert got == start(parts, send=send).method
    with parts.database.read() as connection:
        assert got == connection.execute(select(challenges.c.method)).scalar_one()
    parts.database.dispose()
