"""What a killed demo left running is ended, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import time

import pytest

from sidecar.demo.leftovers import end_leftovers, record


@pytest.fixture
def sleeper():
    started = []

    def start(*command: str) -> subprocess.Popen:
        started.append(subprocess.Popen(command or ("sleep", "300"), process_group=0))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_recorded_processes_are_ended_and_counted(sleeper, tmp_path):
    file, process = tmp_path / "pids.json", sleeper()
    record(file, [process.pid])
    assert end_leftovers(file) == 1
    assert process.wait(10) != 0
    assert not file.exists()


def test_a_process_that_has_the_id_of_one_before_it_is_not_touched(sleeper, tmp_path):
    file, process = tmp_path / "pids.json", sleeper()
    record(file, [process.pid])
    [[pid, started]] = json.loads(file.read_text())
    file.write_text(json.dumps([[pid, f"{started}0"]]))
    assert end_leftovers(file) == 0
    time.sleep(0.2)
    assert process.poll() is None


def test_members_of_a_group_are_ended_even_if_its_leader_is_gone(sleeper, tmp_path):
    leader = sleeper("/bin/sh", "-c", f"sleep 300 & echo $! > {tmp_path}/member; wait")
    while not (tmp_path / "member").exists() or not (tmp_path / "member").read_text():
        time.sleep(0.02)
    file = tmp_path / "pids.json"
    record(file, [leader.pid])
    leader.kill()
    leader.wait()
    assert end_leftovers(file) == 1
    with pytest.raises(ProcessLookupError):
        while True:  # until init has seen to it
            os.kill(int((tmp_path / "member").read_text()), 0)
            time.sleep(0.05)


def test_one_that_does_not_listen_is_ended_too(sleeper, tmp_path, monkeypatch):
    monkeypatch.setattr("sidecar.demo.leftovers._GRACE_S", 0.3)
    process = sleeper("/bin/sh", "-c", f"trap '' TERM; touch {tmp_path}/deaf; while :; do sleep 0.1; done")
    while not (tmp_path / "deaf").exists():
        time.sleep(0.02)
    record(tmp_path / "pids.json", [process.pid])
    end_leftovers(tmp_path / "pids.json")
    assert process.wait(10) == -9


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": 1}', '[["x", 1]]'])
def test_a_broken_file_is_forgotten(tmp_path, content):
    file = tmp_path / "pids.json"
    file.write_text(content)
    assert end_leftovers(file) == 0
    assert not file.exists()


def test_without_a_file_there_is_nothing_to_do(tmp_path):
    assert end_leftovers(tmp_path / "none.json") == 0
