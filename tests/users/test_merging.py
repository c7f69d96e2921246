"""Two profiles become one: all that signed in to the one signs in to the other, on SQLite and on PostgreSQL."""

from __future__ import annotations

from contextlib import suppress

import pytest
from sqlalchemy import select

from sidecar.errors import KeycloakUnavailable, RateLimited, UsersRefused
from sidecar.login.verify import verify
from sidecar.model.events import Event
from sidecar.store.merges import SqlMerges
from sidecar.store.tables import addresses, auth_codes, merges
from sidecar.users.merging import PAUSE_S, Conflict, Merging, Move
from sidecar.users.ports import Identity
from tests.flow import at_once, caller, right_code, start, wrong_code
from tests.ledger import events, events_of, rows
from tests.users.realm import Realm, user

ADA, OLD = "id-ada", "id-old"


def log_in(parts, name, connection="email"):
    challenge = start(parts, f"{name}@example.org", by=caller(name), connection=connection)
    return verify(
        parts.room(),
        challenge=challenge,
        unverified_code=right_code(parts, challenge),
        caller=caller(name),
    )


def subject_of(parts, name, connection="email") -> str:
    """The subject that the address stands for now."""
    with parts.database.read() as open_connection:
        return open_connection.execute(
            select(addresses.c.subject_id).where(
                addresses.c.connection == connection, addresses.c.address == f"{name}@example.org"
            )
        ).scalar_one()


@pytest.fixture
def realm(parts, clock):
    """Ada with an address and a social login; a second profile of hers with an address in each connection and more."""
    for name, connection in (("ada", "email"), ("old", "email"), ("old", "partner")):
        log_in(parts, name, connection)
    clock.shift(seconds=3600)
    return Realm(
        [user("ada"), user("old"), user("other")],
        {
            ADA: [
                Identity("email", subject_of(parts, "ada"), "ada@example.org"),
                Identity("social", "s-1", "ada1"),
            ],
            OLD: [
                Identity("email", subject_of(parts, "old"), "old@example.org"),
                Identity("partner", subject_of(parts, "old", "partner"), "old@example.org"),
                Identity("social", "s-2", "ada2"),
                Identity("work", "w-1", "ada@work"),
            ],
        },
        passwords={OLD: ("password",)},
    )


@pytest.fixture
def merging(parts, realm):
    return Merging(
        realms=parts.settings.realms,
        profiles=lambda _: realm,
        merges=SqlMerges(parts.database),
    )


def merge(merging, into=ADA, from_=OLD):
    merging.carry_out(merging.plan("acme", into=into, from_=from_), by="operator")


def signs_in(parts, realm, name, connection="email"):
    """Whom a login with the address reaches."""
    log_in(parts, name, connection)
    return realm.signs_in(connection, subject_of(parts, name, connection))


def test_all_that_signed_in_to_the_one_signs_in_to_the_other(parts, realm, merging):
    merge(merging)

    for name, connection in (("ada", "email"), ("old", "email"), ("old", "partner")):
        assert ADA == signs_in(parts, realm, name, connection)
    assert ADA == realm.signs_in("work", "w-1") == realm.signs_in("social", "s-1")
    assert {"email", "partner", "social", "work"} == {each.alias for each in realm.identities(ADA)}
    (old,) = realm.find(OLD)
    assert (old.is_enabled, old.email) == (False, "")
    assert "refused" == realm.signs_in("social", "s-2")


def test_the_plan_says_all_of_it_and_changes_nothing(parts, realm, merging):
    people, links, written = list(realm.people), dict(realm.links), len(events(parts))

    plan = merging.plan("acme", into=ADA, from_=OLD)

    assert plan.moves == (
        Move(kind="address", alias="email", what="old@example.org"),
        Move(kind="address", alias="partner", what="old@example.org"),
        Move(kind="identity", alias="work", what="ada@work"),
    )
    assert plan.conflicts == (
        Conflict(kind="identity", alias="social", primary="ada1", secondary="ada2"),
        Conflict(kind="email", alias="", primary="ada@example.org", secondary="old@example.org"),
    )
    assert (plan.credentials, plan.refusals, plan.is_begun) == (("password",), (), False)
    assert (realm.people, realm.links, len(events(parts))) == (people, links, written)
    assert rows(parts, merges) == []


def test_once_more_changes_nothing(parts, realm, merging):
    merge(merging)
    people, links = list(realm.people), {name: list(each) for name, each in realm.links.items()}
    moved = rows(parts, addresses)

    plan = merging.plan("acme", into=ADA, from_=OLD)
    merge(merging)

    assert (plan.moves, plan.is_finished, plan.refusals) == ((), True, ())
    assert (realm.people, realm.links, rows(parts, addresses)) == (people, links, moved)


def test_cut_off_after_any_write_no_login_ends_in_between_and_the_next_run_ends_it(parts, realm, merging):
    """With one write of Keycloak's a run, each state in which it can be left is met."""
    runs = 0
    while True:
        runs += 1
        assert runs < 20, "no progress"
        realm.writes = runs % 5
        try:
            merge(merging)
            break
        except KeycloakUnavailable:
            pass
        for name, connection in (("old", "email"), ("old", "partner")):
            ends = realm.signs_in(connection, subject_of(parts, name, connection))
            assert ends in {OLD, ADA, "refused"}, (runs, name, connection)
            if not realm.find(OLD)[0].is_enabled:
                assert ends != OLD
        assert realm.signs_in("work", "w-1") in {OLD, ADA, "refused"}

    assert runs > 3
    for name, connection in (("ada", "email"), ("old", "email"), ("old", "partner")):
        assert ADA == realm.signs_in(connection, subject_of(parts, name, connection))
    assert ADA == realm.signs_in("work", "w-1")
    assert 1 == len(events_of(parts, Event.USER_MERGED)) == len(events_of(parts, Event.USER_MERGE_BEGUN))


def test_an_authorization_code_on_its_way_leads_to_the_primary(parts, realm, merging):
    verified = log_in(parts, "old")

    merge(merging)

    (code,) = [row for row in rows(parts, auth_codes) if row.challenge_id == verified.challenge.id]
    assert ADA == realm.signs_in("email", code.subject_id)


def test_a_token_that_keycloak_has_already_leads_to_nobody_new(parts, realm, merging):
    """Redeemed before the merge, looked up after it."""
    before = subject_of(parts, "old")

    merge(merging)

    assert "refused" == realm.signs_in("email", before)


def test_logins_at_the_same_time_end_with_the_one_or_the_other(parts, realm, merging):
    challenges = [start(parts, "old@example.org", by=caller(f"b{number}")) for number in range(3)]

    def act(number):
        if number == len(challenges):
            return merge(merging)
        challenge = challenges[number]
        code = right_code(parts, challenge)
        return verify(parts.room(), challenge=challenge, unverified_code=code, caller=caller(f"b{number}"))

    at_once(act, len(challenges) + 1)

    assert 1 == len(events_of(parts, Event.USER_MERGED))
    for row in rows(parts, auth_codes):
        if row.used_at is None:
            assert realm.signs_in(row.connection, row.subject_id) in {ADA, "refused"}
    assert ADA == realm.signs_in("email", subject_of(parts, "old"))


def test_a_lock_a_mute_and_what_was_guessed_go_along(parts, realm, merging):
    stranger = caller("stranger", "198.51.100.7")
    for _ in range(2):
        challenge = start(parts, "old@example.org", by=stranger)
        for _ in range(5):
            with suppress(Exception):
                verify(
                    parts.room(),
                    challenge=challenge,
                    unverified_code=wrong_code(parts, challenge),
                    caller=stranger,
                )

    challenge = start(parts, "old@example.org", by=caller("old"))
    parts.room().complaints.deny(challenge)

    merge(merging)

    with pytest.raises(RateLimited, match="failures_per_hour"):
        start(parts, "old@example.org", by=caller("other", "203.0.113.4"))
    parts.room().complaints.unlock("acme", "email", "old@example.org")
    assert start(parts, "old@example.org", by=caller("other", "203.0.113.4")).is_suppressed
    assert not start(parts, "ada@example.org", by=caller("other", "203.0.113.4")).is_suppressed


_REFUSED = (
    ({}, {"from_": ADA}, "into itself"),
    ({ADA: {"is_enabled": False}}, {}, "nobody could sign in"),
    ({OLD: {"is_enabled": False}}, {}, "would be let in through the other"),
    ({"id-other": {"is_email_verified": False}}, {"into": "id-other"}, "nobody has proven"),
    ({}, {}, "locked for now"),
)


def test_what_is_refused_changes_nothing(parts, realm, merging):
    for fields, others, why in _REFUSED:
        realm.people = [user(each.username, **fields.get(each.id, {})) for each in realm.people]
        realm.locked = {OLD} if why == "locked for now" else set()
        people, links = list(realm.people), {name: list(each) for name, each in realm.links.items()}
        who = {"into": ADA, "from_": OLD, **others}

        assert any(why in each for each in merging.plan("acme", **who).refusals)
        with pytest.raises(UsersRefused, match=why):
            merge(merging, **who)

        assert (realm.people, realm.links, rows(parts, merges)) == (people, links, [])


def test_of_two_merges_that_cross_one_is_refused(parts, realm, merging):
    plans = [
        merging.plan("acme", into=ADA, from_=OLD),
        merging.plan("acme", into=OLD, from_=ADA),
    ]

    results = at_once(lambda number: merging.carry_out(plans[number], by="operator"), 2)

    assert 1 == sum(isinstance(result, UsersRefused) for result in results), results
    assert 1 == len(rows(parts, merges))
    assert 1 == sum(each.is_enabled for each in realm.people if each.id in {ADA, OLD})


def test_nobody_is_merged_into_a_secondary_or_twice(parts, realm, merging):
    merge(merging)
    realm.people = [user(each.username) for each in realm.people]

    for into, from_ in ((OLD, "id-other"), ("id-other", OLD)):
        with pytest.raises(UsersRefused, match="another merge"):
            merge(merging, into, from_)
    merge(merging, "id-other", ADA)
    assert "id-other" == realm.signs_in("email", subject_of(parts, "old"))


def test_a_user_is_named_by_what_signs_in_too(parts, realm, merging):
    for raw in ("id-old", "old", "old@example.org", "OLD@example.org"):
        assert OLD == merging.named("acme", raw)
    merge(merging)
    assert ADA == merging.named("acme", "Old@Example.org")
    with pytest.raises(UsersRefused, match="has no user 'nobody'"):
        merging.named("acme", "nobody")
    realm.people.append(user("twin", username="old"))
    with pytest.raises(UsersRefused, match="name one by its id"):
        merging.named("acme", "old")


def test_each_step_is_in_the_ledger(parts, realm, merging):
    begun = len(events(parts))
    into, from_ = subject_of(parts, "ada"), subject_of(parts, "old")

    merge(merging)

    written = events(parts)[begun:]
    assert [
        "user_merge_begun",
        "user_disabled",
        "address_moved",
        "address_moved",
        "identity_moved",
        "user_merged",
    ] == [event.type for event in written]
    assert (f"{OLD} into {ADA} by operator", "old@example.org") == (written[0].detail, written[0].address)
    assert (f"from {from_} into {into}", "old@example.org") == (written[2].detail, written[2].address)


def test_what_takes_it_back_by_hand_is_known_before(parts, realm, merging):
    plan = merging.plan("acme", into=ADA, from_=OLD)

    assert merging.restoring(plan) == (
        "passwordless erase --realm acme --address old@example.org --yes",
        f"in Keycloak, take the identity ada@work of work from {ADA} and give it to {OLD}",
        f"in Keycloak, take from {OLD} what it is linked with by email, partner",
        f"in Keycloak, give {OLD} the email address old@example.org, verified",
        f"in Keycloak, enable {OLD}",
        "passwordless users link acme --connection email",
        "passwordless users link acme --connection partner",
    )


def test_a_secondary_is_deleted_an_hour_later_at_the_earliest(parts, realm, merging, clock):
    with pytest.raises(UsersRefused, match="an hour ago"):
        merging.delete_secondary("acme", "id-other")
    realm.writes = 3
    with suppress(KeycloakUnavailable):
        merge(merging)
    realm.writes = 100
    clock.shift(seconds=2 * PAUSE_S)
    with pytest.raises(UsersRefused, match="an hour ago"):
        merging.delete_secondary("acme", OLD)
    merge(merging)
    clock.shift(seconds=PAUSE_S - 60)
    with pytest.raises(UsersRefused, match="an hour ago"):
        merging.delete_secondary("acme", OLD)
    clock.shift(seconds=120)
    realm.people = [user(each.username) for each in realm.people]
    with pytest.raises(UsersRefused, match="enabled again"):
        merging.delete_secondary("acme", OLD)
    realm.disable(OLD)

    merging.delete_secondary("acme", OLD)

    assert realm.find(OLD) == [] == rows(parts, merges)
    assert ADA == signs_in(parts, realm, "old")
    assert [OLD] == [event.detail for event in events_of(parts, Event.USER_DELETED)]
