"""Messages to send: written with the challenge, taken by one worker for a while, finished once.

A worker that dies between taking and finishing loses its claim when `taken_until` passes; another takes the message
again and derives the same code, so it arrives once or twice, never not at all and never with another code.
"""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Insert,
    Text,
    Update,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)

from sidecar.errors import DeliveryFailed
from sidecar.model.address import is_number
from sidecar.model.challenge import Challenge, DeliveryStatus, Purpose
from sidecar.model.events import TEST_ADDRESS, Event
from sidecar.model.message import Parcel
from sidecar.store import ledger
from sidecar.store.engine import Database
from sidecar.store.prepared import Prepared, inserting, prefixed
from sidecar.store.rows import COLUMNS, challenge_from, change_of, is_open
from sidecar.store.tables import challenges, messages

#: The channel of LISTEN/NOTIFY on PostgreSQL.
CHANNEL = "passwordless_outbox"
QUEUED, SENT, DELAYED, FAILED = "queued", "sent", "delayed", "failed"
DELIVERED, UNDELIVERED = "delivered", "undelivered"
_ID_BYTES = 16
#: What is known of a message only when it was sent.
_LATER = (
    "taken_until",
    "taken_by",
    "provider",
    "reference",
    "receipt",
    "receipt_at",
    "reason",
    "finished_at",
)
_REASON_CHARS = 200
#: The message of each purpose, and how late one is still of use.
_MESSAGES = {Purpose.LOGIN: "login", Purpose.ADD: "add", Purpose.NOTICE: "changed"}
_MOST_LATE_MS = 86_400_000
_CHALLENGE = select(*COLUMNS).where(challenges.c.id == bindparam("challenge_id"))


def queueing(database: Database) -> Insert:
    """A part of a prepared statement, with `queued` at each run: it wakes the workers when it commits."""
    statement = inserting(messages, "message")
    if database.is_postgresql:
        return statement.returning(func.length(func.pg_notify(CHANNEL, "").cast(Text)))
    return statement


def queued(challenge: Challenge, now: int) -> dict[str, Any]:
    """A message of the challenge, due now."""
    unwritten = dict.fromkeys(_LATER)
    values = {
        "id": secrets.token_urlsafe(_ID_BYTES),
        "challenge_id": challenge.id,
        "template": f"{_MESSAGES[challenge.purpose]}_{'sms' if is_number(challenge.destination) else 'email'}",
        "status": QUEUED,
        "attempts": 0,
        "created_at": now,
        "due_at": now,
        "deadline_at": min(challenge.expires_at, now + _MOST_LATE_MS),
        "is_about_recipient": False,
        **unwritten,
    }
    return prefixed("message", values)


def queue(database: Database, connection: Connection, challenge: Challenge, now: int) -> None:
    """Write a message into the caller's transaction."""
    database.prepared(queue, lambda: queueing(database)).run(connection, queued(challenge, now))


_TRUTH = {
    QUEUED: DeliveryStatus.SENDING,
    SENT: DeliveryStatus.SENT,
    DELAYED: DeliveryStatus.DELAYED,
    FAILED: DeliveryStatus.FAILED,
}
_BY_RECEIPT = {DELIVERED: DeliveryStatus.DELIVERED, UNDELIVERED: DeliveryStatus.FAILED}


def page_status(message: Any, *, is_known: bool) -> DeliveryStatus:
    """What the page may say of a message's row: to a browser that the address knows, the truth.

    To any other never what a provider said of this very address, at once or later, for that tells whether it exists;
    and a message that a worker has taken counts as sent: how long a provider takes for it tells whether there is one.
    """
    status, attempts = message.status, message.attempts
    if is_known:
        return _BY_RECEIPT.get(message.receipt, _TRUTH[status])
    if message.is_about_recipient or (status == QUEUED and attempts):
        return DeliveryStatus.SENT
    return _TRUTH[status]


class SqlOutbox:
    """`delivery.ports.Outbox` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        now = database.clock.now()
        self._taking = Prepared(database.engine.dialect, _taking(now))
        self._letting_out = Prepared(database.engine.dialect, _letting_out(now))
        self._reading = Prepared(database.engine.dialect, _CHALLENGE)
        self._note_refused = self._outcome(is_about_recipient=_was_about_recipient())
        self._mark_sent = self._outcome(
            status=SENT,
            provider=bindparam("by"),
            reference=bindparam("reference"),
            reason=None,
            finished_at=now,
            taken_until=None,
        )
        self._mark_failed = self._outcome(
            status=FAILED,
            reason=bindparam("why"),
            is_about_recipient=_was_about_recipient(),
            finished_at=now,
            taken_until=None,
        )
        self._put_back = self._outcome(
            status=DELAYED,
            reason=bindparam("why"),
            is_about_recipient=_was_about_recipient(),
            due_at=now + bindparam("after_ms", type_=BigInteger),
            taken_until=None,
            taken_by=None,
        )

    def _outcome(self, **values: Any) -> Prepared:
        """What a worker writes of a message that it still holds; answers when."""
        statement = _held().values(**values).returning(self._database.clock.now().label("at"))
        return Prepared(self._database.engine.dialect, statement)

    def take(self, worker_id: str, *, claim_s: int) -> Parcel | None:
        """Claim the message that is due longest; `None` if there is none."""
        with self._database.write_once() as connection:
            taken = self._taking.one_or_none(connection, {"worker": worker_id, "claim_ms": claim_s * 1000})
            if taken is None:
                return None
            row = self._reading.one(connection, {"challenge_id": taken.challenge_id})
            change = change_of(connection, row.change_id) if row.change_id else None
        return Parcel(
            id=taken.id,
            template=taken.template,
            attempt=taken.attempts,
            deadline_at=taken.deadline_at,
            taken_at=taken.taken_at,
            challenge=challenge_from(row, read_at=taken.taken_at),
            change=change,
        )

    def let_out(self, parcel: Parcel) -> bool:
        """Keycloak knows the address: the challenge speaks after all, unless something else silenced it meanwhile."""
        with self._database.write_once() as connection:
            return self._letting_out.one_or_none(connection, {"challenge": parcel.challenge.id}) is not None

    def note_refused(self, parcel: Parcel, worker_id: str, failure: DeliveryFailed, *, provider: str) -> None:
        """Write a refusal down, and at once that it was about the recipient: this worker may not live to say so."""
        values = {"about_recipient": failure.is_about_recipient}
        said = f"{provider}: {failure.reason}"
        self._write(self._note_refused, values, parcel, worker_id, Event.PROVIDER_REFUSED, detail=said)

    def mark_sent(self, parcel: Parcel, worker_id: str, *, provider: str, reference: str = "") -> None:
        values = {"by": provider, "reference": reference[:_REASON_CHARS] or None}
        detail = f"{provider} ({TEST_ADDRESS})" if parcel.is_test else provider
        self._write(self._mark_sent, values, parcel, worker_id, _taken_as(parcel), detail=detail)

    def mark_failed(self, parcel: Parcel, worker_id: str, failure: DeliveryFailed) -> None:
        values = _reason(failure)
        self._write(self._mark_failed, values, parcel, worker_id, Event.MESSAGE_FAILED, detail=failure.reason)

    def put_back(self, parcel: Parcel, worker_id: str, failure: DeliveryFailed, *, after_s: float) -> None:
        """Free the message for another try in `after_s`."""
        values = {**_reason(failure), "after_ms": int(after_s * 1000)}
        self._write(self._put_back, values, parcel, worker_id, Event.MESSAGE_DELAYED, detail=failure.reason)

    def _write(
        self,
        outcome: Prepared,
        values: dict[str, Any],
        parcel: Parcel,
        worker_id: str,
        event: Event,
        *,
        detail: str,
    ) -> None:
        """Write the outcome, unless another worker holds the message by now: then its word counts."""
        with self._database.write() as connection:
            written = outcome.one_or_none(connection, {**values, "message": parcel.id, "worker": worker_id})
            if written:
                challenge = parcel.challenge
                ledger.record(
                    connection,
                    event,
                    ledger.Subject(challenge.realm, challenge.connection, challenge.address),
                    at=written.at,
                    challenge_id=challenge.id,
                    detail=detail[:_REASON_CHARS],
                )


def _taken_as(parcel: Parcel) -> Event:
    return Event.MESSAGE_REHEARSED if parcel.is_rehearsed else Event.MESSAGE_SENT


def _reason(failure: DeliveryFailed) -> dict[str, Any]:
    return {"why": failure.reason[:_REASON_CHARS], "about_recipient": failure.is_about_recipient}


def _taking(now: ColumnElement[int]) -> Any:
    due = (
        select(messages.c.id)
        .where(messages.c.finished_at.is_(None), messages.c.due_at <= now, _is_free(now))
        .order_by(messages.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (
        update(messages)
        .where(messages.c.id == due.scalar_subquery(), _is_free(now))
        .values(
            attempts=messages.c.attempts + 1,
            taken_until=now + bindparam("claim_ms", type_=BigInteger),
            taken_by=bindparam("worker"),
        )
        .returning(
            messages.c.id,
            messages.c.challenge_id,
            messages.c.template,
            messages.c.attempts,
            messages.c.deadline_at,
            now.label("taken_at"),
        )
    )


def _letting_out(now: ColumnElement[int]) -> Any:
    return (
        update(challenges)
        .where(
            challenges.c.id == bindparam("challenge"),
            # Not one that is denied, or over by a success elsewhere, since the message was taken.
            challenges.c.is_unknown,
            *is_open(now),
        )
        .values(is_suppressed=False, is_unknown=False)
        .returning(challenges.c.id)
    )


def _held() -> Update:
    """An update of a message that the worker holds still."""
    return update(messages).where(
        messages.c.id == bindparam("message"),
        messages.c.taken_by == bindparam("worker"),
        messages.c.finished_at.is_(None),
    )


def _was_about_recipient() -> ColumnElement[bool]:
    """Once and for ever: after a refused recipient, an outage that is told would tell of the refusal."""
    return or_(messages.c.is_about_recipient, bindparam("about_recipient", type_=Boolean))


def _is_free(now: ColumnElement[int]) -> ColumnElement[bool]:
    return or_(messages.c.taken_until.is_(None), and_(messages.c.taken_until <= now))
