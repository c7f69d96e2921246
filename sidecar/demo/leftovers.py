"""What a demo that was killed may have left running: found by a file with process ids, and ended.

A process id is used again for other processes, so it counts only together with the time its process started.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")
_GRACE_S = 5.0
_POLL_S = 0.05
# Fields of /proc/PID/stat after the command's name, which may hold blanks and brackets (proc(5)).
_STATE, _GROUP, _STARTED = 0, 2, 19


def record(file: Path, group_leaders: Iterable[int]) -> None:
    """Write down these processes and all that are in their groups now."""
    leaders = set(group_leaders)
    found = {pid: _started(pid) for pid in leaders | {pid for pid, group in _groups() if group in leaders}}
    partial = file.with_suffix(".part")
    partial.write_text(
        json.dumps([[pid, started] for pid, started in found.items() if started]), encoding="utf-8"
    )
    partial.replace(file)


def end_leftovers(file: Path) -> int:
    """End what of the recorded processes still runs, and forget the file; how many there were."""
    alive = [(pid, started) for pid, started in _recorded(file) if _started(pid) == started]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid, started in alive:
            if _started(pid) == started:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
        _wait_for_the_end(alive)
    file.unlink(missing_ok=True)
    return len(alive)


def _recorded(file: Path) -> list[tuple[int, str]]:
    """What the file says; a broken one says nothing."""
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        return [(int(pid), str(started)) for pid, started in rows]
    except (OSError, ValueError, TypeError):
        return []


def _wait_for_the_end(processes: list[tuple[int, str]]) -> None:
    deadline = time.monotonic() + _GRACE_S
    while time.monotonic() < deadline and any(_started(pid) == started for pid, started in processes):
        time.sleep(_POLL_S)


def _started(pid: int) -> str | None:
    """When that process started, as text to compare; `None` if it doesn't run."""
    if _PROC.joinpath("self", "stat").exists():
        fields = _stat(pid)
        return None if fields is None or fields[_STATE] == "Z" else f"{_boot()} {fields[_STARTED]}"
    return _ps("-o", "lstart=", "-p", str(pid)) or None


def _groups() -> list[tuple[int, int]]:
    """Every process with its group."""
    if _PROC.joinpath("self", "stat").exists():
        pids = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
        return [(pid, int(fields[_GROUP])) for pid in pids if (fields := _stat(pid))]
    rows = [line.split() for line in _ps("-axo", "pid=,pgid=").splitlines()]
    return [(int(pid), int(group)) for pid, group in rows]


def _stat(pid: int) -> list[str] | None:
    try:
        return (
            (_PROC / str(pid) / "stat")
            .read_text(encoding="utf-8", errors="replace")
            .rpartition(")")[2]
            .split()
        )
    except OSError:
        return None


def _boot() -> str:
    """Which boot this is: start times count from it."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _ps(*arguments: str) -> str:
    answer = subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False)
    return answer.stdout.strip()
