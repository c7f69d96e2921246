"""An account's addresses on SQLite and on PostgreSQL: whose they are, what one code is good for, and the way back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import insert

from sidecar.errors import ChallengeNotFound, ChallengeRefused, InvalidRequest, RateLimited
from sidecar.login import account as steps
from sidecar.login import not_me
from sidecar.login.account import AccountRoom
from sidecar.login.verify import verify
from sidecar.model.challenge import Purpose
from sidecar.model.email import parse_email
from sidecar.model.events import Event
from sidecar.model.own_account import Account, Outcome, OwnAddress
from sidecar.store.account_book import CHANGES_PER_DAY, SqlAccountBook
from sidecar.store.account_sessions import SqlAccountSessions
from sidecar.store.retention import SqlRetention
from sidecar.store.tables import account_changes, account_sessions, addresses, challenges, messages
from tests.account_keycloak import Users
from tests.flow import ASKER, at_once, caller, right_code, start, wrong_code
from tests.ledger import events_of, rows

ADA, EVE = "ada@example.org", "eve@example.org"


@pytest.fixture
def users():
    return Users()


@pytest.fixture
def room(parts, users):
    return AccountRoom(login=parts.room(), book=SqlAccountBook(parts.database), accounts=users)


@pytest.fixture
def account_of(parts, users):
    """The account of an address, which signs in now."""

    def make(address: str, user_id: str) -> Account:
        challenge = start(parts, address, by=caller(user_id))
        verify(
            parts.room(),
            challenge=challenge,
            unverified_code=right_code(parts, challenge),
            caller=caller(user_id),
        )
        found = next(row.subject_id for row in rows(parts, addresses) if row.address == address)
        users.known[user_id] = Account(
            realm="acme", id=user_id, email=address, subjects={"email": found}, has_another_way=False
        )
        return users.known[user_id]

    return make


@pytest.fixture
def ada(account_of):
    return account_of(ADA, "user-ada")


def begin(room, account, address, *, by=None, connection="email"):
    return steps.begin(
        room,
        account,
        connection=connection,
        address=parse_email(address),
        caller=by or caller(account.id),
        asker=ASKER,
        locale="en",
    )


def confirm(room, parts, account, challenge, *, by=None, code=None):
    return steps.confirm(
        room,
        account,
        challenge=challenge,
        unverified_code=code or right_code(parts, challenge),
        caller=by or caller(account.id),
    )


def add(room, parts, account, address, **given):
    return confirm(room, parts, account, begin(room, account, address, **given))


def own(room, account, address):
    return next(it for it in room.addresses(account) if it.address == address)


def remove(room, account, which):
    steps.remove(room, account, which, asker=ASKER, locale="en")


def listed(room, account):
    return [it.address for it in room.addresses(account)]


def notices(parts):
    """Whom a notice goes to, and its challenge, the newest last."""
    of_notice = {row.id: row for row in rows(parts, challenges) if row.purpose == Purpose.NOTICE}
    return [of_notice[row.challenge_id] for row in rows(parts, messages) if row.challenge_id in of_notice]


def token(parts, notice):
    challenge = parts.room().challenges.of_message(notice.id, within_s=3600)
    return steps.token_for(parts.keys, challenge)


def sign_in(parts, address):
    """The subject that an address signs in to."""
    challenge = start(parts, address, by=caller(f"browser of {address}"))
    code = right_code(parts, challenge)
    verify(parts.room(), challenge=challenge, unverified_code=code, caller=caller(f"browser of {address}"))
    return next(row.subject_id for row in rows(parts, addresses) if row.address == address)


def test_an_added_address_signs_in_to_the_same_subject_and_the_others_are_told(room, parts, ada):
    assert Outcome.ADDED is add(room, parts, ada, "work@example.org")

    assert [ADA, "work@example.org"] == listed(room, ada)
    assert [ADA] == [it.address for it in notices(parts)]
    assert ada.subjects["email"] == sign_in(parts, "work@example.org")
    assert 1 == len(events_of(parts, Event.ADDRESS_ADDED))


def test_a_connection_that_is_new_to_the_user_is_linked_in_keycloak(room, parts, users, ada):
    assert Outcome.ADDED is add(room, parts, ada, "ada@partner.example", connection="partner")

    linked = users.known[ada.id]
    assert linked.subjects["partner"].startswith("partner.")
    assert ["ada@partner.example"] == listed(
        room, replace(linked, subjects={"partner": linked.subjects["partner"]})
    )
    assert Outcome.ADDED is add(room, parts, linked, "other@partner.example", connection="partner")
    assert 3 == len(listed(room, linked))


def test_a_code_that_adds_signs_nobody_in(room, parts, ada):
    """A11: whoever talks its owner out of it has not their login."""
    challenge = begin(room, ada, "work@example.org")

    with pytest.raises(ChallengeRefused):
        verify(
            room.login,
            challenge=challenge,
            unverified_code=right_code(parts, challenge),
            caller=caller(ada.id),
        )
    assert [ADA] == listed(room, ada)


def test_a_code_that_signs_in_adds_nothing(room, parts, ada):
    """A11: nor does a page that asked for a login hang the address on whoever is signed in."""
    challenge = start(parts, "work@example.org", by=caller(ada.id))

    with pytest.raises(ChallengeRefused):
        confirm(room, parts, ada, challenge)
    assert [ADA] == listed(room, ada)


def test_the_codes_of_two_purposes_differ(room, parts, ada):
    challenge = begin(room, ada, "work@example.org")

    assert right_code(parts, challenge) != right_code(parts, replace(challenge, purpose=Purpose.LOGIN))


def test_a_code_adds_to_the_account_that_asked_for_it_and_to_no_other(room, parts, ada, account_of):
    eve = account_of(EVE, "user-eve")
    challenge = begin(room, ada, "work@example.org")

    with pytest.raises(ChallengeRefused):
        confirm(room, parts, eve, challenge, by=caller(ada.id))
    assert [EVE] == listed(room, eve)


def test_it_is_tried_as_often_as_any_code_and_in_its_browser_only(room, parts, ada):
    challenge = begin(room, ada, "work@example.org")
    with pytest.raises(ChallengeRefused):
        confirm(room, parts, ada, challenge, by=caller("another browser"))
    for _ in range(5):
        with pytest.raises(ChallengeRefused):
            confirm(room, parts, ada, challenge, code=wrong_code(parts, challenge))

    with pytest.raises(ChallengeRefused):
        confirm(room, parts, ada, challenge)


def test_an_address_with_a_profile_of_its_own_stays_where_it_is(room, parts, ada, account_of):
    eve = account_of(EVE, "user-eve")

    assert Outcome.TAKEN is add(room, parts, ada, EVE)

    assert [EVE] == listed(room, eve)
    assert [ADA] == listed(room, ada)
    assert [] == notices(parts)
    assert Outcome.OWN is add(room, parts, ada, ADA)


def test_of_two_accounts_that_add_an_address_at_once_one_gets_it(room, parts, ada, account_of):
    eve = account_of(EVE, "user-eve")
    both = [(it, begin(room, it, "shared@example.org")) for it in (ada, eve)]

    outcomes = at_once(lambda number: confirm(room, parts, *both[number]), 2)

    # A success suppresses the other's code, if that was not spent before.
    assert 1 == outcomes.count(Outcome.ADDED), outcomes
    assert 1 == [*listed(room, ada), *listed(room, eve)].count("shared@example.org")


def test_only_an_accounts_own_address_is_removed_or_made_primary(room, parts, users, ada, account_of):
    """The row says whose it is, whatever a page was made to ask for."""
    eve = account_of(EVE, "user-eve")
    theirs = own(room, ada, ADA)

    for act in (steps.remove, steps.make_primary):
        with pytest.raises(ChallengeNotFound):
            act(room, eve, theirs, asker=ASKER, locale="en")

    assert [ADA] == listed(room, ada)
    assert EVE == users.known[eve.id].email


def test_a_removed_address_signs_in_to_the_account_no_more_not_with_a_code_it_bought(room, parts, ada):
    add(room, parts, ada, "work@example.org")
    challenge = start(parts, "work@example.org", by=caller("work"))
    bought = verify(
        parts.room(), challenge=challenge, unverified_code=right_code(parts, challenge), caller=caller("work")
    )

    remove(room, ada, own(room, ada, "work@example.org"))

    macs = parts.keys.macs("authorization-code", b"acme", b"email", bought.raw_auth_code.encode())
    assert parts.room().auth_codes.redeem(macs, realm="acme", connection="email") is None
    assert ada.subjects["email"] != sign_in(parts, "work@example.org")
    assert [ADA, ADA, "work@example.org"] == [it.address for it in notices(parts)]


def test_the_primary_address_stays_while_there_is_another(room, parts, users, ada):
    add(room, parts, ada, "work@example.org")
    with pytest.raises(InvalidRequest):
        remove(room, ada, own(room, ada, ADA))

    steps.make_primary(room, ada, own(room, ada, "work@example.org"), asker=ASKER, locale="en")

    assert "work@example.org" == users.known[ada.id].email
    remove(room, users.known[ada.id], own(room, ada, ADA))
    assert ["work@example.org"] == listed(room, ada)
    remove(room, users.known[ada.id], own(room, ada, "work@example.org"))
    assert "" == users.known[ada.id].email


def test_whoever_was_told_takes_an_added_address_off_again_once(room, parts, users, ada):
    sessions = SqlAccountSessions(parts.database)
    sessions.open("mac", realm="acme", account=ada.id, auth_age_s=0, lifetime_s=900)
    add(room, parts, ada, "work@example.org")
    steps.make_primary(room, ada, own(room, ada, "work@example.org"), asker=ASKER, locale="en")
    link = token(parts, notices(parts)[0])

    steps.undo(room, link, realm="acme")

    assert [ADA] == listed(room, ada)
    assert ADA == users.known[ada.id].email
    assert [ada.id] == users.signed_out
    assert [] == rows(parts, account_sessions)
    add(room, parts, ada, "work@example.org")
    steps.undo(room, link, realm="acme")
    assert [ADA, "work@example.org"] == listed(room, ada)


def test_a_removal_and_a_new_primary_address_are_taken_back_too(room, parts, users, ada):
    add(room, parts, ada, "work@example.org")
    steps.make_primary(room, ada, own(room, ada, "work@example.org"), asker=ASKER, locale="en")
    steps.undo(room, token(parts, notices(parts)[-1]), realm="acme")
    assert ADA == users.known[ada.id].email

    remove(room, users.known[ada.id], own(room, ada, "work@example.org"))
    to_removed = next(it for it in reversed(notices(parts)) if it.address == "work@example.org")
    steps.undo(room, token(parts, to_removed), realm="acme")

    assert [ADA, "work@example.org"] == sorted(listed(room, ada))


def test_a_removed_address_that_somebody_proved_meanwhile_is_not_taken_back(room, parts, ada):
    add(room, parts, ada, "work@example.org")
    remove(room, ada, own(room, ada, "work@example.org"))
    link = token(parts, notices(parts)[-1])
    theirs = sign_in(parts, "work@example.org")

    steps.undo(room, link, realm="acme")

    assert theirs == sign_in(parts, "work@example.org") != ada.subjects["email"]


def test_a_link_takes_back_its_own_change_in_its_own_realm_for_a_week(room, parts, ada, clock):
    """A11: no other token of ours is one, and none is good for ever."""
    challenge = begin(room, ada, "work@example.org")
    confirm(room, parts, ada, challenge)
    notice = notices(parts)[0]
    told = parts.room().challenges.of_message(notice.id, within_s=3600)
    right = token(parts, notice)
    wrong = right[:-1] + ("A" if right[-1] != "A" else "E")

    for forged in (wrong, not_me.token_for(parts.keys, told), steps.token_for(parts.keys, challenge)):
        with pytest.raises(ChallengeNotFound):
            steps.undo(room, forged, realm="acme")
    with pytest.raises(ChallengeNotFound):
        steps.undo(room, right, realm="other")
    clock.shift(seconds=7 * 86_400 + 1)
    with pytest.raises(ChallengeNotFound):
        steps.undo(room, right, realm="acme")
    assert [ADA, "work@example.org"] == listed(room, ada)


def test_an_account_is_changed_so_often_a_day(room, parts, users, ada, clock):
    """Each change is told to all others: a hijacked page must not send without end."""
    add(room, parts, ada, "work@example.org")
    which = own(room, ada, "work@example.org")
    for _ in range(CHANGES_PER_DAY - 1):
        steps.make_primary(room, ada, which, asker=ASKER, locale="en")

    with pytest.raises(RateLimited) as limited:
        steps.make_primary(room, ada, own(room, ada, ADA), asker=ASKER, locale="en")

    assert "work@example.org" == users.known[ada.id].email
    clock.shift(seconds=limited.value.retry_after_s + 1)
    steps.make_primary(room, ada, own(room, ada, ADA), asker=ASKER, locale="en")


def test_a_session_is_of_its_realm_and_ends(parts, clock):
    sessions = SqlAccountSessions(parts.database)
    sessions.open("mac", realm="acme", account="user-ada", auth_age_s=100, lifetime_s=900)

    found = sessions.find(["another", "mac"], realm="acme")
    assert found
    assert ("user-ada", 100) == (found.account, round((found.read_at - found.auth_time) / 1000))
    assert sessions.find(["mac"], realm="other") is None
    clock.shift(seconds=901)
    assert sessions.find(["mac"], realm="acme") is None
    sessions.end(["mac"])
    assert [] == rows(parts, account_sessions)


def test_what_is_over_is_deleted_and_what_can_be_taken_back_is_not(room, parts, ada, clock):
    retention = SqlRetention(parts.database, parts.settings.retention)
    SqlAccountSessions(parts.database).open("mac", realm="acme", account=ada.id, auth_age_s=0, lifetime_s=900)
    add(room, parts, ada, "work@example.org")
    link = token(parts, notices(parts)[0])
    clock.shift(seconds=6 * 86_400)
    retention.purge()
    assert [] == rows(parts, account_sessions)
    assert "work@example.org" in listed(room, ada)

    steps.undo(room, link, realm="acme")

    assert [ADA] == listed(room, ada)
    clock.shift(seconds=9 * 86_400)
    retention.purge()
    assert [] == rows(parts, account_changes) == notices(parts)


def test_keycloak_holds_no_number_that_was_removed(room, parts, users, ada, clock):
    """C11: its next owner would be let into this account, where a realm links by what Keycloak holds as verified."""
    number = "+447400123456"
    subject = ada.subjects["email"]
    own_number = OwnAddress(
        connection="email", address=number, destination=number, subject_id=subject, proven_at=0
    )
    with parts.database.write() as connection:
        connection.execute(
            insert(addresses).values(
                realm="acme",
                connection="email",
                address=number,
                destination=number,
                subject_id=subject,
                proven_at=0,
            )
        )
    users.known[ada.id] = with_number = replace(ada, number=number)

    remove(room, with_number, own_number)

    assert "" == users.known[ada.id].number
    assert [ADA] == listed(room, ada)
    to_ada = next(it for it in notices(parts) if it.address == ADA)
    steps.undo(room, token(parts, to_ada), realm="acme")
    assert number == users.known[ada.id].number
    assert [ADA, number] == sorted(listed(room, ada), reverse=True)
