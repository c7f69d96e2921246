"""`passwordless demo` as far as it goes without starting Keycloak; the whole of it is in tests/e2e."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing

import pytest

from sidecar.cli.demo import demo
from sidecar.demo import stack
from sidecar.demo.distribution import KNOWN_SHA256
from sidecar.demo.ports import Ports


@pytest.fixture
def run(tmp_path, free_port):
    def run(*arguments: str, before: str = "", **environment: str) -> subprocess.CompletedProcess:
        ports = {
            f"{name}_PORT": str(free_port()) for name in ("KEYCLOAK", "SIDECAR", "INBOX", "SMTP", "FLASK")
        }
        outer = {name: value for name, value in os.environ.items() if name != "MAKELEVEL"}
        return subprocess.run(
            [sys.executable, "-c", f"{before}\nfrom sidecar.cli import main; main()", "demo", *arguments],
            env={**outer, **ports, "PASSWORDLESS_CACHE": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_a_busy_port_ends_it_with_one_sentence_before_anything_is_fetched(run, tmp_path, free_port):
    port = free_port()
    with closing(socket.create_server(("127.0.0.1", port))):
        ended = run(SIDECAR_PORT=str(port))
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"passwordless: port {port}, where sidecar should listen, is in use")
    assert ended.stderr.endswith(" passwordless demo\n")
    assert not (tmp_path / "downloads").exists()


def test_without_a_network_it_ends_with_one_sentence_and_no_half_made_state(run, tmp_path, free_port):
    ended = run("--maven-repository", f"http://127.0.0.1:{free_port()}")
    assert ended.returncode == 2
    assert "passwordless: Keycloak 26.7.4 can't be fetched from" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [entry.name for entry in (tmp_path / "demo" / "26.7.4").iterdir()] == ["lock"]


def test_its_default_version_is_one_whose_checksum_is_known():
    option = next(option for option in demo.params if option.name == "keycloak_version")
    assert option.default in KNOWN_SHA256


def test_its_default_ports_are_those_of_the_ports_value():
    given = {
        option.name.removesuffix("_port"): option.default
        for option in demo.params
        if option.name.endswith("_port") and option.default is not None
    }
    assert Ports(**given) == Ports()


def test_without_the_extra_it_says_what_to_install(run):
    ended = run(before="import sys; sys.modules['maven_artifact'] = None")
    assert ended.returncode == 2
    assert ended.stderr == (
        "passwordless: the demo needs the package maven_artifact: pip install 'keycloak-passwordless[demo]'\n"
    )


@pytest.mark.parametrize(
    ("environment", "value"),
    [
        ({}, "localhost,127.0.0.1,::1"),
        ({"NO_PROXY": "intra.example"}, "intra.example,localhost,127.0.0.1,::1"),
        ({"no_proxy": "a.example", "NO_PROXY": "b.example"}, "a.example,localhost,127.0.0.1,::1"),
    ],
)
def test_this_machine_is_never_reached_through_a_proxy(environment, value):
    assert (
        stack.without_proxy(environment)["no_proxy"] == stack.without_proxy(environment)["NO_PROXY"] == value
    )
