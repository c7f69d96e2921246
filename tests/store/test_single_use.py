"""What may be used once is used once, on each database (threats A5, E1, E10, E18, G6)."""

from __future__ import annotations

from collections import Counter

import pytest

from sidecar.errors import ChallengeRefused
from sidecar.login.redeem import redeem
from sidecar.login.verify import verify
from sidecar.model.events import Event
from sidecar.model.proof import NewGrant
from sidecar.model.signing import NewKey
from sidecar.store.assertions import SqlUsedAssertions
from sidecar.store.key_shelf import SqlKeyShelf
from sidecar.store.tables import auth_codes, signing_keys
from tests.flow import at_once, caller, right_code, start
from tests.ledger import events_of, rows


def auth_code(parts) -> str:
    challenge = start(parts)
    code = right_code(parts, challenge)
    return verify(parts.room(), challenge=challenge, unverified_code=code, caller=caller()).raw_auth_code


def test_of_sixteen_redemptions_at_once_one_gets_the_grant(parts):
    """E1: and the fifteen others are recorded as replays."""
    code = auth_code(parts)

    grants = at_once(
        lambda _: redeem(parts.room(), realm="acme", connection="email", unverified_auth_code=code), 16
    )

    assert {"Grant": 1, "NoneType": 15} == Counter(type(grant).__name__ for grant in grants)
    assert 1 == len(events_of(parts, Event.AUTH_CODE_REDEEMED))
    assert 15 == len(events_of(parts, Event.AUTH_CODE_REPLAYED))


def test_a_redeemed_code_stays_redeemed_when_the_clock_goes_back(parts, clock):
    """E10."""
    code = auth_code(parts)
    redeem(parts.room(), realm="acme", connection="email", unverified_auth_code=code)
    clock.shift(seconds=-3_600)

    assert redeem(parts.room(), realm="acme", connection="email", unverified_auth_code=code) is None


def test_a_used_code_stays_used_when_the_clock_goes_back(parts, clock):
    """E10, A5."""
    challenge = start(parts)
    right = right_code(parts, challenge)
    verify(parts.room(), challenge=challenge, unverified_code=right, caller=caller())
    clock.shift(seconds=-3_600)

    with pytest.raises(ChallengeRefused):
        verify(parts.room(), challenge=challenge, unverified_code=right, caller=caller())


def test_an_authorization_code_is_kept_as_a_mac_of_its_realm_and_connection(parts):
    """A9, A11: the row is found for the right issuer only."""
    code = auth_code(parts)
    row = rows(parts, auth_codes)[0]

    for realm, connection in (("other", "email"), ("acme", "partner")):
        assert redeem(parts.room(), realm=realm, connection=connection, unverified_auth_code=code) is None
        assert parts.room().auth_codes.redeem([row.code_mac], realm=realm, connection=connection) is None
    assert redeem(parts.room(), realm="acme", connection="email", unverified_auth_code=code)


@pytest.mark.parametrize("state", ["used", "retired", "expired", "suppressed"])
def test_spending_is_guarded_in_its_own_statement(parts, clock, state):
    """A5, A7, A14: whatever was read before, the statement that spends looks again."""
    from sqlalchemy import update

    from sidecar.store.tables import challenges

    challenge = start(parts)
    values = {
        "used": {"used_at": 1},
        "retired": {"retired_at": 1},
        "expired": {"expires_at": 1},
        "suppressed": {"is_suppressed": True},
    }[state]
    with parts.database.write() as connection:
        connection.execute(update(challenges).values(**values))

    with pytest.raises(ChallengeRefused):
        parts.room().verification.spend(
            challenge,
            caller().macs(parts.keys),
            NewGrant(auth_code_mac="m", subject_id="email.x", lifetime_s=60, amr=("otp",)),
            network="n",
        )
    assert [] == rows(parts, auth_codes)


def test_of_sixteen_uses_of_an_assertion_at_once_one_is_the_first(parts):
    """E18, G6: the unique key decides."""
    used = SqlUsedAssertions(parts.database)

    firsts = at_once(lambda _: used.use(realm="acme", connection="email", jti_mac="m", keep_s=60), 16)

    assert {True: 1, False: 15} == Counter(firsts)


def test_an_assertion_of_another_realm_is_another(parts):
    used = SqlUsedAssertions(parts.database)

    assert all(used.use(realm=it, connection="email", jti_mac="m", keep_s=60) for it in ("acme", "other"))


def test_processes_that_start_at_once_agree_on_one_signing_key(parts):
    """E9: two current keys would make half of the tokens unverifiable."""
    shelf = SqlKeyShelf(parts.database)

    def add(number: int) -> None:
        shelf.add_first(
            "fresh", NewKey(kid=f"k{number}", public_jwk="{}", wrapped_private_jwk="x", key_id="s")
        )

    assert [None] * 8 == at_once(add, 8)
    assert 1 == sum(row.realm == "fresh" for row in rows(parts, signing_keys))


def test_the_mac_of_an_authorization_code_is_bound_to_realm_and_connection(parts):
    """A11: even a store that forgot to ask for them finds nothing."""
    from sidecar.login.verify import auth_code_macs

    found = [
        set(auth_code_macs(parts.room(), *where, "x" * 43))
        for where in (("acme", "email"), ("acme", "partner"), ("other", "email"))
    ]

    assert 3 == len(set.union(*found))
