"""Failover over real mail servers: the first answers badly, hangs, or is killed; the message is seen at the second."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from sidecar.delivery.breaker import FAILURES, PAUSE_S
from sidecar.delivery.route import Route
from sidecar.delivery.smtp import Smtp
from sidecar.delivery.webhook import Webhook
from sidecar.delivery.worker import Worker
from sidecar.model.challenge import DeliveryStatus
from sidecar.model.events import Event
from sidecar.settings import Secret, WebhookProvider
from sidecar.store import tables
from tests.flow import caller, right_code, start
from tests.gateway import SECRET, Gateway
from tests.journeys.mails import Mails, mail_server
from tests.ledger import events_of, rows
from tests.stack import free_port


@dataclass
class House:
    """A worker with two ways out; `at` is the clock of its breakers."""

    parts: Any
    first: int
    second: Mails
    at: float = 1000.0
    smtp: list[Smtp] = field(default_factory=list)

    def __post_init__(self) -> None:
        settings = replace(self.parts.settings.providers["smtp"], timeout_s=1)
        ports = {"primary": self.first, "backup": self.second.port}
        self.smtp = [Smtp(replace(settings, id=name, port=port)) for name, port in ports.items()]
        worker = self.parts.worker()
        self.worker: Worker = replace(
            worker,
            providers=dict.fromkeys(worker.providers, tuple(self.smtp)),
            route=Route(lambda: self.at),
        )

    def send(self, address: str = "ada@example.org", by: str = "ada") -> Any:
        challenge = start(self.parts, address, by=caller(by))
        assert self.worker.step()
        return challenge

    def close(self) -> None:
        for smtp in self.smtp:
            smtp.close()


@pytest.fixture
def second() -> Iterator[Mails]:
    with mail_server() as mails:
        yield mails


@pytest.fixture
def house(parts, second) -> Iterator[Any]:
    """Make the house with a first mail server at that port."""
    with contextlib.ExitStack() as stack:

        def make(first: int) -> House:
            built = House(parts, first, second)
            stack.callback(built.close)
            return built

        yield make


class Ill:
    """A mail server that takes the message as far as `at`, and does there what it is told."""

    def __init__(self, at: str, how: str) -> None:
        self.at, self.how = at, how

    async def handle_RCPT(self, server, _session, envelope, address, _options):  # noqa: N802
        envelope.rcpt_tos.append(address)
        return await self._answer(server, "RCPT")

    async def handle_DATA(self, server, _session, _envelope):  # noqa: N802
        return await self._answer(server, "DATA")

    async def _answer(self, server, at):
        if at != self.at:
            return "250 ok"
        if self.how == "hangs":
            await asyncio.sleep(3)
        elif self.how == "dies":
            server.transport.abort()
        return "451 later" if self.how in {"hangs", "dies"} else self.how


@contextlib.contextmanager
def ill_server(at: str, how: str) -> Iterator[int]:
    controller = Controller(Ill(at, how), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller.port
    controller.stop()


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield silent.getsockname()[1]


@contextlib.contextmanager
def no_server() -> Iterator[int]:
    yield free_port()


def the_message(parts: Any) -> Any:
    (row,) = rows(parts, tables.messages)
    return row


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(no_server, id="is away"),
        pytest.param(silent_server, id="says nothing"),
        pytest.param(partial(ill_server, "RCPT", "450 greylisted"), id="refuses the recipient for now"),
        pytest.param(partial(ill_server, "DATA", "451 later"), id="refuses the message for now"),
        pytest.param(partial(ill_server, "DATA", "554 not ours"), id="refuses the message for good"),
        pytest.param(partial(ill_server, "DATA", "hangs"), id="hangs with the message"),
        pytest.param(partial(ill_server, "DATA", "dies"), id="dies with the message"),
    ],
)
def test_a_message_that_the_first_does_not_take_is_seen_at_the_second_in_the_same_attempt(
    parts, house, second, first
):
    with first() as port:
        challenge = house(port).send()

    row = the_message(parts)
    assert [["ada@example.org"]] == [mail.recipients for mail in second.kept]
    assert right_code(parts, challenge) == second.kept[0].code
    assert ("sent", "backup", 1) == (row.status, row.provider, row.attempts)
    (refused,) = events_of(parts, Event.PROVIDER_REFUSED)
    (sent,) = events_of(parts, Event.MESSAGE_SENT)
    assert refused.detail.startswith("primary: ")
    assert ("backup", challenge.id) == (sent.detail, sent.challenge_id)
    assert refused.id < sent.id


@pytest.mark.parametrize("ill", ["away", "answers 500", "hangs", "hangs up"])
def test_a_text_message_that_one_gateway_does_not_take_is_seen_at_the_next(parts, ill):
    """The same over HTTP: connection, answer and silence."""
    with Gateway() as backup, contextlib.ExitStack() as stack:
        primary = Gateway()
        if ill != "away":
            stack.enter_context(primary)
        primary.status = 500 if ill == "answers 500" else 0
        primary.hangs, primary.drops = ill == "hangs", ill == "hangs up"
        gateways = [webhook("primary", primary.url), webhook("backup", backup.url)]
        stack.callback(lambda: [it.close() for it in gateways])
        worker = parts.worker()
        worker = replace(worker, providers=dict.fromkeys(worker.providers, tuple(gateways)))

        challenge = start(parts)
        worker.step()

        row = the_message(parts)
        assert ("sent", "backup", "gw-1") == (row.status, row.provider, row.reference)
        assert [right_code(parts, challenge)] == [text.code for text in backup.texts]
        (refused,) = events_of(parts, Event.PROVIDER_REFUSED)
        assert refused.detail.startswith("primary: ")


def webhook(name: str, url: str) -> Webhook:
    settings = WebhookProvider(
        id=name,
        type="webhook",
        url=url,
        secret=Secret(SECRET),
        callback_secret=Secret(""),
        sender="Acme",
        timeout_s=1,
        private_network=True,
    )
    return Webhook(settings, issuer="https://login.example.org")


def test_a_recipient_that_the_first_refuses_for_good_is_not_offered_to_the_second(parts, house, second):
    with ill_server("RCPT", "550 no such user") as port:
        challenge = house(port).send()

    row = the_message(parts)
    assert ("failed", True, []) == (row.status, row.is_about_recipient, second.kept)
    found = parts.room().challenges.find(challenge.id, caller().macs(parts.keys))
    assert DeliveryStatus.SENT is found[1]


def test_a_message_that_nobody_takes_is_put_back_with_each_reason(parts, house, second):
    second.rcpt_answer = "450 later"

    house(free_port()).send()

    row = the_message(parts)
    assert "delayed" == row.status
    assert ["primary: ", "backup: "] == [part[: part.index(" ") + 1] for part in row.reason.split("; ")]
    assert 2 == len(events_of(parts, Event.PROVIDER_REFUSED))


def test_a_primary_that_failed_too_often_is_left_alone_and_comes_back(parts, house, second):
    """Seen in who is asked at all: a server that is up, and refuses each message."""
    asked = []

    class Counting(Ill):
        async def handle_DATA(self, server, session, envelope):  # noqa: N802
            asked.append(envelope.rcpt_tos[0])
            return await super().handle_DATA(server, session, envelope)

    handler = Counting("DATA", "451 later")
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    town = house(controller.port)
    for number in range(FAILURES + 2):
        town.send(f"u{number}@example.org", by=f"b{number}")
    assert (FAILURES, FAILURES + 2) == (len(asked), len(second.kept))

    handler.how = "250 kept"
    town.at += PAUSE_S
    town.send("back@example.org", by="back")

    town.close()
    controller.stop()
    assert ("back@example.org", FAILURES + 2) == (asked[-1], len(second.kept))
    assert ["primary"] == [row.provider for row in rows(parts, tables.messages)][-1:]


def test_a_message_that_nobody_must_get_is_rehearsed_along_the_same_route(database_url, settings_for, clock):
    """D1: it ends at the same provider as anybody's, and no server gets a recipient."""
    from sidecar.app import Parts

    parts = Parts.build(
        settings_for(database_url, REALMS__ACME__CONNECTIONS__EMAIL__SIGNUP="false"), clock=clock
    )
    with mail_server() as second:
        house = House(parts, free_port(), second)
        house.send("stranger@example.org")
        house.close()

    row = the_message(parts)
    assert ("sent", "backup", []) == (row.status, row.provider, second.commands)
    assert 1 == len(events_of(parts, Event.PROVIDER_REFUSED))
    parts.database.dispose()
