"""Children: stopped together, missed when they end, and never left behind. Real processes, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from sidecar.demo.processes import Child, Supervisor
from sidecar.errors import DemoError


def runs(pid: int) -> bool:
    """Whether that process runs; a zombie doesn't."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return bool(state) and not state.startswith("Z")


def eventually(condition) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def child(tmp_path):
    made: list[Child] = []

    def make(script: str, name: str = "sleeper") -> Child:
        log = tmp_path / "logs" / f"{name}.log"
        made.append(Child(name, ["/bin/sh", "-c", script], log=log, environment=os.environ, folder=tmp_path))
        return made[-1]

    yield make
    for one in made:
        one.kill_group()


def test_stop_ends_children_and_what_they_started(child, tmp_path):
    supervisor = Supervisor()
    supervisor.start(child(f"sleep 300 & echo $! > {tmp_path}/grandchild; wait", "parent"))
    supervisor.start(child("exec sleep 300"))
    pids = supervisor.pids
    assert eventually(lambda: (tmp_path / "grandchild").exists() and (tmp_path / "grandchild").read_text())
    grandchild = int((tmp_path / "grandchild").read_text())
    supervisor.stop()
    assert eventually(lambda: not any(map(runs, [*pids, grandchild])))


def test_one_that_does_not_listen_is_ended_after_the_grace_time(child):
    supervisor = Supervisor(grace_s=0.5)
    deaf = child("trap '' TERM; echo deaf; while :; do sleep 0.1; done")
    supervisor.start(deaf)
    assert eventually(lambda: "deaf" in deaf.log.read_text())
    supervisor.stop()
    assert not deaf.is_running()


def test_impatience_while_stopping_still_ends_all(child, monkeypatch):
    supervisor = Supervisor(grace_s=60)
    deaf = child("trap '' TERM; echo deaf; while :; do sleep 0.1; done")
    supervisor.start(deaf)
    assert eventually(lambda: "deaf" in deaf.log.read_text())

    def impatient(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("sidecar.demo.processes.time.sleep", impatient)
    with pytest.raises(KeyboardInterrupt):
        supervisor.stop()
    assert not deaf.is_running()


def test_one_that_ends_by_itself_is_missed_with_its_last_words(child):
    supervisor = Supervisor()
    broken = child("seq 100; echo 'no space left'; exit 3", "Keycloak")
    supervisor.start(broken)
    with pytest.raises(DemoError) as caught:
        supervisor.wait_until(lambda: False, waiting_for=broken, timeout_s=30)
    assert str(caught.value).startswith(
        f"Keycloak ended (exit code 3). The last lines of {broken.log}:\n    87\n"
    )
    assert str(caught.value).endswith("    100\n    no space left")


def test_one_that_is_not_ready_in_time_is_named_with_its_last_words(child):
    supervisor = Supervisor()
    slow = child("echo still busy; exec sleep 300", "Keycloak")
    supervisor.start(slow)
    assert eventually(lambda: "busy" in slow.log.read_text())
    with pytest.raises(DemoError, match=r"Keycloak was not ready after 0 s.*\n    still busy"):
        supervisor.wait_until(lambda: False, waiting_for=slow, timeout_s=0.2)
    supervisor.stop()


def test_one_that_can_not_be_started_is_named(tmp_path):
    missing = Child("Keycloak", [tmp_path / "none"], log=tmp_path / "log", environment={}, folder=tmp_path)
    with pytest.raises(DemoError, match="Keycloak can't be started"):
        missing.start()


def test_the_log_of_the_last_run_is_kept_beside(child):
    for word in ("first", "second"):
        one = child(f"echo {word}")
        one.start()
        assert eventually(lambda one=one: not one.is_running())
    assert one.log.read_text() == "second\n"
    assert one.log.with_suffix(".log.1").read_text() == "first\n"


@pytest.mark.skipif(
    sys.platform != "linux", reason="the kernel's help is Linux's; elsewhere the next start cleans up"
)
def test_children_end_with_a_demo_that_is_killed_hard(tmp_path):
    script = textwrap.dedent(f"""
        import os, pathlib, time
        from sidecar.demo.processes import Child
        place = pathlib.Path({str(tmp_path)!r})
        child = Child("sleeper", ["sleep", "300"], log=place / "log", environment=os.environ, folder=place)
        child.start()
        print(child.pid, flush=True)
        time.sleep(300)
    """)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as demo:
        pid = int(demo.stdout.readline())
        assert runs(pid)
        demo.send_signal(signal.SIGKILL)
    assert eventually(lambda: not runs(pid))
