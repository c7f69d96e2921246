"""What is decided at one step is decided again at the next; a proof is of one mailbox (A13, A15, A16, G7, G9)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import product

import pytest
from sqlalchemy import delete, update

from sidecar.app import Parts
from sidecar.errors import ChallengeNotFound, ChallengeRefused, InvalidRequest, RateLimited, StoreUnavailable
from sidecar.login import not_me
from sidecar.login.redeem import redeem
from sidecar.login.resend import FRESH_BELOW_S, resend
from sidecar.login.verify import verify
from sidecar.model.events import Event
from sidecar.store import records
from sidecar.store.tables import addresses, auth_codes, challenges, messages
from sidecar.store.voiding import fence, void_made_under
from tests.conftest import OLDER_SECRET_KEY
from tests.flow import at_once, caller, find, right_code, start
from tests.ledger import events_of, rows

REFUSED = (ChallengeRefused, ChallengeNotFound, InvalidRequest, RateLimited)


def attempt(parts, challenge, code=None, by=None):
    code = code or right_code(parts, challenge)
    return verify(parts.room(), challenge=challenge, unverified_code=code, caller=by or caller())


def exchange(parts, raw_auth_code: str):
    return redeem(parts.room(), realm="acme", connection="email", unverified_auth_code=raw_auth_code)


# --- A13: however often somebody asks again, one code works


@pytest.mark.parametrize("left_s", [FRESH_BELOW_S + 60, FRESH_BELOW_S - 30], ids=["same code", "fresh code"])
def test_of_all_codes_that_ten_parallel_resends_made_exactly_one_works(parts, clock, left_s):
    """A13: in the middle of a code's life, and near its end, where each resend starts a challenge of its own."""
    first = start(parts)
    clock.shift(seconds=300 - left_s)

    at_once(lambda _: resend(parts.room(), challenge=find(parts, first), caller=caller()), 10)

    asked = {row.challenge_id for row in rows(parts, messages)}
    assert 1 == sum(challenge.is_open for challenge in _challenges(parts, asked))
    captured = {right_code(parts, challenge) for challenge in _challenges(parts, asked)}
    worked = []
    for challenge, code in product(_challenges(parts, asked), captured):
        with suppress(*REFUSED):
            worked.append(attempt(parts, challenge, code))
    assert 1 == len(worked) == len(events_of(parts, Event.CODE_ACCEPTED))
    assert len(rows(parts, messages)) > 1


def _challenges(parts, ids):
    macs = caller().macs(parts.keys)
    return [parts.room().challenges.find(challenge_id, macs)[0] for challenge_id in ids]


# --- A15: what was fine a step ago


def denied(parts, challenge, _clock) -> None:
    not_me.deny(parts.room(), not_me.token_for(parts.keys, challenge))


def retired(parts, challenge, _clock) -> None:
    parts.room().challenges.retire(challenge.id, caller().macs(parts.keys))


def fenced(parts, _challenge, _clock) -> None:
    fence(parts.database)


def secret_leaked(parts, _challenge, _clock) -> None:
    void_made_under(parts.database, parts.keys.newest_id)


def erased(parts, challenge, _clock) -> None:
    records.erase(parts.database, realm="acme", address=challenge.address)


def late(_parts, _challenge, clock) -> None:
    clock.shift(seconds=301)


def one_spent(parts, challenge, _clock) -> None:
    with parts.database.write() as connection:
        connection.execute(
            update(challenges).where(challenges.c.id == challenge.id).values(used_at=challenge.created_at)
        )


Lock = Callable[[Parts, object, object], None]
LOCKS: list[Lock] = [denied, retired, fenced, secret_leaked, erased, late, one_spent]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.__name__)
def test_a_lock_between_start_and_try_refuses_the_try(parts, clock, lock):
    """A15."""
    challenge = start(parts)
    code = right_code(parts, challenge)

    lock(parts, challenge, clock)

    with pytest.raises(REFUSED):
        attempt(parts, challenge, code)
    assert [] == rows(parts, auth_codes)


@pytest.mark.parametrize("lock", [*LOCKS[2:6], denied], ids=lambda lock: lock.__name__)
def test_a_lock_between_count_and_spend_refuses_the_spending(parts, clock, lock):
    """A15: between the two transactions of one request."""
    challenge = start(parts)
    code = right_code(parts, challenge)
    room = parts.room()
    spend = room.verification.spend

    class Later:
        count_try = room.verification.count_try

        def spend(self, *args, **kwargs):
            lock(parts, challenge, clock)
            spend(*args, **kwargs)

    with pytest.raises(REFUSED):
        verify(
            replace(room, verification=Later()), challenge=challenge, unverified_code=code, caller=caller()
        )
    assert [] == rows(parts, auth_codes)


@pytest.mark.parametrize(
    "lock", [denied, fenced, secret_leaked, erased, late], ids=lambda lock: lock.__name__
)
def test_a_lock_between_code_and_token_refuses_the_token(parts, clock, lock):
    """A15: "this was not me", the fence, a leaked secret, an erased address and time end the code for Keycloak too."""
    challenge = start(parts)
    bought = attempt(parts, challenge).raw_auth_code

    lock(parts, challenge, clock)

    assert exchange(parts, bought) is None
    assert [] == events_of(parts, Event.AUTH_CODE_REDEEMED)


def test_not_me_and_the_redemption_at_once_have_one_winner(parts):
    """A15: the code is redeemed or void, never both, and a redeemed one stays as it is."""
    for number in range(6):
        address, by = f"ada{number}@example.org", caller(f"ada{number}")
        challenge = start(parts, address, by=by)
        bought = attempt(parts, challenge, by=by).raw_auth_code

        _, grant = at_once(
            lambda which, c=challenge, b=bought: exchange(parts, b) if which else denied(parts, c, None), 2
        )

        redeemed = [it for it in events_of(parts, Event.AUTH_CODE_REDEEMED) if it.address == address]
        assert (grant is not None) == (len(redeemed) == 1)
        assert exchange(parts, bought) is None


@pytest.mark.parametrize("taken", ["connection", "secret"])
def test_what_a_restart_took_away_is_refused_at_the_next_step(parts, settings_for, clock, taken):
    """A15: a connection or a server secret that is no longer in the settings, before the try and before the token."""
    open_one, bought = start(parts), start(parts, "grace@example.org", by=caller("grace"))
    code = right_code(parts, open_one)
    auth_code = attempt(parts, bought, by=caller("grace")).raw_auth_code
    url = parts.settings.database.url.reveal()
    if taken == "secret":
        restarted = Parts.build(settings_for(url, OLDER_SECRET_KEY), clock=clock)
    else:
        restarted = Parts.build(settings_for(url, REALMS__ACME__CONNECTIONS=_WITHOUT_EMAIL), clock=clock)

    with pytest.raises(REFUSED):
        attempt(restarted, open_one, code)
    if taken == "secret":
        assert exchange(restarted, auth_code) is None
    else:
        # The token endpoint asks for the connection first.
        with pytest.raises(InvalidRequest):
            restarted.room().connection("acme", "email")
    restarted.database.dispose()


_WITHOUT_EMAIL = '{partner = {strategy = "email", providers = ["smtp"]}}'


@pytest.mark.parametrize(
    "failure", [RuntimeError("a bug"), StoreUnavailable("away"), KeyError("x"), TimeoutError()]
)
def test_a_spending_that_fails_in_any_way_is_no_success(parts, failure):
    """G9, G7: the exception goes up, nothing is granted, and nobody tries again by itself."""
    challenge = start(parts)
    room = parts.room()
    calls = []

    class Failing:
        count_try = room.verification.count_try

        def spend(self, *_args, **_kwargs):
            calls.append(1)
            raise failure

    with pytest.raises(type(failure)):
        verify(
            replace(room, verification=Failing()),
            challenge=challenge,
            unverified_code=right_code(parts, challenge),
            caller=caller(),
        )
    assert [1] == calls
    assert ([], []) == (rows(parts, auth_codes), events_of(parts, Event.CODE_ACCEPTED))


# --- A16: a proof is of the mailbox that the code went to


def test_of_two_spellings_of_one_address_the_first_success_alone_counts(parts):
    """A16: two mailboxes that compare equal; whoever proves his first ends the other, in any order, and at once."""
    for number, order in enumerate([(0, 1), (1, 0), None]):
        spellings = [f"Ada{number}@example.org", f"ada{number}@example.org"]
        browsers = [caller(f"{number}-upper"), caller(f"{number}-lower")]
        opened = [start(parts, it, by=by) for it, by in zip(spellings, browsers, strict=True)]
        codes = [right_code(parts, it) for it in opened]

        def prove(which, opened=opened, codes=codes, browsers=browsers):
            with suppress(*REFUSED):
                return attempt(parts, opened[which], codes[which], browsers[which])
            return None

        results = at_once(prove, 2) if order is None else [prove(which) for which in order]

        winners = [it.challenge.destination for it in results if it]
        assert 1 == len(winners)
        assert winners == [row.destination for row in rows(parts, addresses) if row.address == spellings[1]]


def test_a_challenge_keeps_the_mailbox_it_was_sent_to_when_the_stored_one_changes(parts):
    """A16: the row names it and the code is derived from it, so a proof never moves to another mailbox."""
    attempt(parts, start(parts))
    challenge = start(parts)
    code = right_code(parts, challenge)
    with parts.database.write() as connection:
        connection.execute(update(addresses).values(destination="ADA@example.org"))

    assert "ada@example.org" == find(parts, challenge).destination
    assert code == right_code(parts, find(parts, challenge))
    with parts.database.write() as connection:
        connection.execute(
            update(challenges).where(challenges.c.id == challenge.id).values(destination="eve@example.org")
        )
    with pytest.raises(ChallengeRefused):
        attempt(parts, challenge, code)


def test_an_address_that_was_given_to_nobody_meanwhile_proves_itself_only(parts):
    """A16: when the address's subject goes between start and success, the success makes a new one, not the old."""
    old = attempt(parts, start(parts))
    first = exchange(parts, old.raw_auth_code)
    challenge = start(parts)
    with parts.database.write() as connection:
        connection.execute(delete(addresses))

    again = exchange(parts, attempt(parts, challenge).raw_auth_code)

    assert first.subject_id != again.subject_id
    assert (first.address, again.address) == ("ada@example.org", "ada@example.org")


def test_a_replayed_code_is_recorded_with_whom_it_was_for(parts):
    """E1: the audit names address and challenge of a replay, and of a code that came too late."""
    challenge = start(parts)
    bought = attempt(parts, challenge).raw_auth_code
    exchange(parts, bought)

    exchange(parts, bought)

    (event,) = events_of(parts, Event.AUTH_CODE_REPLAYED)
    assert ("ada@example.org", challenge.id) == (event.address, event.challenge_id)
    exchange(parts, "x" * 43)
    (unknown,) = events_of(parts, Event.AUTH_CODE_REFUSED)
    assert (None, None, "unknown") == (unknown.address, unknown.challenge_id, unknown.detail)
