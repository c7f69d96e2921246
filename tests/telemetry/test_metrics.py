"""`/metrics` tells what happened, over all processes, on a port of its own, and nothing about anybody."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from sidecar.errors import RateLimited, SettingsError
from sidecar.login.redeem import redeem
from sidecar.login.verify import verify
from sidecar.telemetry import exporter
from sidecar.telemetry.metrics import REGISTRY
from tests import stack
from tests.conftest import SECRET_KEY
from tests.flow import caller, right_code, start, wrong_code
from tests.stack import MailServer, wait_until


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@contextlib.contextmanager
def raised(name: str, by: float = 1, **labels: str) -> Iterator[None]:
    before = value(name, **labels)
    yield
    assert before + by == value(name, **labels)


WHERE = {"realm": "acme", "connection": "email"}


def test_the_funnel_and_the_outcomes_of_codes_are_counted(parts):
    with (
        raised("passwordless_challenges_started_total", **WHERE),
        raised("passwordless_codes_total", 2, outcome="compared", **WHERE),
        raised("passwordless_codes_total", outcome="accepted", **WHERE),
        raised("passwordless_codes_total", outcome="wrong", **WHERE),
        raised("passwordless_codes_total", outcome="closed", **WHERE),
        raised("passwordless_auth_codes_total", outcome="redeemed", **WHERE),
        raised("passwordless_auth_codes_total", outcome="refused", **WHERE),
    ):
        challenge = start(parts)
        for code in (
            wrong_code(parts, challenge),
            right_code(parts, challenge),
            right_code(parts, challenge),
        ):
            with contextlib.suppress(Exception):
                done = verify(parts.room(), challenge=challenge, unverified_code=code, caller=caller())
        for _ in range(2):
            redeem(parts.room(), realm="acme", connection="email", unverified_auth_code=done.raw_auth_code)


def test_a_refusal_is_counted_by_its_budget(parts):
    with (
        raised("passwordless_refusals_total", budget="messages_per_hour", **WHERE),
        pytest.raises(RateLimited),
    ):
        for _ in range(6):
            start(parts)


def test_a_message_is_counted_by_outcome_and_provider(parts):
    """Nobody listens on port 1: the first attempt is put back."""
    start(parts)
    with raised("passwordless_messages_total", provider="smtp", outcome="delayed", **WHERE):
        parts.worker().step()


def test_a_path_of_nobody_is_one_route_and_no_label_of_its_own(app):
    with raised("passwordless_requests_total", 2, route="none", method="GET", status="404"):
        for path in ("/admin/secret-1", "/admin/secret-2"):
            app.test_client().get(path, base_url="https://login.example.org")


def test_an_unknown_method_makes_no_label_of_its_own(app):
    with raised("passwordless_requests_total", route="none", method="other", status="404"):
        app.test_client().open("/nowhere", method="BREW", base_url="https://login.example.org")


def test_an_address_that_is_taken_is_named(tmp_path):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError, match=r"metrics\.bind"):
            exporter.start(f"127.0.0.1:{taken.getsockname()[1]}", lambda: exporter.Queue(0, 0.0))


@pytest.mark.faults
def test_one_scrape_counts_for_all_processes_also_after_one_died(sqlite_url, tmp_path):
    port, metrics_port = stack.free_port(), stack.free_port()
    mail = MailServer()
    settings = stack.write_settings(
        tmp_path / "passwordless.toml",
        sidecar_port=port,
        keycloak_url="http://localhost:1",
        database_url=sqlite_url,
        smtp_port=mail.port,
        realms={"acme": True},
        secret_key=SECRET_KEY,
    )
    bind = f"127.0.0.1:{metrics_port}"

    def scrape() -> dict[str, float]:
        text = requests.get(f"http://{bind}/metrics", timeout=5).text
        return {
            sample.name + str(sample.labels): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    live = "passwordless_requests_total" + str({"method": "GET", "route": "/health/live", "status": "200"})
    with stack.serving(
        settings, port=port, log=tmp_path / "log", workers=3, PASSWORDLESS__METRICS__BIND=bind
    ) as server:
        for _ in range(40):
            requests.get(f"http://127.0.0.1:{port}/health/live", timeout=5)
        assert 40 == scrape()[live]
        assert 1.0 == scrape()["passwordless_database_up{}"]
        assert 0.0 == scrape()["passwordless_queue_age_seconds{}"]
        # Not on the public port.
        assert 404 == requests.get(f"http://localhost:{port}/metrics", timeout=5).status_code

        children = _children(server.process.pid)
        os.kill(children[0], signal.SIGKILL)
        wait_until(
            lambda: (
                len(_children(server.process.pid)) == 3 and children[0] not in _children(server.process.pid)
            ),
            "a new process",
        )
        for _ in range(5):
            requests.get(f"http://127.0.0.1:{port}/health/live", timeout=5)
        assert 45 == scrape()[live]


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
