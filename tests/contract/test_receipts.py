"""F2: what a callback changes, over HTTP, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from sidecar.app import Parts
from sidecar.model.events import Event
from sidecar.store import tables
from sidecar.store.outbox import SqlOutbox
from tests.flow import at_once, start
from tests.gateway import CALLBACK_SECRET as SECRET
from tests.gateway import signed
from tests.ledger import events, events_of, rows

GATEWAY = {
    "PROVIDERS__GATEWAY__TYPE": "webhook",
    "PROVIDERS__GATEWAY__URL": "https://gateway.example.org/messages",
    "PROVIDERS__GATEWAY__SECRET": "a-gateway-secret-of-this-test-run-0123456789",
    "PROVIDERS__GATEWAY__CALLBACK_SECRET": SECRET,
    "PROVIDERS__OTHER__TYPE": "webhook",
    "PROVIDERS__OTHER__URL": "https://other.example.org/messages",
    "PROVIDERS__OTHER__SECRET": "another-gateway-secret-of-this-run-0123456789",
    "PROVIDERS__OTHER__CALLBACK_SECRET": SECRET,
    "PROVIDERS__SILENT__TYPE": "webhook",
    "PROVIDERS__SILENT__URL": "https://silent.example.org/messages",
    "PROVIDERS__SILENT__SECRET": "a-silent-gateways-secret-of-this-run-01234567",
}


@pytest.fixture
def parts(database_url, settings_for, clock):
    built = Parts.build(settings_for(database_url, **GATEWAY), clock=clock)
    yield built
    built.database.dispose()


@pytest.fixture
def message(parts) -> str:
    """The id of a message that the gateway took."""
    start(parts)
    outbox = SqlOutbox(parts.database)
    parcel = outbox.take("w", claim_s=30)
    outbox.mark_sent(parcel, "w", provider="gateway", reference="gw-1")
    return str(parcel.id)


def say(app: Any, message_id: str, kind: str = "message.delivered", **changed: Any) -> int:
    body = json.dumps({"type": kind, "data": {"message_id": changed.pop("about", message_id)}}).encode()
    headers = signed(
        changed.pop("secret", SECRET).encode(),
        body,
        event_id=changed.pop("event_id", "e1"),
        at=int(time.time()) - changed.pop("ago_s", 0),
    )
    answer = app.test_client().post(
        f"/callbacks/{changed.pop('provider', 'gateway')}/{message_id}",
        data=changed.pop("body", body),
        headers=headers,
        base_url="https://login.example.org",
    )
    assert not changed
    assert b"" == answer.data
    return int(answer.status_code)


def receipt(parts: Parts) -> str | None:
    (row,) = rows(parts, tables.messages)
    return row.receipt


def test_a_delivery_is_written_to_the_message_and_the_ledger(parts, app, message):
    assert 204 == say(app, message)

    (row,) = rows(parts, tables.messages)
    (event,) = events_of(parts, Event.MESSAGE_DELIVERED)
    assert ("delivered", event.at) == (row.receipt, row.receipt_at)
    assert ("acme", "email", "ada@example.org", "gateway") == (
        event.realm,
        event.connection,
        event.address,
        event.detail,
    )
    assert row.challenge_id == event.challenge_id


def test_nothing_else_comes_of_a_word_that_it_did_not_arrive(parts, app, message, clock):
    """No resend, no touch of the challenge."""
    before = rows(parts, tables.challenges)

    assert 204 == say(app, message, "message.undelivered")
    clock.shift(seconds=60)

    assert "undelivered" == receipt(parts)
    assert before == rows(parts, tables.challenges)
    assert SqlOutbox(parts.database).take("w", claim_s=30) is None


@pytest.mark.parametrize("then", ["message.delivered", "message.undelivered", "message.queued"])
@pytest.mark.parametrize("first", ["message.delivered", "message.undelivered"])
def test_the_first_word_stays_whatever_comes_later_or_again(parts, app, message, first, then):
    say(app, message, first)
    seen = events(parts)

    assert 204 == say(app, message, then)
    assert 204 == say(app, message, first, event_id="e2")

    assert first.removeprefix("message.") == receipt(parts)
    assert seen == events(parts)


def test_of_eight_words_at_once_one_is_written(parts, app, message):
    kinds = ["message.delivered", "message.undelivered"] * 4

    answers = at_once(lambda number: say(app, message, kinds[number], event_id=f"e{number}"), 8)

    assert [204] * 8 == answers
    written = [*events_of(parts, Event.MESSAGE_DELIVERED), *events_of(parts, Event.MESSAGE_UNDELIVERED)]
    assert [f"message_{receipt(parts)}"] == [event.type for event in written]


def test_what_is_no_end_of_the_message_changes_nothing(parts, app, message):
    before = events(parts)

    assert 204 == say(app, message, "message.queued")

    assert receipt(parts) is None
    assert before == events(parts)


FORGED = {
    "wrong key": {"secret": "another-secret-of-this-test-run-0123456789"},
    "old": {"ago_s": 3600},
    "of the future": {"ago_s": -3600},
    "about another message": {"about": "another-message"},
    "another body": {"body": b'{"type": "message.undelivered"}'},
    "ten megabytes": {"body": b"x" * 10_000_000},
    "another provider's message": {"provider": "other"},
    "a provider without a secret": {"provider": "silent"},
    "a mail server": {"provider": "smtp"},
    "no provider": {"provider": "nobody"},
}


@pytest.mark.parametrize("how", FORGED)
def test_what_is_not_the_providers_own_word_about_its_message_is_refused_alike(parts, app, message, how):
    before = events(parts)

    assert 404 == say(app, message, **FORGED[how])

    assert receipt(parts) is None
    assert before == events(parts)


def test_a_message_that_there_is_not_or_that_nobody_took_yet_is_refused(parts, app):
    start(parts)
    (waiting,) = rows(parts, tables.messages)

    assert [404, 404] == [say(app, "no-such-message"), say(app, waiting.id)]
    assert receipt(parts) is None
