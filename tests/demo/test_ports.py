"""Ports: in use, meant for two, or not allowed."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from sidecar.demo.ports import Ports
from sidecar.errors import DemoError


@pytest.fixture
def ports(free_port):
    return {name: free_port() for name in ("keycloak", "sidecar", "inbox", "smtp", "flask")}


def test_free_ports_are_fine(ports):
    Ports(**ports).require_free(command="make demo")


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")]
)
def test_a_port_in_use_is_named_with_another_that_is_free(ports, family, host):
    with closing(socket.socket(family)) as listener:
        listener.bind((host, ports["sidecar"]))
        listener.listen()
        with pytest.raises(DemoError) as caught:
            Ports(**ports).require_free(command="make demo")
    text = str(caught.value)
    assert f"port {ports['sidecar']}, where sidecar should listen, is in use" in text
    named = text.partition("SIDECAR_PORT=")[2]
    assert named.endswith(" make demo")
    assert int(named.split()[0]) > ports["sidecar"]


def test_a_port_that_is_bound_and_not_answered_is_in_use_too(ports):
    with closing(socket.socket()) as holder:
        holder.bind(("127.0.0.1", ports["smtp"]))
        with pytest.raises(DemoError, match="where smtp should listen, is in use"):
            Ports(**ports).require_free(command="make demo")


def test_one_port_for_two_is_refused(ports):
    with pytest.raises(DemoError, match="is meant for both keycloak and inbox: choose another: INBOX_PORT="):
        Ports(**{**ports, "inbox": ports["keycloak"]}).require_free(command="make demo")


def test_the_flask_example_takes_the_first_free_port_after_the_inbox_if_none_is_given(ports):
    others = {name: port for name, port in ports.items() if name != "flask"}
    with closing(socket.socket()) as listener:
        found = Ports.chosen(**others, flask=None)
        assert found.flask > others["inbox"]
        listener.bind(("127.0.0.1", found.flask))
        listener.listen()
        assert Ports.chosen(**others, flask=None).flask > found.flask
    assert Ports.chosen(**others, flask=ports["flask"]) == Ports(**ports)
