"""kill -9 of every process in turn while people sign in: nothing is lost, nothing happens twice (threats F6, G7, G10).

`PASSWORDLESS_KILL_ROUNDS=10` kills each of them ten times.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sidecar.app import Parts
from sidecar.settings import load
from sidecar.store.tables import messages
from tests import stack
from tests.clusters import cluster
from tests.conftest import SECRET_KEY
from tests.faults.post import letters
from tests.faults.reconciliation import Reconciliation
from tests.faults.services import Postgres, Program, children, kept_running
from tests.faults.visitors import House, Visitors
from tests.ledger import rows
from tests.oidc.fixtures import realms
from tests.stack import wait_until

__all__ = ["realms"]

pytestmark = pytest.mark.faults
ROUNDS = int(os.environ.get("PASSWORDLESS_KILL_ROUNDS", "1"))
CLIENTS = 3


@dataclass
class Site:
    """All processes of a production, and who uses them."""

    parts: Parts
    house: House
    server: Program
    worker: Program
    post: Program
    postgres: Postgres
    log: Path


@pytest.fixture
def site(realms, tmp_path) -> Iterator[Site]:
    with cluster() as primary:
        house = House(stack.free_port(), "", realms, tmp_path / "mails.jsonl")
        smtp_port = stack.free_port()
        file = stack.write_settings(
            tmp_path / "passwordless.toml",
            sidecar_port=house.port,
            keycloak_url=realms.url,
            database_url=primary.url,
            smtp_port=smtp_port,
            realms={"acme": True},
            secret_key=SECRET_KEY,
            log_level="info",
        )
        parts = Parts.build(load(file, {}))
        house.redirect_uri = parts.settings.broker_redirect_uri("acme", "email")
        log = tmp_path / "sidecar.log"

        def ours(*arguments: str) -> Callable[[], subprocess.Popen[bytes]]:
            environment = {"PASSWORDLESS__SERVER__EMBEDDED_WORKER": "false"}
            return lambda: stack.run(list(arguments), settings=file, log=log, **environment).process

        server = Program("gunicorn", ours("serve", "--bind", f"127.0.0.1:{house.port}", "--workers", "2"))
        worker = Program("worker", ours("worker"))
        command = [sys.executable, "-m", "tests.faults.post", str(smtp_port), str(house.mails)]
        post = Program("mail server", lambda: subprocess.Popen(command, start_new_session=True))
        postgres = Postgres(primary)
        with kept_running(server, worker, post, postgres):
            yield Site(parts, house, server, worker, post, postgres, log)
            parts.database.dispose()


def kill_the_worker_with_a_message_in_its_hand(site: Site) -> None:
    os.kill(site.post.pid, signal.SIGSTOP)
    wait_until(
        lambda: [it for it in rows(site.parts, messages) if it.taken_until and not it.finished_at],
        "a message that is on its way",
    )
    os.kill(site.worker.pid, signal.SIGKILL)
    os.kill(site.post.pid, signal.SIGCONT)


def kill_postgres(site: Site) -> None:
    os.kill(site.postgres.pid, signal.SIGKILL)


def kill_a_backend(site: Site) -> None:
    os.kill(site.postgres.a_backend_at_work(), signal.SIGKILL)


def kill_the_mail_server(site: Site) -> None:
    os.kill(site.post.pid, signal.SIGKILL)


def kill_a_gunicorn_worker(site: Site) -> None:
    os.kill(children(site.server.pid)[0], signal.SIGKILL)


def kill_the_gunicorn_master(site: Site) -> None:
    os.kill(site.server.pid, signal.SIGKILL)


#: Those whose messages wait for a claim to lapse come first, so that the others pass the time.
KILLS = (
    kill_the_worker_with_a_message_in_its_hand,
    kill_postgres,
    kill_a_backend,
    kill_the_mail_server,
    kill_a_gunicorn_worker,
    kill_the_gunicorn_master,
)


@pytest.mark.timeout(300 + 150 * (ROUNDS - 1))
def test_what_is_killed_loses_nothing_and_doubles_nothing(site):
    visitors = Visitors(site.house, CLIENTS)
    try:
        wait_until(lambda: visitors.signed_in >= CLIENTS, "the first logins", 40)
        for _ in range(ROUNDS):
            for kill in KILLS:
                before = visitors.signed_in
                kill(site)
                print(f"{time.strftime('%X')} {kill.__name__}, {before} signed in by then", flush=True)
                wait_until(
                    lambda b=before: visitors.signed_in >= b + 2 * CLIENTS,
                    f"logins after {kill.__name__}",
                    60,
                )
        visitors.stop_coming()
        wait_until(lambda: all(it.is_in for it in visitors.people), "everybody's login", 75)
        wait_until(
            lambda: all(it.finished_at for it in rows(site.parts, messages)), "every message's end", 75
        )
    finally:
        visitors.end()
        found = Reconciliation(site.parts, visitors.people, letters(site.house.mails))
        print(found)

    assert {} == {what: ids for what, ids in found.wrong.items() if ids}
    services = (site.server, site.worker, site.post, site.postgres)
    # More often where one starts while another is still away.
    assert all(service.restarts >= ROUNDS for service in services), {it.name: it.restarts for it in services}
