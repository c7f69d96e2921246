"""Gateways in processes of their own: one that answers badly, hangs or is killed, and the page that tells of it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner
from playwright.sync_api import Page, expect

from sidecar.app import Parts
from sidecar.cli import main
from sidecar.settings import load
from sidecar.store import tables
from tests.conftest import SECRET_KEY
from tests.gateway import SECRET, texts_in
from tests.ledger import rows
from tests.stack import free_port, serving, wait_until, write_settings
from tests.web.browser import authorization

pytestmark = [pytest.mark.faults, pytest.mark.browser]

NUMBER = "+4915123456789"
#: Each of two must fit into a claim.
TIMEOUT_S = 10
MORE = """
[providers.{name}]
type = "webhook"
url = "http://127.0.0.1:{port}/messages"
secret = "{secret}"
timeout_s = {timeout_s}
private_network = true
"""
SMS = """
[realms.acme.connections.sms]
strategy = "sms"
countries = ["DE"]
providers = ["primary", "backup"]
"""


@dataclass
class Elsewhere:
    """A gateway in a process of its own; begun again in another mood, it keeps its port."""

    name: str
    file: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def begin(self, mood: str = "") -> None:
        self.kill()
        arguments = [sys.executable, "-m", "tests.gateway", str(self.port), str(self.file), mood]
        self.process = subprocess.Popen(arguments)
        wait_until(self.is_up, f"the gateway {self.name}")

    def is_up(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def kill(self) -> None:
        """As `kill -9` does."""
        if self.process:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@dataclass
class House:
    settings_file: Path
    sidecar: str
    primary: Elsewhere
    backup: Elsewhere
    parts: Parts

    def begin_login(self, page: Page) -> None:
        """As far as the code page."""
        redirect_uri = self.parts.settings.broker_redirect_uri("acme", "sms")
        asked = authorization("acme", "sms", redirect_uri=redirect_uri)
        page.goto(f"{self.sidecar}/realms/acme/sms/authorize?{urlencode(asked)}")
        page.fill("input[name=address]", NUMBER)
        page.click("button[type=submit] >> nth=0")
        page.wait_for_url("**/code?challenge=*")

    def finish_login(self, page: Page, code: str) -> None:
        page.locator("#code").press_sequentially(code)
        page.wait_for_url("**/broker/sms/endpoint?**")

    def timeline(self) -> str:
        found = CliRunner().invoke(
            main,
            ["--settings", str(self.settings_file), "messages", "--realm", "acme", "--address", NUMBER],
        )
        assert 0 == found.exit_code, found.output
        return found.output


@pytest.fixture
def broker() -> Iterator[int]:
    """The port of what stands where Keycloak would: browsers are sent there, which is all that matters."""

    class Broker(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"signed in")

        def log_message(self, *_args) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Broker)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def house(tmp_path: Path, broker: int) -> Iterator[House]:
    port = free_port()
    gateways = [Elsewhere(name, tmp_path / f"{name}.texts") for name in ("primary", "backup")]
    path = write_settings(
        tmp_path / "passwordless.toml",
        sidecar_port=port,
        keycloak_url=f"http://localhost:{broker}",
        database_url=f"sqlite:///{tmp_path}/passwordless.db",
        smtp_port=free_port(),
        realms={"acme": True},
        secret_key=SECRET_KEY,
    )
    with path.open("a", encoding="utf-8") as file:
        for each in gateways:
            file.write(MORE.format(name=each.name, port=each.port, secret=SECRET, timeout_s=TIMEOUT_S))
        file.write(SMS)
    parts = Parts.build(load(path, {}))
    # One process, so that its one breaker is known: three failures in a row open it.
    with serving(path, port=port, log=tmp_path / "sidecar.log", workers=1):
        try:
            yield House(path, f"http://localhost:{port}", *gateways, parts)
        finally:
            for each in gateways:
                each.kill()
            parts.database.dispose()


@pytest.fixture
def owner(chromium) -> Iterator[Page]:
    context = chromium.new_context(locale="en-GB")
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def test_what_one_gateway_does_not_take_is_seen_at_the_other_and_the_owners_page_follows(house, owner):
    """The primary answers 500, then takes a text and hangs, then takes one and is killed."""
    house.primary.begin()
    house.backup.begin()
    house.begin_login(owner)
    (first,) = wait_until(lambda: texts_in(house.primary.file), "the first text")
    house.finish_login(owner, first.code)
    status = owner.locator("#status")

    for number, (mood, is_killed) in enumerate([("500", False), ("hangs", False), ("hangs", True)], start=1):
        house.primary.begin(mood)
        house.begin_login(owner)
        heard = number + 1
        wait_until(lambda heard=heard: len(texts_in(house.primary.file)) == heard, "the text at the primary")
        if mood == "hangs":
            # The owner's browser is known, so its page tells the truth.
            expect(status).to_have_attribute("data-status", "sending")
        if is_killed:
            house.primary.kill()

        wait_until(lambda number=number: len(texts_in(house.backup.file)) == number, "the text at the backup")
        # It asks less and less often.
        expect(status).to_have_attribute("data-status", "sent", timeout=40_000)
        newest = max(rows(house.parts, tables.messages), key=lambda row: row.created_at)
        assert ("sent", "backup", 1) == (newest.status, newest.provider, newest.attempts)
        text = texts_in(house.backup.file)[-1]
        assert texts_in(house.primary.file)[-1].code == text.code
        house.finish_login(owner, text.code)

    told = house.timeline()
    refused = [line for line in told.splitlines() if "not taken by primary" in line]
    assert ["answered 500", "no answer", "no answer"] == [
        line.partition("primary: ")[2].partition(":")[0] for line in refused
    ]
    assert (1, 3) == (told.count("message taken by primary"), told.count("message taken by backup"))
    assert not [text.code for text in texts_in(house.backup.file) if text.code in told]
