"""The SMTP provider against real SMTP servers: TLS, STARTTLS, authentication, refusals, silence."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sidecar.delivery.ports import Rendered
from sidecar.delivery.smtp import Smtp
from sidecar.errors import DeliveryFailed, RecipientRefused
from sidecar.settings import Secret, SmtpProvider
from tests.stack import free_port

CONTENT = Rendered(subject="123456 is your code", text="123456\n", html="<p>123456</p>")


@dataclass
class Handler:
    """Keeps envelopes and how they came; answers RCPT and DATA as told."""

    rcpt_answer: str = ""
    data_answer: str = "250 kept"
    envelopes: list[Any] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        if self.rcpt_answer:
            return self.rcpt_answer
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, _session, envelope):  # noqa: N802
        self.envelopes.append(envelope)
        self.was_encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        return self.data_answer


@dataclass(frozen=True)
class Certificate:
    path: Path
    context: ssl.SSLContext


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Certificate:
    """A self-signed one for localhost; clients trust it only when they are told to."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path = folder / "key.pem"
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path, key_path)
    return Certificate(path, context)


@pytest.fixture
def serve() -> Iterator[Any]:
    running: list[Controller] = []

    def start(handler: Handler, **options: Any) -> int:
        port = free_port()
        running.append(Controller(handler, hostname="127.0.0.1", port=port, **options))
        running[-1].start()
        return port

    yield start
    for controller in running:
        controller.stop()


@pytest.fixture
def provider() -> Iterator[Callable[..., Smtp]]:
    """Make a provider; its connection is let go after the test."""
    made: list[Smtp] = []

    def make(port: int, **changed: Any) -> Smtp:
        made.append(provider_of(port, **changed))
        return made[-1]

    yield make
    for smtp in made:
        smtp.close()


def provider_of(port: int, **changed: Any) -> Smtp:
    values = {
        "id": "smtp",
        "type": "smtp",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "username": "",
        "password": Secret(""),
        "sender": "Acme <login@acme.example>",
        "timeout_s": 2,
        "ca_file": "",
        "private_network": True,
    }
    resolve = changed.pop("resolve", None)
    return Smtp(SmtpProvider(**{**values, **changed}), resolve=resolve)


def send(smtp: Smtp, destination: str = "ada@example.org") -> None:
    smtp.send(message_id="m1", destination=destination, content=CONTENT, locale="de")


def test_a_message_has_both_parts_one_recipient_and_marks_of_a_machine(serve, provider):
    handler = Handler()
    port = serve(handler)

    send(provider(port))

    (envelope,) = handler.envelopes
    text = envelope.content.decode()
    assert (["ada@example.org"], "login@acme.example") == (envelope.rcpt_tos, envelope.mail_from)
    for line in (
        "To: ada@example.org",
        "From: Acme <login@acme.example>",
        "Subject: 123456 is your code",
        "Auto-Submitted: auto-generated",
        "Content-Language: de",
        "Message-ID: <m1@acme.example>",
        "Content-Type: text/plain",
        "Content-Type: text/html",
    ):
        assert line in text


def test_a_connection_serves_several_messages_and_a_lost_one_is_opened_anew(serve, provider):
    handler = Handler()
    port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    smtp = provider(port)
    send(smtp)
    send(smtp)
    controller.stop()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()

    send(smtp)

    assert 3 == len(handler.envelopes)
    controller.stop()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_the_message_travels_encrypted(serve, provider, certificate, security):
    handler = Handler()
    options = (
        {"tls_context": certificate.context}
        if security == "starttls"
        else {"ssl_context": certificate.context}
    )
    port = serve(handler, **options)

    send(provider(port, security=security, ca_file=str(certificate.path)))

    assert [True] == handler.was_encrypted


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_whose_certificate_is_not_trusted_gets_nothing(serve, provider, certificate, security):
    handler = Handler()
    options = (
        {"tls_context": certificate.context}
        if security == "starttls"
        else {"ssl_context": certificate.context}
    )
    port = serve(handler, **options)

    with pytest.raises(DeliveryFailed, match="not reachable"):
        send(provider(port, security=security))

    assert [] == handler.envelopes


def test_a_server_without_starttls_gets_nothing(serve, provider):
    """A downgrade is never taken."""
    handler = Handler()
    port = serve(handler)

    with pytest.raises(DeliveryFailed):
        send(provider(port, security="starttls"))

    assert [] == handler.envelopes


def authenticator(_server, _session, _envelope, _mechanism, data):
    assert isinstance(data, LoginPassword)
    return AuthResult(success=data.password == b"right horse")


def test_it_signs_in_where_it_has_a_name(serve, provider, certificate):
    handler = Handler()
    port = serve(handler, tls_context=certificate.context, authenticator=authenticator, auth_required=True)
    own = {"security": "starttls", "ca_file": str(certificate.path), "username": "login"}

    send(provider(port, **own, password=Secret("right horse")))
    with pytest.raises(DeliveryFailed, match="user name or password") as failed:
        send(provider(port, **own, password=Secret("wrong horse")))

    assert 1 == len(handler.envelopes)
    assert not failed.value.is_final
    assert not failed.value.is_about_recipient


@pytest.mark.parametrize(
    ("answers", "is_final"),
    [
        ({"rcpt_answer": "550 no such user ada@example.org"}, True),
        ({"rcpt_answer": "450 greylisted"}, False),
        ({"data_answer": "554 spam"}, True),
        ({"data_answer": "451 later"}, False),
    ],
)
def test_a_refusal_is_final_by_its_class_and_about_the_recipient(serve, provider, answers, is_final):
    port = serve(Handler(**answers))

    with pytest.raises(DeliveryFailed) as failed:
        send(provider(port))

    assert is_final is failed.value.is_final
    assert failed.value.is_about_recipient
    assert "ada" not in failed.value.reason


@pytest.mark.parametrize("answer", ["what is this?", "000 nothing", "99 too short"])
def test_what_is_no_smtp_is_not_the_recipients_matter(serve, provider, answer):
    """It counts towards the breaker, which refused recipients don't."""
    with pytest.raises(DeliveryFailed, match="answered no SMTP") as failed:
        send(provider(serve(Handler(rcpt_answer=answer))))

    assert not isinstance(failed.value, RecipientRefused)
    assert (False, True) == (failed.value.is_final, failed.value.is_about_recipient)


def test_after_a_refusal_the_connection_still_serves(serve, provider):
    handler = Handler(rcpt_answer="550 no")
    smtp = provider(serve(handler))
    with pytest.raises(DeliveryFailed):
        send(smtp)
    handler.rcpt_answer = ""

    send(smtp, "grace@example.org")

    assert [["grace@example.org"]] == [envelope.rcpt_tos for envelope in handler.envelopes]


def test_a_silent_server_is_given_up_after_the_timeout(provider):
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(DeliveryFailed, match="not reachable"),
    ):
        send(provider(silent.getsockname()[1], timeout_s=1))


def test_a_port_without_a_server_is_a_failure_that_may_pass(provider):
    with pytest.raises(DeliveryFailed) as failed:
        send(provider(free_port()))

    assert not failed.value.is_final


def rehearse(smtp: Smtp, destination: str = "ada@example.org") -> None:
    smtp.rehearse(message_id="m1", destination=destination, content=CONTENT, locale="de")


def test_a_rehearsal_says_hello_and_hands_nothing_over(serve, provider):
    """D1: not even the recipient is named."""
    handler = Handler(rcpt_answer="550 no such user")

    rehearse(provider(serve(handler)))

    assert [] == handler.envelopes


@pytest.mark.parametrize("act", [send, rehearse])
def test_a_rehearsal_fails_as_any_message_would(serve, provider, certificate, act):
    """D1: an outage, a wrong password and an address that no header holds; alike in all that is told."""
    refusing = serve(
        Handler(), tls_context=certificate.context, authenticator=authenticator, auth_required=True
    )
    wrong = {"security": "starttls", "ca_file": str(certificate.path), "username": "login"}
    failures = []
    for smtp, destination in (
        (provider(free_port()), "ada@example.org"),
        (provider(refusing, **wrong, password=Secret("wrong horse")), "ada@example.org"),
        (provider(free_port()), "=?utf-8?q?admin?=@example.org"),
    ):
        with pytest.raises(DeliveryFailed) as failed:
            act(smtp, destination)
        failures.append((failed.value.is_final, failed.value.is_about_recipient))

    assert [(False, False), (False, False), (True, True)] == failures


def test_a_rehearsal_takes_as_long_as_the_last_message_did(serve, provider):
    """D2: who waits in the queue behind it can't tell it from a message."""

    class Slow(Handler):
        async def handle_DATA(self, server, session, envelope):  # noqa: N802
            await asyncio.sleep(0.2)
            return await super().handle_DATA(server, session, envelope)

    smtp = provider(serve(Slow()))
    send(smtp)
    began = time.monotonic()

    rehearse(smtp)

    assert time.monotonic() - began >= 0.2


def test_what_breaks_off_after_hello_is_not_told(serve, provider):
    """D1: a rehearsal would not meet it, so a stranger's page must not say it."""

    class Rude(Handler):
        async def handle_RCPT(self, server, _session, _envelope, _address, _options):  # noqa: N802
            server.transport.close()
            return "250 ok"

    with pytest.raises(DeliveryFailed, match="broke off") as failed:
        send(provider(serve(Rude())))

    assert failed.value.is_about_recipient
    assert not failed.value.is_final


@pytest.mark.parametrize("act", [send, rehearse])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433"])
def test_a_mail_server_inside_is_not_reached_unless_it_is_meant(serve, host, act):
    """F1: and a rehearsal says the same, so nobody learns of it whom a message is for."""
    handler = Handler()
    smtp = provider_of(serve(handler), host=host, private_network=False)

    with pytest.raises(DeliveryFailed, match="not reachable: AddressBlocked") as failed:
        act(smtp)

    assert [] == handler.envelopes
    assert (False, False) == (failed.value.is_final, failed.value.is_about_recipient)


def test_the_certificate_must_be_for_the_name_though_the_connection_goes_to_the_address(
    serve, provider, certificate
):
    """F1: what was resolved is connected to; what was written is asked for."""
    handler = Handler()
    port = serve(handler, ssl_context=certificate.context)
    own = {"security": "tls", "ca_file": str(certificate.path)}

    def resolve(_host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with pytest.raises(DeliveryFailed, match="SSLCertVerificationError"):
        send(provider(port, **own, host="smtp.example.org", resolve=resolve))
    send(provider(port, **own, host="localhost", resolve=resolve))

    assert 1 == len(handler.envelopes)
