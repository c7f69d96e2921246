"""Existing users are linked by what is verified, each address with one of them, on SQLite and on PostgreSQL."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import replace

import pytest

from sidecar.errors import KeycloakUnavailable, UsersRefused
from sidecar.login.verify import verify
from sidecar.model.events import Event
from sidecar.store.candidates import DiskCandidates
from sidecar.store.links import SqlLinks
from sidecar.store.tables import addresses, auth_codes, subjects
from sidecar.users.linking import Linking, Outcome
from sidecar.users.ports import Identity
from sidecar.users.undoing import Undone, undo
from tests.flow import at_once, caller, right_code, start
from tests.ledger import events, events_of, rows
from tests.users.realm import Realm, user


def linking(parts, realm, candidates, connection="email", attribute=""):
    settings = parts.settings.realms["acme"]
    return Linking(
        realm=settings,
        connection=settings.connections[connection],
        attribute=attribute,
        directory=realm,
        candidates=candidates,
        links=SqlLinks(parts.database),
    )


def link(parts, realm, **options):
    """One run: what was found, and what was done."""
    with closing(DiskCandidates()) as candidates:
        run = linking(parts, realm, candidates, **options)
        survey, outcome = run.survey(), Outcome()
        run.carry_out(outcome)
        return survey, outcome


def log_in(parts, name="ada"):
    challenge = start(parts, f"{name}@example.org", by=caller(name))
    verify(
        parts.room(),
        challenge=challenge,
        unverified_code=right_code(parts, challenge),
        caller=caller(name),
    )


def subject_after(parts, name):
    """Whom a login with the user's address stands for."""
    log_in(parts, name)
    return next(row for row in rows(parts, auth_codes) if row.address == f"{name}@example.org").subject_id


def test_a_login_stands_for_the_user_who_was_linked(parts):
    realm = Realm([user(name) for name in ("ada", "grace", "edsger", "barbara")])

    survey, outcome = link(parts, realm)

    assert (survey.users, survey.to_link, outcome.linked, outcome.refused) == (4, 4, 4, [])
    subject = subject_after(parts, "grace")
    assert realm.identities("id-grace") == (Identity("email", subject, "grace@example.org"),)
    assert 4 == len({row.subject_id for row in rows(parts, addresses)}) == len(rows(parts, subjects))


def test_a_second_run_changes_nothing(parts):
    realm = Realm([user("ada"), user("grace")])
    link(parts, realm)
    before, written = dict(realm.links), len(events(parts))

    survey, outcome = link(parts, realm)

    assert (survey.to_link, survey.already, outcome.linked) == (0, 2, 0)
    assert realm.links == before
    assert len(events(parts)) == written


def test_nobody_is_linked_by_what_is_not_verified(parts):
    realm = Realm(
        [
            user("unverified", is_email_verified=False),
            user("disabled", is_enabled=False),
            user("without", email=""),
            user("odd", email='"a b"@example.org'),
        ]
    )

    survey, outcome = link(parts, realm)

    assert survey.skipped == {"unverified": 1, "disabled": 1, "no_address": 1, "not_taken": 1}
    assert (outcome.linked, realm.links, rows(parts, subjects)) == (0, {}, [])


def test_of_users_who_share_an_address_none_is_linked(parts):
    realm = Realm([user("ada"), user("grace"), user("Ada.2", email="ADA@example.org")])

    with closing(DiskCandidates()) as candidates:
        run = linking(parts, realm, candidates)
        survey, outcome = run.survey(), Outcome()
        run.carry_out(outcome)
        assert list(candidates.duplicates()) == [("ada@example.org", ["Ada.2", "ada"])]

    assert (survey.duplicates, survey.to_link, outcome.linked) == (1, 1, 1)
    assert list(realm.links) == ["id-grace"]


def test_an_unverified_twin_is_no_reason_to_leave_the_owner_out(parts):
    realm = Realm([user("ada"), user("mallory", email="ada@example.org", is_email_verified=False)])

    link(parts, realm)

    assert list(realm.links) == ["id-ada"]


def test_an_attribute_counts_only_if_nobody_but_admins_writes_it(parts):
    number = {"second_address": ("Ada@Example.org",)}
    realm = Realm(
        [
            user("ada", email="", is_email_verified=False, attributes=number),
            user("grace", attributes={"second_address": ("a@example.org", "b@example.org")}),
        ]
    )
    for writers in ("lets others edit it (user)", "the realm's user profile does not have it"):
        realm.writers = {"second_address": writers}
        with pytest.raises(UsersRefused, match="can't be trusted"):
            link(parts, realm, attribute="second_address")
    for field in ("email", "username"):
        with pytest.raises(UsersRefused, match="field of Keycloak's own"):
            link(parts, realm, attribute=field)
    assert realm.links == {}

    realm.writers = {"second_address": ""}
    survey, outcome = link(parts, realm, attribute="second_address")

    assert (outcome.linked, survey.skipped) == (1, {"no_address": 1})
    assert realm.of("id-ada", "email").name == "ada@example.org"


def test_cut_off_after_any_write_the_next_run_ends_it(parts):
    names = [f"u{number}" for number in range(8)]
    realm = Realm([user(name) for name in names])
    for _ in names:
        realm.writes = 1
        with suppress(KeycloakUnavailable):
            link(parts, realm)
        linked = [user_id for user_id in realm.links if realm.links[user_id]]
        for user_id in linked:
            held = realm.of(user_id, "email")
            assert [user_id] == realm.holders("email", held.subject_id)

    realm.writes = 100
    survey, outcome = link(parts, realm)

    assert survey.already + outcome.linked == len(names) == len(realm.links)
    assert len(names) == len(rows(parts, addresses)) == len(rows(parts, subjects))
    for name in names:
        assert realm.of(f"id-{name}", "email").subject_id == subject_after(parts, name)


def test_whoever_signed_in_before_keeps_the_subject(parts, clock):
    subject = subject_after(parts, "ada")
    clock.shift(seconds=3600)
    realm = Realm([user("ada"), user("grace")])

    _, outcome = link(parts, realm)

    assert outcome.linked == 2
    assert realm.of("id-ada", "email").subject_id == subject
    assert realm.asked == [subject]


def test_an_address_that_signs_in_to_another_user_is_refused(parts, clock):
    subject = subject_after(parts, "ada")
    clock.shift(seconds=3600)
    other = user("other", email="other@example.org")
    realm = Realm([user("ada"), other], {"id-other": [Identity("email", subject, "ada@example.org")]})

    _, outcome = link(parts, realm)

    assert [("taken", "ada")] == [(reason, who.username) for reason, who in outcome.refused]
    assert realm.identities("id-ada") == ()


def test_while_somebody_signs_in_with_an_address_it_is_left_alone(parts, clock):
    log_in(parts, "ada")
    realm = Realm([user("ada")])
    clock.shift(seconds=1700)
    _, outcome = link(parts, realm)
    assert [("busy", "ada")] == [(reason, who.username) for reason, who in outcome.refused]
    assert realm.links == {}

    clock.shift(seconds=200)
    _, outcome = link(parts, realm)
    assert outcome.linked == 1


def test_whoever_signs_in_between_the_two_writes_is_not_linked_twice(parts, clock):
    realm = Realm([user("ada"), user("grace")])
    realm.before_link = lambda user_id: log_in(parts, "ada") if user_id == "id-ada" else None

    _, outcome = link(parts, realm)

    assert [("busy", "ada")] == [(reason, who.username) for reason, who in outcome.refused]
    assert realm.identities("id-ada") == ()
    assert outcome.linked == 1
    assert [event.address for event in events_of(parts, Event.USER_LINKED)] == ["grace@example.org"]
    clock.shift(seconds=3600)
    realm.before_link = lambda _: None
    assert link(parts, realm)[1].linked == 1


def test_users_who_come_or_go_meanwhile_are_counted(parts):
    realm = Realm([user("ada"), user("grace"), user("edsger")])

    def meanwhile(user_id):
        realm.people = [each for each in realm.people if each.id != "id-grace"]
        realm.links.setdefault("id-edsger", [Identity("email", "email.own", "own@example.org")])

    realm.before_link = meanwhile

    _, outcome = link(parts, realm)

    assert (outcome.linked, outcome.gone, outcome.already) == (1, 1, 1)
    assert realm.of("id-edsger", "email").subject_id == "email.own"


def test_two_runs_at_once_agree_on_one_subject_for_each(parts):
    realm = Realm([user(f"u{number}") for number in range(20)])

    results = at_once(lambda _: link(parts, realm), 2)

    assert not [result for result in results if isinstance(result, Exception)]
    assert 20 == len(rows(parts, addresses)) == len(rows(parts, subjects)) == len(realm.links)
    for row in rows(parts, addresses):
        assert realm.holders("email", row.subject_id) == [f"id-{row.address.partition('@')[0]}"]


def test_the_ledger_says_who_was_linked(parts):
    link(parts, Realm([user("ada")]))

    (row,) = rows(parts, addresses)
    assert [
        ("subject_created", row.subject_id),
        ("user_link_begun", f"{row.subject_id} id-ada"),
        ("user_linked", f"{row.subject_id} id-ada"),
    ] == [(event.type, event.detail) for event in events(parts)]
    assert {(row.realm, row.connection, row.address)} == {
        (event.realm, event.connection, event.address) for event in events(parts)
    }


def take_out(parts, realm, *, is_dry_run=False):
    undone = Undone()
    undo(
        "acme",
        "email",
        directory=realm,
        links=SqlLinks(parts.database),
        undone=undone,
        is_dry_run=is_dry_run,
    )
    return undone


def test_what_was_made_and_not_used_is_taken_out_again(parts, clock):
    own = Identity("email", "email.own", "own@example.org")
    realm = Realm([user("ada"), user("grace"), user("own")], {"id-own": [own]})
    link(parts, realm)
    log_in(parts, "ada")
    clock.shift(seconds=90 * 86400)

    assert take_out(parts, realm, is_dry_run=True).taken_out == 1
    assert len(realm.links["id-grace"]) == 1
    undone = take_out(parts, realm)

    assert (undone.taken_out, undone.used, undone.gone) == (1, 1, 0)
    assert realm.identities("id-grace") == ()
    assert realm.of("id-ada", "email")
    assert realm.identities("id-own") == (own,)
    assert ["ada@example.org"] == [row.address for row in rows(parts, addresses)]
    assert 1 == len(rows(parts, subjects))
    assert take_out(parts, realm) == Undone(used=1)


def test_a_link_that_somebody_made_anew_stays(parts):
    realm = Realm([user("ada")])
    link(parts, realm)
    own = Identity("email", "email.own", "ada@example.org")
    realm.links["id-ada"] = [own]

    undone = take_out(parts, realm)

    assert (undone.taken_out, undone.gone) == (0, 1)
    assert realm.identities("id-ada") == (own,)


def test_undoing_is_cut_off_and_goes_on(parts):
    realm = Realm([user(f"u{number}") for number in range(5)])
    for _ in range(5):
        realm.writes = 1
        with suppress(KeycloakUnavailable):
            link(parts, realm)
    realm.writes = 2
    with suppress(KeycloakUnavailable):
        take_out(parts, realm)
    realm.writes = 100

    take_out(parts, realm)

    assert not any(realm.links.values())
    assert rows(parts, addresses) == [] == rows(parts, subjects)


def test_numbers_need_an_attribute(parts):
    settings = parts.settings.realms["acme"]
    texts = replace(settings.connections["email"], id="sms", strategy="sms")
    with (
        closing(DiskCandidates()) as candidates,
        pytest.raises(UsersRefused, match="verifies no phone numbers"),
    ):
        Linking(
            realm=settings,
            connection=texts,
            attribute="",
            directory=Realm(),
            candidates=candidates,
            links=SqlLinks(parts.database),
        )
