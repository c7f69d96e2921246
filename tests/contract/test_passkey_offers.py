"""A passkey is offered between a proof and its authorization code: who is asked, and that no answer buys two codes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.errors import ChallengeNotFound, KeycloakUnavailable
from sidecar.login import passkeys as offering
from sidecar.login.passkeys import TakingBack
from sidecar.login.redeem import redeem
from sidecar.login.verify import verify
from sidecar.model.events import Event
from sidecar.store import records
from tests.accounts import Users
from tests.flow import at_once, caller, right_code, start
from tests.ledger import events_of

ADA, EVE = caller("ada"), caller("eve", "203.0.113.9")
_DAY_S = 86_400


@pytest.fixture
def users():
    return Users()


@pytest.fixture
def says():
    """What the realm says of passkeys."""
    return "offer"


@pytest.fixture
def parts(parts, settings_for, database_url, users, says):
    settings = settings_for(database_url, REALMS__ACME__PASSKEYS=says, REALMS__ACME__SERVICE_ACCOUNT="true")
    return replace(parts, settings=settings, users=users)


def proven(parts, by=ADA):
    challenge = start(parts, by=by)
    return verify(
        parts.room(), challenge=challenge, unverified_code=right_code(parts, challenge), caller=by
    ).challenge


def offered(parts, by=ADA):
    """A challenge whose person is being asked."""
    challenge = proven(parts, by)
    assert parts.passkeys().is_offered(challenge)
    return challenge


def spent(parts, raw_auth_code):
    return redeem(parts.room(), realm="acme", connection="email", unverified_auth_code=raw_auth_code)


def subject_of(parts):
    return next(iter({detail.split()[0] for detail in details(parts, Event.SUBJECT_CREATED)}))


def details(parts, event):
    return [it.detail for it in events_of(parts, event)]


def test_whoever_has_none_is_asked_and_goes_on_with_either_answer(parts, users):
    for is_wanted in (False, True):
        challenge = offered(parts)
        assert parts.passkeys().is_waiting(challenge, ADA)
        raw_auth_code = parts.passkeys().answered(challenge, ADA, is_wanted=is_wanted)
        grant = spent(parts, raw_auth_code)
        assert grant.subject_id == subject_of(parts)
        assert grant.amr == ("otp", "email")
        assert users.asked == ({grant.subject_id} if is_wanted else set())
        users.asked.clear()
        forget_answers(parts)
    assert len(events_of(parts, Event.PASSKEY_OFFERED)) == 2
    assert len(events_of(parts, Event.PASSKEY_DECLINED)) == len(events_of(parts, Event.PASSKEY_WANTED)) == 1


def forget_answers(parts):
    with parts.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM passkey_offers")


@pytest.mark.parametrize("kind", ["keyed", "asked", "unknown"])
def test_whoever_has_one_or_is_asked_already_or_is_no_user_yet_is_not_asked(parts, users, kind):
    proven(parts)
    getattr(users, kind).add(subject_of(parts))

    assert not parts.passkeys().is_offered(proven(parts))
    assert [] == events_of(parts, Event.PASSKEY_OFFERED)


def test_a_no_holds_for_as_long_as_the_realm_says(parts, clock):
    parts.passkeys().answered(offered(parts), ADA, is_wanted=False)

    clock.shift(seconds=29 * _DAY_S)
    assert not parts.passkeys().is_offered(proven(parts))
    clock.shift(seconds=_DAY_S + 1)
    offered(parts)


@pytest.mark.parametrize("says", ["require"])
def test_a_realm_that_requires_one_takes_no_no(parts, users):
    parts.passkeys().answered(offered(parts), ADA, is_wanted=False)

    assert users.asked == {subject_of(parts)}
    assert not parts.passkeys().may_decline(offered(parts))


@pytest.mark.parametrize("says", ["allow", "off"])
def test_other_realms_ask_nobody_and_keycloak_nothing(parts, users):
    assert not parts.passkeys().is_offered(proven(parts))
    assert users.calls == 0


def test_without_keycloak_a_login_goes_on_and_only_the_first_waits_for_it(parts, users):
    users.away = True
    passkeys = parts.passkeys()
    for _ in range(3):
        assert not passkeys.is_offered(proven(parts))
    assert users.calls == 1


def test_without_keycloak_a_yes_goes_on_too(parts, users):
    challenge = offered(parts)
    users.away = True
    assert spent(parts, parts.passkeys().answered(challenge, ADA, is_wanted=True))


def test_the_code_of_before_the_answer_is_worth_nothing(parts):
    """What the answer gives is the only code: the one that waited is gone."""
    challenge = start(parts, by=ADA)
    verified = verify(
        parts.room(), challenge=challenge, unverified_code=right_code(parts, challenge), caller=ADA
    )
    assert parts.passkeys().is_offered(verified.challenge)
    raw_auth_code = parts.passkeys().answered(verified.challenge, ADA, is_wanted=False)

    assert spent(parts, verified.raw_auth_code) is None
    assert spent(parts, raw_auth_code)
    assert spent(parts, raw_auth_code) is None


def test_another_browser_neither_sees_nor_gives_the_answer(parts):
    """B2, B3."""
    challenge = offered(parts)

    assert not parts.passkeys().is_waiting(challenge, EVE)
    with pytest.raises(ChallengeNotFound):
        parts.passkeys().answered(challenge, EVE, is_wanted=True)
    assert parts.passkeys().is_waiting(challenge, ADA)


def test_of_sixteen_answers_at_once_one_counts(parts):
    """A5."""
    challenge = offered(parts)
    passkeys = parts.passkeys()
    given = at_once(lambda n: passkeys.answered(challenge, ADA, is_wanted=n % 2 == 0), 16)

    codes = [it for it in given if isinstance(it, str)]
    assert len(codes) == 1
    assert {type(it) for it in given if not isinstance(it, str)} == {ChallengeNotFound}
    assert spent(parts, codes[0])
    assert len(events_of(parts, Event.PASSKEY_DECLINED) + events_of(parts, Event.PASSKEY_WANTED)) == 1


def test_an_answer_that_comes_too_late_or_again_is_refused(parts, clock):
    challenge = offered(parts)
    parts.passkeys().answered(challenge, ADA, is_wanted=False)
    with pytest.raises(ChallengeNotFound):
        parts.passkeys().answered(challenge, ADA, is_wanted=False)

    forget_answers(parts)
    challenge = offered(parts)
    clock.shift(seconds=offering.HELD_S + 1)
    assert not parts.passkeys().is_waiting(challenge, ADA)
    with pytest.raises(ChallengeNotFound):
        parts.passkeys().answered(challenge, ADA, is_wanted=False)


def test_this_was_not_me_voids_what_waits(parts, clock):
    """A15: the person who was asked may be a thief, and the mail's reader says so."""
    challenge = offered(parts)
    clock.shift(seconds=90)
    parts.room().complaints.deny(challenge)

    with pytest.raises(ChallengeNotFound):
        parts.passkeys().answered(challenge, ADA, is_wanted=True)


def test_a_code_that_keycloak_redeemed_can_not_be_held_any_more(parts):
    challenge = start(parts, by=ADA)
    verified = verify(
        parts.room(), challenge=challenge, unverified_code=right_code(parts, challenge), caller=ADA
    )
    assert spent(parts, verified.raw_auth_code)

    assert not parts.passkeys().is_offered(verified.challenge)
    assert not parts.passkeys().offers.hold(verified.challenge, life_s=600)


def test_an_abandoned_registration_is_taken_back_at_the_next_login(parts, users):
    parts.passkeys().answered(offered(parts), ADA, is_wanted=True)
    assert users.asked

    challenge = offered(parts)

    assert not users.asked
    parts.passkeys().answered(challenge, ADA, is_wanted=False)
    assert parts.passkeys().offers.wanted(before_s=0, limit=9) == []


def test_an_abandoned_registration_is_taken_back_by_the_worker_after_a_while(parts, users, clock):
    passkeys = parts.passkeys()
    passkeys.answered(offered(parts), ADA, is_wanted=True)
    assert passkeys.take_back_abandoned() == 0

    clock.shift(seconds=offering.ABANDONED_S + 1)
    users.away = True
    TakingBack(passkeys)()
    with pytest.raises(KeycloakUnavailable):
        passkeys.take_back_abandoned()
    assert users.asked
    users.away = False

    assert passkeys.take_back_abandoned() == 1
    assert not users.asked
    assert passkeys.take_back_abandoned() == 0


def test_what_was_answered_is_exported_and_erased_with_the_address(parts):
    parts.passkeys().answered(offered(parts), ADA, is_wanted=False)
    which = {"realm": "acme", "address": "ada@example.org"}

    assert len(records.export(parts.database, **which)["passkey_offers"]) == 1
    assert records.erase(parts.database, **which)["passkey_offers"] == 1
