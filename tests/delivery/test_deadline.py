"""Conversations end in time also while they are being encrypted, where nobody has said anything yet."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from sidecar.delivery.deadline import hung_up_after
from sidecar.delivery.outbound import Outbound
from sidecar.delivery.ports import Rendered
from sidecar.delivery.smtp import Smtp
from sidecar.errors import DeliveryFailed
from sidecar.settings import Secret, SmtpProvider
from tests.rogue import Rogue, a_byte_now_and_then, after

BOUND_S = 20
#: A record of TLS 1.2 that announces sixteen thousand bytes of a handshake.
RECORD = b"\x16\x03\x03\x40\x00"


@pytest.fixture
def handshake() -> Iterator[int]:
    """The port of a server whose part of a TLS handshake does not come to its end."""
    with Rogue("mute", after(RECORD, a_byte_now_and_then)) as rogue:
        yield rogue.port


@pytest.mark.parametrize("act", ["post", "reach"])
def test_a_gateways_handshake_is_given_up_in_time_and_a_rehearsal_meets_it_too(handshake, act):
    client = Outbound(timeout_s=1, private_network=True)
    url = f"https://127.0.0.1:{handshake}/"
    began = time.monotonic()

    with pytest.raises(DeliveryFailed) as failed:
        client.post(url, body=b"{}", headers={}) if act == "post" else client.reach(url)

    assert time.monotonic() - began < BOUND_S
    assert (False, False) == (failed.value.is_final, failed.value.is_about_recipient)


@pytest.mark.parametrize("act", ["send", "rehearse"])
def test_a_mail_servers_handshake_is_given_up_in_time(handshake, act):
    smtp = Smtp(
        SmtpProvider(
            id="smtp",
            type="smtp",
            host="127.0.0.1",
            port=handshake,
            security="tls",
            username="",
            password=Secret(""),
            sender="login@acme.example",
            timeout_s=1,
            ca_file="",
            private_network=True,
        )
    )
    began = time.monotonic()

    with pytest.raises(DeliveryFailed) as failed:
        getattr(smtp, act)(
            message_id="m1",
            destination="ada@example.org",
            content=Rendered(subject="s", text="t", html="h"),
            locale="en",
        )

    assert time.monotonic() - began < BOUND_S
    assert (False, False) == (failed.value.is_final, failed.value.is_about_recipient)


def test_a_conversation_that_ends_in_time_is_left_alone():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with hung_up_after(30, lambda: ours):
            theirs.sendall(b"all is well")
            assert b"all is well" == ours.recv(100)
        theirs.sendall(b"still")
        assert b"still" == ours.recv(100)
        assert not [
            it for it in threading.enumerate() if it.name == "deadline" and it.is_alive() and _waits(it)
        ]


def _waits(thread: threading.Thread) -> bool:
    """Whether it is still there after it was told that all is over."""
    thread.join(5)
    return thread.is_alive()


def test_a_socket_that_comes_to_be_late_is_shut_too():
    """A server may take its time to get as far as the first byte."""
    ours, theirs = socket.socketpair()
    connected: list[socket.socket] = []
    with ours, theirs, hung_up_after(0.01, lambda: connected[0] if connected else None):
        ours.settimeout(BOUND_S)
        connected.append(ours)

        assert b"" == ours.recv(1)
