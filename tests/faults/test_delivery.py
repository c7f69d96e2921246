"""Delivery under faults: real processes, a real SMTP server, both databases."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sidecar.app import Parts
from sidecar.model.challenge import DeliveryStatus
from sidecar.settings import load
from sidecar.store import tables
from tests import stack
from tests.conftest import SECRET_KEY
from tests.flow import caller, right_code, start
from tests.ledger import rows
from tests.stack import MailServer, Server, wait_until

pytestmark = pytest.mark.faults


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture
def settings_file(tmp_path: Path, database_url: str, mail: MailServer) -> Path:
    return stack.write_settings(
        tmp_path / "passwordless.toml",
        sidecar_port=stack.free_port(),
        keycloak_url="http://localhost:1",
        database_url=database_url,
        smtp_port=mail.port,
        realms={"acme": True},
        secret_key=SECRET_KEY,
    )


@pytest.fixture
def parts(settings_file: Path) -> Iterator[Parts]:
    built = Parts.build(load(settings_file, {}))
    yield built
    built.database.dispose()


@pytest.fixture
def worker(settings_file: Path, tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Start `passwordless worker`; each is ended after the test."""
    running: list[Server] = []

    def begin() -> Server:
        running.append(stack.run(["worker"], settings=settings_file, log=tmp_path / "worker.log"))
        return running[-1]

    yield begin
    for server in running:
        server.stop()


@contextmanager
def silent_server(port: int) -> Iterator[threading.Event]:
    """Takes connections and never says a word; the event is set when one came."""
    came = threading.Event()
    with socket.create_server(("127.0.0.1", port)) as listening:
        held: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    held.append(listening.accept()[0])
                    came.set()
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()
        yield came
        listening.shutdown(socket.SHUT_RDWR)
        for connection in held:
            connection.close()


def status(parts: Parts, challenge: Any) -> DeliveryStatus:
    return parts.room().challenges.find(challenge.id, caller().macs(parts.keys))[1]


def message_row(parts: Parts) -> Any:
    (row,) = rows(parts, tables.messages)
    return row


def test_a_message_is_sent_within_its_code(parts, worker, mail):
    mail.start()
    worker()

    challenge = start(parts)

    assert right_code(parts, challenge) == mail.wait_for("ada@example.org").code
    # A stranger's page says sent from the start; the row has it from the worker.
    wait_until(lambda: message_row(parts).status == "sent", "the status sent")
    assert DeliveryStatus.SENT is status(parts, challenge)
    assert "smtp" == message_row(parts).provider


# Half a minute each, for a claim to lapse; the statement that lets it lapse runs on both in the contract tests.
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@only_postgresql
def test_a_worker_killed_between_taking_and_sending_loses_no_message(parts, worker, mail):
    """F6: another worker takes the message over and derives the same code."""
    with silent_server(mail.port) as connected:
        first = worker()
        challenge = start(parts)
        assert connected.wait(20)
        first.kill()
    assert 1 == message_row(parts).attempts
    mail.start()
    worker()

    assert right_code(parts, challenge) == mail.wait_for("ada@example.org", seconds=60).code
    wait_until(lambda: message_row(parts).finished_at, "the end of the message")
    assert 1 == len(mail.mails)


@only_postgresql
def test_a_worker_killed_after_sending_repeats_the_same_message_once(parts, worker, mail):
    """F6: at most twice, with one code and one Message-ID."""
    mail.start()
    mail.hold_after_data = threading.Event()
    first = worker()
    challenge = start(parts)
    mail.wait_for("ada@example.org")
    first.kill()
    mail.hold_after_data.set()
    worker()

    mail.wait_for("ada@example.org", 2, seconds=60)
    wait_until(lambda: message_row(parts).finished_at, "the end of the message")

    assert {right_code(parts, challenge)} == {received.code for received in mail.mails}
    assert 1 == len({received.message["Message-ID"] for received in mail.mails})
    assert 2 == len(mail.mails)


@only_postgresql
def test_a_mail_server_that_is_away_for_a_while_delays_the_message(parts, worker, mail):
    """It arrives after, and the page says so meanwhile."""
    worker()
    challenge = start(parts)
    wait_until(lambda: status(parts, challenge) is DeliveryStatus.DELAYED, "the status delayed")
    wait_until(lambda: message_row(parts).attempts >= 5, "the fifth try", 60)
    time.sleep(6)  # it was away for twenty seconds by then
    mail.start()

    assert right_code(parts, challenge) == mail.wait_for("ada@example.org", seconds=60).code
    wait_until(lambda: status(parts, challenge) is DeliveryStatus.SENT, "the status sent")


def test_several_workers_send_each_message_once(parts, worker, mail):
    mail.start()
    for _ in range(3):
        worker()

    challenges = [start(parts, f"user{number}@example.org", by=caller(f"b{number}")) for number in range(20)]

    for number, challenge in enumerate(challenges):
        assert right_code(parts, challenge) == mail.wait_for(f"user{number}@example.org").code
    wait_until(
        lambda: all(row.finished_at for row in rows(parts, tables.messages)), "the end of all messages"
    )
    assert 20 == len(mail.mails)
