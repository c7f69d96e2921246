"""The support timeline: everything of one address, in order, and of nobody else."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from sidecar.errors import ChallengeRefused, DeliveryFailed, RateLimited
from sidecar.login.verify import verify
from sidecar.store import tables
from sidecar.store.outbox import SqlOutbox
from sidecar.store.timeline import timeline
from tests.flow import caller, right_code, start, wrong_code

ADA = "ada@example.org"


def story(parts, clock):
    """A refused provider, a delay, a message, its receipt, a wrong code, the right one; and somebody else's start."""
    outbox = SqlOutbox(parts.database)
    start(parts, "grace@example.org", by=caller("grace"))
    outbox.mark_sent(outbox.take("w", claim_s=30), "w", provider="smtp")
    challenge = start(parts, ADA)
    parcel = outbox.take("w", claim_s=30)
    outbox.note_refused(parcel, "w", DeliveryFailed("not reachable"), provider="primary")
    outbox.put_back(parcel, "w", DeliveryFailed("primary: not reachable"), after_s=1)
    clock.shift(seconds=2)
    outbox.mark_sent(outbox.take("w", claim_s=30), "w", provider="backup", reference="gw-7")
    with parts.database.write() as connection:
        of_ada = tables.messages.c.challenge_id == challenge.id
        connection.execute(update(tables.messages).where(of_ada).values(receipt="delivered", receipt_at=1))
    for code in (wrong_code(parts, challenge), right_code(parts, challenge)):
        try:
            verify(parts.room(), challenge=challenge, unverified_code=code, caller=caller())
        except ChallengeRefused:
            continue
    return challenge


def test_it_tells_of_each_step_in_order_and_of_nobody_else(parts, clock):
    challenge = story(parts, clock)

    found = timeline(parts.database, realm="acme", address=ADA)

    told = [each.type for each in found.events]
    assert [
        "challenge_started",
        "provider_refused",
        "message_delayed",
        "message_sent",
        "code_tried",
        "code_wrong",
        "code_tried",
    ] == told[:7]
    assert {"code_accepted", "device_remembered", "subject_created"} == set(told[7:])
    assert {challenge.id} == {each.challenge_id for each in found.events}
    assert [each.number for each in found.events] == sorted(each.number for each in found.events)
    assert "primary: not reachable" == found.events[1].detail
    (message,) = found.messages
    assert ("sent", 2, "backup", "gw-7", "delivered") == (
        message.status,
        message.attempts,
        message.provider,
        message.reference,
        message.receipt,
    )


def test_it_says_whether_the_address_knew_the_browser(parts, clock):
    story(parts, clock)
    start(parts, ADA)
    start(parts, ADA, by=caller("stranger", "203.0.113.9"))

    found = timeline(parts.database, realm="acme", address=ADA)

    started = [each for each in found.events if each.type == "challenge_started"]
    assert [(False, "192.0.2.1"), (True, "192.0.2.1"), (False, "203.0.113.9")] == [
        (each.is_known, each.network) for each in started
    ]
    assert {None} == {each.is_known for each in found.events if each.type.startswith("message_")}


def test_it_says_which_limit_refused(parts):
    with pytest.raises(RateLimited):
        for _ in range(6):
            start(parts, ADA)

    last = timeline(parts.database, realm="acme", address=ADA).events[-1]

    assert ("budget_refused", "messages_per_hour") == (last.type, last.detail)


def test_it_begins_where_it_is_told_to(parts, clock):
    start(parts, ADA)
    clock.shift(seconds=3600)
    start(parts, ADA)

    recent = timeline(parts.database, realm="acme", address=ADA, last_s=600)
    since = timeline(parts.database, realm="acme", address=ADA, since_at=recent.events[0].at)

    assert 1 == len(recent.events) == len(recent.messages)
    assert recent == since
    assert 2 == len(timeline(parts.database, realm="acme", address=ADA).events)


def test_a_message_that_nobody_got_is_not_called_sent(database_url, settings_for, clock):
    from sidecar.app import Parts

    parts = Parts.build(
        settings_for(database_url, REALMS__ACME__CONNECTIONS__EMAIL__SIGNUP="false"), clock=clock
    )
    start(parts, ADA)
    outbox = SqlOutbox(parts.database)
    outbox.mark_sent(outbox.take("w", claim_s=30), "w", provider="smtp")

    last = timeline(parts.database, realm="acme", address=ADA).events[-1]

    assert ("message_rehearsed", "smtp") == (last.type, last.detail)
    parts.database.dispose()
