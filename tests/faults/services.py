"""Processes that are kept running, as a service manager keeps them (`Restart=always`, the group ends with its head)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tests.clusters import Cluster

_LOOKS_EVERY_S = 0.1


class Service(Protocol):
    """What can be killed and comes back."""

    name: str
    restarts: int

    @property
    def pid(self) -> int | None: ...

    def begin(self) -> None: ...

    def end(self) -> None: ...


class Program:
    """A process and its children, in a group of their own."""

    def __init__(self, name: str, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self.name = name
        self.restarts = -1
        self._start = start
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def begin(self) -> None:
        self.end()
        self.restarts += 1
        self._process = self._start()

    def end(self) -> None:
        """What is left of the group, the head included."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


class Postgres:
    """A cluster whose postmaster may be killed; its orphans end by themselves."""

    name = "PostgreSQL"

    def __init__(self, cluster: Cluster) -> None:
        self.restarts = 0
        self._cluster = cluster

    @property
    def pid(self) -> int | None:
        file = self._cluster.folder / "postmaster.pid"
        pid = int(file.read_text().splitlines()[0]) if file.exists() else None
        return pid if pid and _runs(pid) else None

    def begin(self) -> None:
        # It refuses while an orphan still holds the old memory; the manager tries again.
        with contextlib.suppress(AssertionError):
            self._cluster.start()
            self.restarts += 1

    def end(self) -> None:
        self._cluster.kill()

    def a_backend_at_work(self) -> int:
        """A process that serves a connection of the sidecar's."""
        found = self._cluster.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            " ORDER BY state_change DESC LIMIT 1"
        )
        return int(found[0][0])


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def children(pid: int) -> list[int]:
    """The processes that this one started, oldest first."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return sorted(found)


@contextmanager
def kept_running(*services: Service) -> Iterator[None]:
    """Start them all, start anew what ends, and end them all."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(_LOOKS_EVERY_S):
            for service in services:
                if service.pid is None:
                    service.begin()

    for service in services:
        if service.pid is None:
            service.begin()
    manager = threading.Thread(target=watch)
    manager.start()
    try:
        yield
    finally:
        stop.set()
        manager.join()
        for service in services:
            service.end()
