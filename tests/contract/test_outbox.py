"""What every outbox keeps, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from sidecar.errors import DeliveryFailed, RecipientRefused
from sidecar.login.verify import verify
from sidecar.model.challenge import DeliveryStatus
from sidecar.model.events import Event
from sidecar.store import tables
from sidecar.store.outbox import SqlOutbox
from tests.flow import at_once, caller, right_code, start
from tests.ledger import events_of, rows


@pytest.fixture
def outbox(parts):
    return SqlOutbox(parts.database)


def status(parts, challenge, by=None):
    return parts.room().challenges.find(challenge.id, (by or caller()).macs(parts.keys)).delivery


def come_to_know(parts, by):
    """The address accepts a code in the browser."""
    challenge = start(parts, by=by)
    code = right_code(parts, challenge)
    verify(parts.room(), challenge=challenge, unverified_code=code, caller=by)
    with parts.database.write() as connection:
        connection.execute(delete(tables.messages))


BOUNCE = RecipientRefused("recipient refused with 550", is_final=True)
AWAY = DeliveryFailed("not reachable")
LATER = RecipientRefused("recipient refused with 450", is_final=False)


def receipt(parts, said):
    with parts.database.write() as connection:
        connection.execute(update(tables.messages).values(receipt=said, receipt_at=1))


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        pytest.param([], ("sending", "sending"), id="queued"),
        pytest.param(["take"], ("sending", "sent"), id="in a worker's hands"),
        pytest.param(["take", "sent"], ("sent", "sent"), id="sent"),
        pytest.param(["take", "sent", "delivered"], ("delivered", "sent"), id="delivered"),
        pytest.param(["take", "sent", "undelivered"], ("failed", "sent"), id="undelivered"),
        pytest.param(["take", LATER], ("delayed", "sent"), id="refused for now"),
        pytest.param(["take", AWAY], ("delayed", "delayed"), id="nobody reached"),
        pytest.param(["take", LATER, "take", AWAY], ("delayed", "sent"), id="refused, then nobody reached"),
        pytest.param(["take", AWAY, "take"], ("delayed", "delayed"), id="at the next try"),
        pytest.param(["take", BOUNCE], ("failed", "sent"), id="bounced"),
    ],
)
def test_a_browser_that_the_address_knows_is_told_the_truth_and_a_stranger_what_is_so_for_all(
    parts, outbox, clock, happens, told
):
    """D1: the one proved that the address is theirs, the other may be asking whether it exists."""
    owner, other = caller("owner"), caller("other")
    come_to_know(parts, owner)

    for by, word in zip((owner, other), told, strict=True):
        challenge = start(parts, by=by)
        parcel = None
        for what in happens:
            if what == "take":
                clock.shift(seconds=5)
                parcel = outbox.take("w", claim_s=30)
            elif what == "sent":
                outbox.mark_sent(parcel, "w", provider="smtp")
            elif isinstance(what, str):
                receipt(parts, what)
            elif what.is_final:
                outbox.mark_failed(parcel, "w", what)
            else:
                outbox.put_back(parcel, "w", what, after_s=1)
        assert word == status(parts, challenge, by).value
        with parts.database.write() as connection:
            connection.execute(delete(tables.messages))


def test_a_refusal_is_kept_at_once(parts, outbox, clock):
    """D1: a worker that dies before the next provider answers has said it already, so an outage later is not told."""
    challenge = start(parts)
    outbox.note_refused(outbox.take("dead", claim_s=30), "dead", LATER, provider="primary")
    clock.shift(seconds=31)

    outbox.put_back(outbox.take("heir", claim_s=30), "heir", AWAY, after_s=1)

    assert DeliveryStatus.SENT is status(parts, challenge)
    assert ["primary: recipient refused with 450"] == [
        event.detail for event in events_of(parts, Event.PROVIDER_REFUSED)
    ]


def test_a_message_is_taken_by_one_worker(parts, outbox):
    for number in range(4):
        start(parts, f"user{number}@example.org", by=caller(f"b{number}"))

    taken = at_once(lambda n: outbox.take(f"w{n}", claim_s=30), 8)

    ids = [parcel.id for parcel in taken if parcel]
    assert 4 == len(ids) == len(set(ids))
    assert outbox.take("late", claim_s=30) is None


def test_a_claim_lapses_and_the_message_is_taken_again(parts, outbox, clock):
    """F6."""
    start(parts)
    first = outbox.take("dead", claim_s=30)
    clock.shift(seconds=29)
    assert outbox.take("too-early", claim_s=30) is None
    clock.shift(seconds=2)

    again = outbox.take("heir", claim_s=30)

    assert (first.id, 1, 2) == (again.id, first.attempt, again.attempt)


def test_a_worker_that_lost_its_claim_writes_no_outcome(parts, outbox, clock):
    start(parts)
    late = outbox.take("late", claim_s=30)
    clock.shift(seconds=31)
    heir = outbox.take("heir", claim_s=30)

    outbox.mark_failed(late, "late", DeliveryFailed("too late", is_final=True))
    outbox.mark_sent(heir, "heir", provider="smtp")

    (row,) = rows(parts, tables.messages)
    assert "sent" == row.status
    assert [] == events_of(parts, Event.MESSAGE_FAILED)


def test_a_message_put_back_waits_for_its_time(parts, outbox, clock):
    challenge = start(parts)
    parcel = outbox.take("w", claim_s=30)
    outbox.put_back(parcel, "w", DeliveryFailed("not reachable"), after_s=8)

    assert outbox.take("w", claim_s=30) is None
    assert DeliveryStatus.DELAYED is status(parts, challenge)
    clock.shift(seconds=9)
    assert parcel.id == outbox.take("w", claim_s=30).id


@pytest.mark.parametrize(
    ("is_about_recipient", "shown"), [(False, DeliveryStatus.FAILED), (True, DeliveryStatus.SENT)]
)
def test_what_a_provider_says_of_an_address_is_not_told(parts, outbox, is_about_recipient, shown):
    """A refused recipient looks sent: else the page would tell which addresses exist."""
    challenge = start(parts)
    parcel = outbox.take("w", claim_s=30)

    outbox.mark_failed(
        parcel, "w", DeliveryFailed("refused", is_final=True, is_about_recipient=is_about_recipient)
    )

    assert shown is status(parts, challenge)


def test_a_finished_message_is_not_taken_again(parts, outbox, clock):
    start(parts)
    outbox.mark_sent(outbox.take("w", claim_s=30), "w", provider="smtp")
    clock.shift(seconds=120)

    assert outbox.take("w", claim_s=30) is None


def test_a_message_in_a_workers_hands_counts_as_sent(parts, outbox):
    """D2: how long a mail server takes for it tells whether there is one."""
    challenge = start(parts)
    assert DeliveryStatus.SENDING is status(parts, challenge)

    outbox.take("w", claim_s=30)

    assert DeliveryStatus.SENT is status(parts, challenge)


def test_an_outage_after_a_refusal_is_not_told(parts, outbox, clock):
    """D1: a message that nobody gets would have been done after the first try."""
    challenge = start(parts)
    refusal = DeliveryFailed("recipient refused with 450", is_about_recipient=True)
    outbox.put_back(outbox.take("w", claim_s=30), "w", refusal, after_s=1)
    clock.shift(seconds=2)

    outbox.mark_failed(outbox.take("w", claim_s=30), "w", DeliveryFailed("not reachable", is_final=True))

    assert DeliveryStatus.SENT is status(parts, challenge)
