"""`db fence` ends everything that can still be spent, on each database (threats G3, G5)."""

from __future__ import annotations

import pytest

from sidecar.errors import ChallengeRefused
from sidecar.login.redeem import redeem
from sidecar.login.verify import verify
from sidecar.oidc.signing import SigningKeys
from sidecar.store.key_shelf import SqlKeyShelf
from sidecar.store.outbox import SqlOutbox
from sidecar.store.tables import auth_codes, challenges, messages, metadata
from sidecar.store.voiding import fence, spendable
from tests.flow import caller, right_code, start
from tests.ledger import rows


def test_every_table_of_single_use_things_is_fenced():
    """One that is added later is fenced with the others, if it says `used_at` and `expires_at` as they do."""
    assert {challenges.name, auth_codes.name} <= {table.name for table in spendable()}
    assert all("expires_at" in table.c for table in spendable())
    assert set(spendable()) == {table for table in metadata.tables.values() if "used_at" in table.c}


def test_an_open_challenge_is_void_after_the_fence_and_a_new_one_works(parts):
    challenge = start(parts)
    code = right_code(parts, challenge)

    assert 1 == fence(parts.database)["challenges"]

    with pytest.raises(ChallengeRefused):
        verify(parts.room(), challenge=challenge, unverified_code=code, caller=caller())
    fresh = start(parts)
    assert verify(parts.room(), challenge=fresh, unverified_code=right_code(parts, fresh), caller=caller())


def test_an_authorization_code_is_void_after_the_fence(parts):
    challenge = start(parts)
    code = right_code(parts, challenge)
    bought = verify(parts.room(), challenge=challenge, unverified_code=code, caller=caller()).raw_auth_code

    assert 1 == fence(parts.database)["auth_codes"]

    assert redeem(parts.room(), realm="acme", connection="email", unverified_auth_code=bought) is None


def test_what_ran_out_just_now_stays_void_when_the_clock_is_set_back(parts, clock):
    challenge = start(parts)
    clock.shift(seconds=3_600)
    fence(parts.database)
    clock.shift(seconds=-3_600)

    with pytest.raises(ChallengeRefused):
        verify(
            parts.room(), challenge=challenge, unverified_code=right_code(parts, challenge), caller=caller()
        )


def test_a_message_that_waits_is_not_sent_any_more(parts):
    start(parts)

    assert 1 == fence(parts.database)["messages"]

    assert SqlOutbox(parts.database).take("w", claim_s=30) is None
    assert [("failed", "fenced")] == [(row.status, row.reason) for row in rows(parts, messages)]


def test_the_signing_keys_are_new_after_the_fence(parts):
    """G5: a backup brings keys back that were revoked since."""
    shelf = SqlKeyShelf(parts.database)
    SigningKeys(shelf, parts.keys).ensure("acme")
    old = shelf.keys("acme")[0].kid

    fence(parts.database)
    SigningKeys(shelf, parts.keys).ensure("acme")

    assert [old] != [key.kid for key in shelf.keys("acme")]
    assert 1 == len(shelf.keys("acme"))


def test_a_second_fence_finds_nothing_more(parts):
    start(parts)
    fence(parts.database)

    assert {0} == set(fence(parts.database).values())


def test_a_used_challenge_keeps_the_time_it_was_used_at(parts):
    """The audit is not rewritten."""
    challenge = start(parts)
    verify(parts.room(), challenge=challenge, unverified_code=right_code(parts, challenge), caller=caller())
    before = [(row.used_at, row.retired_at) for row in rows(parts, challenges)]

    fence(parts.database)

    assert before == [(row.used_at, row.retired_at) for row in rows(parts, challenges)]
