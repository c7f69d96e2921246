"""Starts of the API with a key: the first opens a challenge, the same again finds it, another is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.errors import IdempotencyKeyReused, RateLimited
from sidecar.login import tickets
from sidecar.login.addressing import read
from sidecar.login.issue import issue
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.challenge import Once
from sidecar.model.events import Event
from sidecar.store.records import erase
from sidecar.store.retention import SqlRetention
from sidecar.store.tables import challenges, idempotency_keys, messages
from tests.contract.test_tickets import CLIENT, PROGRAM
from tests.flow import ASKER, at_once, right_code
from tests.ledger import events_of, rows

KEY = Once(key_macs=("key", "older key"), body_macs=("body", "older body"))


def begin(parts, once=KEY, address="ada@example.org"):
    return issue(
        parts.room(),
        realm="acme",
        connection="email",
        address=read(address),
        caller=PROGRAM,
        request=AuthorizationRequest.through_api(CLIENT.application),
        asker=ASKER,
        locale="en",
        once=once,
    )


def test_the_same_again_is_the_same_challenge_and_no_second_message(parts):
    first, second = begin(parts), begin(parts)

    assert first.id == second.id
    assert (1, 1) == (len(rows(parts, challenges)), len(rows(parts, messages)))
    assert 1 == len(events_of(parts, Event.CHALLENGE_STARTED))


def test_of_sixteen_at_once_one_opens_it(parts):
    ids = {it.id for it in at_once(lambda _: begin(parts), 16)}

    assert 1 == len(ids)
    assert 1 == len(rows(parts, messages))


def test_of_sixteen_others_at_once_one_has_the_key(parts):
    results = at_once(
        lambda number: begin(parts, replace(KEY, body_macs=(f"body {number}",)), f"user{number}@example.org"),
        16,
    )

    assert 15 == sum(isinstance(it, IdempotencyKeyReused) for it in results)
    assert 1 == len(rows(parts, messages))


def test_another_start_with_it_is_refused(parts):
    begin(parts)

    with pytest.raises(IdempotencyKeyReused):
        begin(parts, replace(KEY, body_macs=("other",)))
    assert 1 == len(rows(parts, messages))


def test_it_is_found_where_the_budget_is_used_up(parts):
    first = begin(parts)
    with pytest.raises(RateLimited):
        for number in range(9):
            begin(parts, replace(KEY, key_macs=(f"key {number}",)))

    assert first.id == begin(parts).id


def test_a_refused_start_leaves_the_key_free(parts):
    with pytest.raises(RateLimited):
        for number in range(9):
            begin(parts, replace(KEY, key_macs=(f"key {number}",)))

    assert 5 == len(rows(parts, idempotency_keys))


def test_a_key_of_an_older_secret_is_known(parts):
    first = begin(parts, Once(key_macs=("older key",), body_macs=("older body",)))

    assert first.id == begin(parts).id


def test_what_was_used_stays_used(parts):
    first = begin(parts)
    tickets.verify(
        parts.room(), challenge=first, unverified_code=right_code(parts, first), caller=PROGRAM, client=CLIENT
    )

    again = begin(parts)

    assert (first.id, False) == (again.id, again.is_open)


def test_after_a_day_it_is_another_start(parts, clock):
    first = begin(parts)
    clock.shift(seconds=86_401)

    second = begin(parts)

    assert first.id != second.id
    assert [second.id] == [row.challenge_id for row in rows(parts, idempotency_keys)]


def test_keys_go_after_a_day(parts, clock):
    begin(parts)
    retention = SqlRetention(parts.database, parts.settings.retention)
    retention.purge()
    assert 1 == len(rows(parts, idempotency_keys))
    clock.shift(seconds=86_402)

    retention.purge()

    assert [] == rows(parts, idempotency_keys)


def test_of_an_erased_address_nothing_is_found(parts):
    first = begin(parts)
    erase(parts.database, realm="acme", address="ada@example.org")

    assert first.id != begin(parts).id
