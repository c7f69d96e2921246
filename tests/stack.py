"""A running sidecar for tests: gunicorn over a database, a worker, and a real SMTP server that keeps what it gets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import MappingProxyType
from typing import Any

import requests
from aiosmtpd.controller import Controller

from sidecar import store

#: What a gateway of the tests shares with the sidecar.
GATEWAY_SECRET = "a-gateway-secret-of-this-test-run-0123456789"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_until(condition: Any, what: str, seconds: float = 20.0) -> Any:
    """Poll for a truthy answer; a generous deadline only keeps a broken run from hanging."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


@dataclass
class Mail:
    recipients: list[str]
    message: EmailMessage

    @property
    def code(self) -> str:
        return str(self.message["Subject"]).split()[0]

    @property
    def link(self) -> str:
        return re.findall(r"https?://\S+/l/\S+", self.text)[0]

    @property
    def text(self) -> str:
        return str(self.message.get_body(("plain",)).get_content())


@dataclass
class MailServer:
    """A real SMTP server on a port of its own; stopped and started again, it keeps its port."""

    port: int = field(default_factory=free_port)
    mails: list[Mail] = field(default_factory=list)
    #: While it is there and not set, messages are kept but not answered.
    hold_after_data: threading.Event | None = None
    _controller: Controller | None = None

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        message = message_from_bytes(envelope.original_content, policy=policy.default)
        self.mails.append(Mail(list(envelope.rcpt_tos), message))
        if self.hold_after_data:
            await asyncio.to_thread(self.hold_after_data.wait, 120)
        return "250 kept"

    def start(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        if self._controller:
            self._controller.stop()
            self._controller = None

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self.mails if address in mail.recipients]

    def wait_for(self, address: str, count: int = 1, seconds: float = 20.0) -> Mail:
        """The newest mail to the address, when there are `count`."""
        wait_until(lambda: len(self.to(address)) >= count, f"{count} mail(s) to {address}", seconds)
        return self.to(address)[-1]


@dataclass
class Server:
    """A `passwordless` process of the tests, ended by its own process group."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


def run(arguments: list[str], *, settings: Path, log: Path, **environment: str) -> Server:
    """Start `passwordless …` with these settings; its output goes to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "sidecar.cli", *arguments],
            env={**os.environ, **environment, "PASSWORDLESS_SETTINGS": str(settings)},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Server(process, log)


@contextlib.contextmanager
def serving(
    settings: Path, *, port: int, log: Path, workers: int = 2, **environment: str
) -> Iterator[Server]:
    """A sidecar under gunicorn, ready to answer."""
    arguments = ["serve", "--bind", f"127.0.0.1:{port}", "--workers", str(workers)]
    server = run(arguments, settings=settings, log=log, **environment)
    try:
        wait_ready(server, port)
        yield server
    finally:
        server.stop()


def wait_ready(server: Server, port: int) -> None:
    def is_ready() -> bool:
        assert server.process.poll() is None, server.log.read_text()[-3000:]
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"http://127.0.0.1:{port}/health/ready", timeout=2).ok
        return False

    wait_until(is_ready, "the sidecar's readiness", 30)


def write_settings(
    path: Path,
    *,
    sidecar_port: int,
    keycloak_url: str,
    database_url: str,
    smtp_port: int,
    realms: dict[str, bool],
    secret_key: str,
    log_level: str = "debug",
    methods: Mapping[str, str] = MappingProxyType({}),
    numbers: Collection[str] = (),
    step_up: Collection[str] = (),
    account_page: Collection[str] = (),
    passkeys: Mapping[str, str] = MappingProxyType({}),
    gateway_url: str = "",
    locales: Mapping[str, Sequence[str]] = MappingProxyType({}),
    more: str = "",
) -> Path:
    """Settings for realms (name → whether it has passwords) with an `email` connection each; migrates the database.

    `methods`: what the messages of a realm bring, where it is not a code. `numbers`: realms with a connection `sms`
    too, for British mobiles, through an HTTP gateway at `gateway_url`. `step_up`: realms with a
    second factor for applications that ask for it. `account_page`: realms with that, and with an account of the
    sidecar's. `passkeys`: what a realm says of them, with such an account where it asks for them. `locales`: a realm's
    languages, where they are not the default ones. `more`: further tables, as TOML.
    """
    tables = "".join(
        f'[realms.{name}]\ndisplay_name = "{name.title()}"\npasswords = {str(passwords).lower()}\n'
        f'default_region = "{"GB" if name in numbers else ""}"\n'
        f"step_up = {str(name in step_up).lower()}\n"
        f"service_account = {str(name in account_page or passkeys.get(name) in {'offer', 'require'}).lower()}\n"
        f"account_page = {str(name in account_page).lower()}\n"
        f'passkeys = "{passkeys.get(name, "off")}"\n'
        f"locales = {json.dumps(list(locales.get(name, ('en', 'de'))))}\n"
        f'[realms.{name}.connections.email]\nstrategy = "email"\nproviders = ["smtp"]\n'
        f'method = "{methods.get(name, "code")}"\n'
        f"[realms.{name}.connections.email.limits]\nstarts_per_network_per_hour = 10000\n"
        for name, passwords in realms.items()
    )
    tables += "".join(
        f'[realms.{name}.connections.sms]\nstrategy = "sms"\nproviders = ["gateway"]\ncountries = ["GB"]\n'
        f"[realms.{name}.connections.sms.limits]\nstarts_per_network_per_hour = 10000\nresend_after_s = 5\n"
        for name in numbers
    )
    if gateway_url:
        tables += (
            f'[providers.gateway]\ntype = "webhook"\nurl = "{gateway_url}"\nsecret = "{GATEWAY_SECRET}"\n'
            "private_network = true\ntimeout_s = 3\n"
        )
    path.write_text(
        f"""
[server]
public_url = "http://localhost:{sidecar_port}"
secret_keys = ["{secret_key}"]
log_level = "{log_level}"
[database]
url = "{database_url}"
[keycloak]
url = "{keycloak_url}"
timeout_s = 30
[providers.smtp]
type = "smtp"
host = "127.0.0.1"
port = {smtp_port}
security = "none"
private_network = true
timeout_s = 3
sender = "Acme <login@acme.example>"
{tables}
{more}""",
        encoding="utf-8",
    )
    store.migrate(database_url)
    return path
