"""What became of messages after a provider took them. A receipt is written once and never changes."""

from __future__ import annotations

from sqlalchemy import select, update

from sidecar.errors import CallbackRefused
from sidecar.model.events import Event
from sidecar.model.receipt import Receipt
from sidecar.store import ledger
from sidecar.store.engine import Database
from sidecar.store.tables import challenges, messages

_EVENTS = {Receipt.DELIVERED: Event.MESSAGE_DELIVERED, Receipt.UNDELIVERED: Event.MESSAGE_UNDELIVERED}


class SqlReceipts:
    """`login.ports.Receipts` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, message_id: str, *, provider: str, receipt: Receipt | None) -> None:
        """Write what the provider that took the message said of it, unless it has said something final before.

        Raises:
            CallbackRefused: there is no such message, or another provider took it.
        """
        now = self._database.clock.now()
        its = (messages.c.id == message_id, messages.c.provider == provider)
        with self._database.write() as connection:
            challenge = connection.execute(
                select(challenges.c.id, challenges.c.realm, challenges.c.connection, challenges.c.address)
                .join(messages, messages.c.challenge_id == challenges.c.id)
                .where(*its)
            ).one_or_none()
            if challenge is None:
                raise CallbackRefused("that provider took no such message")
            if receipt is None:
                return
            written = connection.execute(
                update(messages)
                .where(*its, messages.c.receipt.is_(None))
                .values(receipt=receipt.value, receipt_at=now)
                .returning(messages.c.receipt_at)
            ).one_or_none()
            if written:
                ledger.record(
                    connection,
                    _EVENTS[receipt],
                    ledger.Subject(challenge.realm, challenge.connection, challenge.address),
                    at=written.receipt_at,
                    challenge_id=challenge.id,
                    detail=provider,
                )
