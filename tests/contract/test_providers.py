"""What every way out of the house does alike, against real servers: mail, gateways over HTTP, the developer's console.

F1, F3, D1 as far as they are about a provider: one recipient, nothing told that a stranger must not learn, an end in
time, and nothing secret in what is logged.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sidecar.app import providers_of
from sidecar.delivery.ports import Provider, Rendered
from sidecar.errors import DeliveryFailed, RecipientRefused
from sidecar.settings import load
from tests.gateway import ACCOUNT_SID, AUTH_TOKEN, SECRET, Gateway
from tests.journeys.mails import Mails, mail_server
from tests.rogue import Rogue, a_byte_now_and_then, after, garbage, no_end
from tests.stack import free_port

CODE = "493817"
NUMBER = "+4915123456789"
MAILBOX = "ada@example.org"
TOKEN_IN_A_PATH = "hush-a-path-that-is-a-secret"
TOKEN_IN_A_QUERY = "hush-a-query-that-is-a-secret"
SECRETS = (CODE, NUMBER, NUMBER[1:], MAILBOX, SECRET, AUTH_TOKEN, TOKEN_IN_A_PATH, TOKEN_IN_A_QUERY)
#: Long enough that a test never ends by it; the tests that wait for a timeout take a shorter one.
PATIENCE_S = 10
IMPATIENCE_S = 1
#: A conversation that is not bounded goes on for a minute and more.
BOUND_S = 20

HOME = """
[server]
public_url = "http://localhost:5080"
secret_keys = ["kUq3f0mX-7vTn2bWcE9sLr5JhYd8PzAaG1oQiRtN4uM"]
[keycloak]
url = "http://localhost:8080"
[realms.acme]
[realms.acme.connections.it]
strategy = "%(strategy)s"
countries = %(countries)s
providers = ["it"]
[providers.it]
"""
TABLES = {
    "smtp": """
        type = "smtp"
        host = "127.0.0.1"
        port = {port}
        security = "none"
        sender = "Acme <login@acme.example>"
        """,
    "webhook": f"""
        type = "webhook"
        url = "http://127.0.0.1:{{port}}/messages"
        secret = "{SECRET}"
        """,
    "twilio": f"""
        type = "twilio"
        url = "http://127.0.0.1:{{port}}"
        account_sid = "{ACCOUNT_SID}"
        auth_token = "{AUTH_TOKEN}"
        sender = "+15005550006"
        """,
    "apprise": f"""
        type = "apprise"
        url = "json://127.0.0.1:{{port}}/{TOKEN_IN_A_PATH}?:recipient={{{{recipient}}}}&:message=body&-key={TOKEN_IN_A_QUERY}"
        """,
    "console": """
        type = "console"
        """,
}
OVER_A_WIRE = [name for name in TABLES if name != "console"]


@dataclass
class Way:
    """One provider, as the settings make it; `port` is its server's."""

    kind: str
    provider: Provider

    @property
    def destination(self) -> str:
        return MAILBOX if self.kind == "smtp" else NUMBER

    @property
    def content(self) -> Rendered:
        if self.kind == "smtp":
            return Rendered(subject=f"{CODE} is your code", text=f"{CODE}\n", html=f"<p>{CODE}</p>")
        return Rendered(subject="", text=f"{CODE} is your code.\n\n@localhost #{CODE}", html="")

    def act(self, name: str, message_id: str = "m1") -> Any:
        act: Callable[..., Any] = getattr(self.provider, name)
        return act(message_id=message_id, destination=self.destination, content=self.content, locale="en")

    def send(self, message_id: str = "m1") -> str:
        return str(self.act("send", message_id))

    def fails(self, name: str = "send") -> DeliveryFailed:
        with pytest.raises(DeliveryFailed) as failed:
            self.act(name)
        return failed.value


@pytest.fixture
def way(tmp_path) -> Iterator[Any]:
    made: list[Way] = []

    def make(kind: str, port: int = 0, timeout_s: int = PATIENCE_S) -> Way:
        more = "" if kind == "console" else f"timeout_s = {timeout_s}\nprivate_network = true\n"
        channel = {
            "strategy": "email" if kind == "smtp" else "sms",
            "countries": [] if kind == "smtp" else '["*"]',
        }
        path = tmp_path / f"{kind}-{len(made)}.toml"
        path.write_text(HOME % channel + TABLES[kind].format(port=port) + more, encoding="utf-8")
        (provider,) = providers_of(load(path, {}))["acme", "it"]
        made.append(Way(kind, provider))
        return made[-1]

    yield make
    for each in made:
        each.provider.close()


@dataclass
class Taken:
    """One message, as whoever is at the other end has it."""

    recipients: list[str]
    text: str
    #: What stays the same when the message comes again.
    mark: str


@contextlib.contextmanager
def honest(kind: str) -> Iterator[Any]:
    """The server that a provider of this kind speaks to."""
    with mail_server() if kind == "smtp" else Gateway() as server:
        yield server


def kept(kind: str, server: Any, printed: str) -> list[Taken]:
    if isinstance(server, Mails):
        return [
            Taken(
                mail.recipients, mail.message.get_body(("plain",)).get_content(), mail.message["Message-ID"]
            )
            for mail in server.kept
        ]
    if kind == "console":
        found = re.findall(r"^--- message (\S+)\nTo: (\S+)\n\n(.*?)\n---$", printed, re.DOTALL | re.MULTILINE)
        return [Taken([to], text, mark) for mark, to, text in found]
    return [
        Taken([text.recipient], text.text, text.headers.get("Idempotency-Key") or text.status_callback)
        for text in server.texts
    ]


@pytest.mark.parametrize("kind", TABLES)
def test_a_message_goes_whole_to_exactly_the_one_recipient(way, capsys, kind):
    with honest(kind) as server:
        through = way(kind, server.port)
        through.send()
        through.provider.close()

        (taken,) = kept(kind, server, capsys.readouterr().err)
    assert [through.destination] == taken.recipients
    assert through.content.text.strip() == taken.text.strip().replace("\r\n", "\n")


@pytest.mark.parametrize("kind", [kind for kind in TABLES if kind != "twilio"])
def test_a_message_that_comes_again_can_be_known_by_its_mark(way, capsys, kind):
    """Twilio knows no such thing."""
    with honest(kind) as server:
        through = way(kind, server.port)
        for message_id in ("m1", "m1", "m2"):
            through.send(message_id)
        through.provider.close()

        first, again, other = [taken.mark for taken in kept(kind, server, capsys.readouterr().err)]
    assert first == again != other
    assert "m1" in first


@pytest.mark.parametrize("kind", TABLES)
def test_a_rehearsal_ends_well_and_hands_nothing_over(way, capsys, kind):
    with honest(kind) as server:
        through = way(kind, server.port)
        through.act("rehearse")
        through.provider.close()

        assert [] == kept(kind, server, capsys.readouterr().err)


@pytest.mark.parametrize("act", ["send", "rehearse"])
@pytest.mark.parametrize("kind", OVER_A_WIRE)
def test_a_server_that_is_away_fails_anybodys_message(way, kind, act):
    """D1: a stranger may be told, for a rehearsal meets it too."""
    failed = way(kind, free_port()).fails(act)

    assert (False, False, False) == verdict(failed)


def verdict(failed: DeliveryFailed) -> tuple[bool, bool, bool]:
    """Whether another try is of no use; whether it is the recipient's matter; whether a stranger must not learn it."""
    return failed.is_final, isinstance(failed, RecipientRefused), failed.is_about_recipient


def ail(kind: str, server: Any, illness: str) -> None:
    if isinstance(server, Mails):
        server.rcpt_answer = {"recipient for good": "550 no such user", "recipient for now": "450 full"}[
            illness
        ]
    elif illness == "recipient for good":
        server.refuse(*((400, 21211) if kind == "twilio" else (404,)))
    elif illness == "recipient for now":
        server.refuse(400, 21408)
    else:
        server.refuse(int(illness))


@pytest.mark.parametrize("kind", OVER_A_WIRE)
def test_a_recipient_that_is_refused_for_good_is_so_everywhere(way, kind):
    with honest(kind) as server:
        ail(kind, server, "recipient for good")
        through = way(kind, server.port)

        assert (True, True, True) == verdict(through.fails())
        through.provider.close()


@pytest.mark.parametrize("kind", ["smtp", "twilio"])
def test_a_recipient_that_is_refused_for_now_may_be_tried_again(way, kind):
    """The others' answers can't say it."""
    with honest(kind) as server:
        ail(kind, server, "recipient for now")
        through = way(kind, server.port)

        assert (False, True, True) == verdict(through.fails())
        through.provider.close()


@pytest.mark.parametrize("status", ["302", "401", "403", "429", "500", "503"])
@pytest.mark.parametrize("kind", [kind for kind in OVER_A_WIRE if kind != "smtp"])
def test_whatever_else_a_gateway_answers_is_not_the_recipients_matter_and_may_pass(way, kind, status):
    """D1: no stranger is told, for a rehearsal does not meet it."""
    with honest(kind) as server:
        ail(kind, server, status)

        assert (False, False, True) == verdict(way(kind, server.port).fails())


ILL = {
    "says nothing": lambda _peer, over: over.wait(BOUND_S * 3),
    "hangs up": lambda _peer, _over: None,
    "a byte now and then": a_byte_now_and_then,
    "garbage": garbage,
    "lines without end": no_end(b"250-again\r\n"),
    "bytes without end": no_end(b"x" * 100),
}


@pytest.mark.parametrize("illness", ILL)
@pytest.mark.parametrize("kind", OVER_A_WIRE)
def test_a_server_that_took_a_message_and_then_makes_no_sense_is_given_up_in_time(way, kind, illness):
    """Nobody knows whether it is out: it is tried again, and no stranger is told."""
    with Rogue("smtp" if kind == "smtp" else "http", ILL[illness]) as rogue:
        began = time.monotonic()
        failed = way(kind, rogue.port, timeout_s=IMPATIENCE_S).fails()

        assert time.monotonic() - began < BOUND_S
        assert (False, False, True) == verdict(failed)
        assert 1 == rogue.taken


OK = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n"
AFTERWARDS = {
    "a byte now and then": after(OK + b"Content-Length: 1000000\r\n\r\n", a_byte_now_and_then),
    "bytes without end": after(OK + b"\r\n", no_end(b"x" * 100)),
    "no zip": after(OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n", garbage),
    "no chunks": after(OK + b"Transfer-Encoding: chunked\r\n\r\n", garbage),
    "less than it says": after(OK + b"Content-Length: 1000000\r\n\r\n", lambda *_: None),
}


@pytest.mark.parametrize("illness", AFTERWARDS)
@pytest.mark.parametrize("kind", [kind for kind in OVER_A_WIRE if kind != "smtp"])
def test_a_gateway_that_took_a_message_took_it_whatever_follows(way, kind, illness):
    """Else it would be sent again, and again."""
    with Rogue("http", AFTERWARDS[illness]) as rogue:
        began = time.monotonic()
        through = way(kind, rogue.port, timeout_s=IMPATIENCE_S)

        assert "" == through.send()
        assert time.monotonic() - began < BOUND_S
        assert 1 == rogue.taken


@pytest.mark.parametrize("act", ["send", "rehearse"])
def test_a_mail_server_that_never_gets_to_its_greeting_is_given_up_in_time(way, act):
    def greet(listener: socket.socket) -> None:
        with listener.accept()[0] as peer, contextlib.suppress(OSError):
            for _ in range(BOUND_S * 30):
                peer.sendall(b"2")
                time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        greeter = threading.Thread(target=greet, args=(listener,))
        greeter.start()
        began = time.monotonic()
        failed = way("smtp", listener.getsockname()[1], timeout_s=IMPATIENCE_S).fails(act)

        assert time.monotonic() - began < BOUND_S
        assert (False, False, False) == verdict(failed)
        greeter.join()


def test_a_reply_without_an_end_is_not_read_to_it(way):
    """Nor as much of it as comes in the time that there is."""
    sent: list[int] = []

    def act(peer: socket.socket, over: threading.Event) -> None:
        line = b"250-again\r\n" * 1000
        while not over.is_set():
            peer.sendall(line)
            sent.append(len(line))

    with Rogue("smtp", act) as rogue:
        way("smtp", rogue.port, timeout_s=3).fails()

    # What the two sockets hold, at most.
    assert sum(sent) < 20_000_000


@pytest.mark.parametrize("illness", ["a byte now and then", "hangs up", "garbage"])
@pytest.mark.parametrize("kind", OVER_A_WIRE)
def test_after_an_ill_answer_the_next_message_goes_out(way, kind, illness):
    """A connection that was cut is not used again."""
    with Rogue("smtp" if kind == "smtp" else "http", ILL[illness]) as rogue:
        through = way(kind, rogue.port, timeout_s=IMPATIENCE_S)
        through.fails()
        well = b"250 kept\r\n" if kind == "smtp" else OK + b"Content-Length: 0\r\n\r\n"
        rogue.act = after(well, lambda *_: None)

        assert "" == through.send("m2")
        assert 2 == rogue.taken


@pytest.mark.parametrize("kind", OVER_A_WIRE)
def test_nothing_secret_is_logged_or_said(way, caplog, kind):
    """F3: at debug level, in what is raised, and in what a provider prints as."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    with honest(kind) as server:
        through = way(kind, server.port)
        through.send()
        through.act("rehearse")
        if kind != "smtp":
            server.answer = f"no {CODE} for {NUMBER}".encode()
        ail(kind, server, "recipient for good")
        said.append(repr(through.fails()))
        through.provider.close()
    for illness in ("hangs up", "garbage"):
        with Rogue("smtp" if kind == "smtp" else "http", ILL[illness]) as rogue:
            said.append(repr(way(kind, rogue.port).fails()))
    away = way(kind, free_port())
    said += [repr(away.fails()), repr(away.fails("rehearse")), repr(through.provider)]

    # The mail server of this test logs all that it gets.
    logged = [record.getMessage() for record in caplog.records if record.name != "mail.log"]
    everything = "\n".join([*said, *logged])
    assert not [secret for secret in SECRETS if secret in everything]
