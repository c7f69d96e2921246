"""Where the machine plays: the real application over a real database, with a clock, a post and faults in its hand."""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask
from sqlalchemy import BigInteger, ColumnElement, bindparam, delete, event, literal_column

from sidecar import logs
from sidecar.app import Parts, create_app
from sidecar.delivery.ports import Rendered
from sidecar.delivery.worker import Worker
from sidecar.errors import DeliveryFailed, StoreUnavailable
from sidecar.login.keys import KeyRing
from sidecar.login.room import LoginRoom
from sidecar.settings import Secret, load
from sidecar.store import prepared
from sidecar.store.engine import Database
from sidecar.store.tables import metadata
from sidecar.words import Catalogue
from tests.faults.injection import ERRORS, Injection, into_sql
from tests.oidc.realm import Realms

_START_MS = 1_800_000_000_000
SETTINGS = """
[server]
public_url = "https://login.example.org"
secret_keys = ["{secret}"]
[database]
url = "{database}"
[keycloak]
url = "https://id.example.org"
internal_url = "{realms}"
[providers.smtp]
type = "smtp"
host = "127.0.0.1"
port = 1
security = "none"
private_network = true
sender = "Acme <login@example.org>"
[realms.acme.connections.email]
strategy = "email"
providers = ["smtp"]
limits.starts_per_network_per_hour = 8
[realms.acme.connections.partner]
strategy = "email"
method = "both"
providers = ["smtp"]
limits.starts_per_network_per_hour = 8
[realms.closed.connections.email]
strategy = "email"
providers = ["smtp"]
signup = false
# The hour allows much here, so that failures in a row are what ends.
[realms.strict.connections.email]
strategy = "email"
providers = ["smtp"]
limits.failures_per_hour = 50
limits.failures_in_a_row = 10
limits.failures_per_network_per_hour = 1000
limits.messages_per_hour = 20
limits.messages_per_day = 40
"""


def server_secret(number: int) -> str:
    """The same ones in every example, so that applications built for them can be kept."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"machine {number}".encode()).digest()).decode()


class StandingClock:
    """Stands still until it is moved, so that the same steps always happen at the same times."""

    def __init__(self) -> None:
        self.at = _START_MS

    def now(self) -> ColumnElement[int]:
        return literal_column("0", BigInteger) + bindparam(None, type_=BigInteger, callable_=lambda: self.at)

    def shift(self, *, seconds: float) -> None:
        self.at += int(seconds * 1000)


class WorkerDied(Exception):
    """The process of a worker ended at this point."""


@dataclass(frozen=True)
class Letter:
    """A message that left the house."""

    message_id: str
    destination: str
    code: str
    #: Empty where its connection sends codes only.
    link_token: str
    not_me_token: str

    @property
    def challenge_id(self) -> str:
        return self.not_me_token.partition(".")[0]


@dataclass
class Post:
    """A provider that keeps what it is given. `mood`: how the next message fares."""

    id: str = "smtp"
    mood: str = "takes"
    letters: list[Letter] = field(default_factory=list)

    def send(self, *, message_id: str, destination: str, content: Rendered, locale: str) -> None:  # noqa: ARG002
        if self.mood == "refuses":
            raise DeliveryFailed("550 no such mailbox", is_final=True, is_about_recipient=True)
        if self.mood == "is away":
            raise DeliveryFailed("connection refused")
        if self.mood == "worker dies before":
            raise WorkerDied
        found = re.search(r"/not-me/(\S+)", content.text)
        assert found
        link = re.search(r"/l/(\S+)", content.text)
        code = content.subject.split()[0]
        self.letters.append(Letter(message_id, destination, code, link[1] if link else "", found[1]))
        if self.mood == "worker dies after":
            raise WorkerDied

    def rehearse(self, **_message: Any) -> None:
        if self.mood == "is away":
            raise DeliveryFailed("connection refused")
        if self.mood.startswith("worker dies"):
            raise WorkerDied


@dataclass
class Seam:
    """What happens between the counting of a try and the spending, once."""

    between: Callable[[], None] | None = None

    def open(self) -> None:
        act, self.between = self.between, None
        if act:
            act()


@dataclass(frozen=True)
class _SeamedVerification:
    inner: Any
    seam: Seam

    def count_try(self, *args: Any, **rest: Any) -> Any:
        return self.inner.count_try(*args, **rest)

    def note_wrong(self, *args: Any, **rest: Any) -> None:
        self.inner.note_wrong(*args, **rest)

    def spend(self, *args: Any, **rest: Any) -> None:
        self.seam.open()
        self.inner.spend(*args, **rest)


@dataclass(frozen=True, kw_only=True)
class SeamedParts(Parts):
    """The house as it is built, but for one seam within a try."""

    seam: Seam

    def room(self) -> LoginRoom:
        room = super().room()
        return replace(room, verification=_SeamedVerification(room.verification, self.seam))


@dataclass(frozen=True)
class Fault:
    """What goes wrong once, in the next thing that is done: at which statement or commit of it."""

    moment: str
    at: int


class World:
    """One database for many runs; `reset` makes it new. `seen` counts what happened, over all of them."""

    def __init__(self, database_url: str, realms: Realms, folder: Path) -> None:
        self.clock = StandingClock()
        self.realms = realms
        self.seen: Counter[str] = Counter()
        path = folder / "machine.toml"
        path.write_text(
            SETTINGS.format(secret=server_secret(0), database=database_url, realms=realms.url),
            encoding="utf-8",
        )
        self.settings = load(path, {})
        self.database = Database(database_url, clock=self.clock)
        self.log = io.StringIO()
        self.post = Post()
        self._houses: dict[tuple[str, ...], tuple[SeamedParts, Flask, Worker]] = {}
        self.reset()

    def reset(self) -> None:
        """A new example begins: empty tables, one server secret, the clock at its start."""
        with self.database.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table))
        self.clock.at = _START_MS
        self.post.letters.clear()
        self.fault: Fault | None = None
        #: A mood is one message's, not an outage that all meet: pages of two messages may differ after it.
        self.mail_failed = False
        self.log.seek(0)
        self.log.truncate()
        self._made_secrets = 0
        self.use_secrets([server_secret(0)])

    def fresh_secret(self) -> str:
        self._made_secrets += 1
        return server_secret(self._made_secrets)

    def use_secrets(self, secrets: list[str]) -> None:
        """What a restart with this list makes of the processes."""
        self.secrets = list(secrets)
        key = tuple(secrets)
        if key not in self._houses:
            keys = KeyRing([Secret(it) for it in secrets])
            parts = SeamedParts(
                settings=self.settings, database=self.database, keys=keys, catalogue=Catalogue(), seam=Seam()
            )
            worker = parts.worker()
            worker = replace(worker, providers=dict.fromkeys(worker.providers, (self.post,)))
            self._houses[key] = parts, create_app(parts), worker
        self.parts, self.app, self._worker = self._houses[key]

    def deliver(self, mood: str = "takes", most: int = 20) -> None:
        """Let a worker of its own handle what is queued; the mood is for the first, and the others are taken."""
        self.mail_failed |= mood != "takes" or self.fault is not None
        worker = replace(self._worker, id=Worker.new_id())
        self.post.mood = mood
        try:
            for _ in range(most):
                if not self.under_fault(worker.step):
                    break
                self.post.mood = "takes"
        except (WorkerDied, StoreUnavailable) as end:
            self.seen[f"worker ended by {type(end).__name__}"] += 1
        finally:
            self.post.mood = "takes"

    def under_fault(self, act: Callable[[], Any]) -> Any:
        """Do it; if a fault waits, it strikes now."""
        fault, self.fault = self.fault, None
        if fault is None:
            return act()
        injection = Injection(at=fault.at, error=ERRORS[0])
        with _into(self.database.engine, fault.moment, injection):
            try:
                return act()
            finally:
                if injection.fired:
                    self.seen[f"fault: {fault.moment}"] += 1

    def close(self) -> None:
        self.database.dispose()


@contextmanager
def _into(engine: Any, moment: str, injection: Injection) -> Iterator[None]:
    if moment != "dropped":
        with into_sql(engine, moment, injection):
            yield
        return

    def drop(connection: Any, *_args: Any) -> None:
        try:
            injection()
        except Exception:
            connection.connection.dbapi_connection.close()

    on_driver = prepared.execute_on_driver

    def dropped(connection: Any, *args: Any, **rest: Any) -> Any:
        drop(connection)
        return on_driver(connection, *args, **rest)

    event.listen(engine, "before_cursor_execute", drop)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prepared, "execute_on_driver", dropped)
            yield
    finally:
        event.remove(engine, "before_cursor_execute", drop)


@contextmanager
def logging_into(log: io.StringIO) -> Iterator[None]:
    """Our own logging, written to where the machine looks for secrets; then as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    logs.configure("info")
    root.handlers[0].setStream(log)  # type: ignore[attr-defined]
    # Loggers that keep what they were first configured with would outlive this.
    structlog.configure(**{**structlog.get_config(), "cache_logger_on_first_use": False})
    try:
        yield
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()
