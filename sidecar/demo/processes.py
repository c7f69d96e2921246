"""Children of the demo: each in a process group of its own, with a log, and none outlives the demo.

Start them from the main thread: on Linux the kernel ends a child when the thread that started it ends
(PR_SET_PDEATHSIG, prctl(2)), which is what stops them when the demo itself is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sidecar.errors import DemoError

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.1
_TAIL_LINES = 15
_TAIL_BYTES = 16 * 1024
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Child:
    """One process and what it starts itself.

    Args:
        name: for people.
        command: what to run.
        log: where its output goes; the log before is kept as `.1`.
        environment: all of its environment.
        folder: where it runs.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str],
        folder: Path,
    ) -> None:
        self.name = name
        self.log = log
        self._command = [str(part) for part in command]
        self._environment = dict(environment)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id, which is its group's id too; `None` before it was started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it.

        Raises:
            DemoError: it can't be started.
        """
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            if self.log.exists():
                self.log.replace(self.log.with_suffix(".log.1"))
            with self.log.open("wb") as output:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    cwd=self._folder,
                    process_group=0,
                    preexec_fn=_end_with(os.getpid()),  # noqa: PLW1509  # the demo has no threads at this point
                )
        except OSError as err:
            raise DemoError(f"{self.name} can't be started ({err}): mend that and start again") from err

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def require_running(self) -> None:
        """Make sure that it did not end by itself.

        Raises:
            DemoError: it did; with its last words, and where the rest is.
        """
        if self._process is not None and self._process.poll() is not None:
            raise DemoError(
                f"{self.name} ended ({self._how()}). The last lines of {self.log}:\n{self.tail()}"
            )

    def ask_to_stop(self) -> None:
        if self.is_running() and self._process:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    def kill_group(self) -> None:
        """End it and whatever it started, at once; fine if nothing is left."""
        if self._process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def tail(self) -> str:
        """The last lines of its log, indented."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
                lines = file.read().decode("utf-8", "replace").splitlines()[-_TAIL_LINES:]
        except OSError:
            lines = []
        return "\n".join(f"    {line}" for line in lines) or "    (it is empty)"

    def _how(self) -> str:
        code = self._process.returncode if self._process else 0
        return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


class Supervisor:
    """The demo's children: watched together, stopped together, the youngest asked first."""

    def __init__(self, *, grace_s: float = 15) -> None:
        self._grace_s = grace_s
        self._children: list[Child] = []

    @property
    def pids(self) -> list[int]:
        return [child.pid for child in self._children if child.pid]

    def start(self, child: Child) -> None:
        self._children.append(child)
        child.start()

    def require_running(self) -> None:
        """Make sure that all run.

        Raises:
            DemoError: one ended by itself; with its last words.
        """
        for child in self._children:
            child.require_running()

    def wait_until(self, is_reached: Callable[[], bool], *, waiting_for: Child, timeout_s: float) -> None:
        """Wait for something that a child is to bring about.

        Raises:
            DemoError: some child ended before, or the time is over.
        """
        deadline = time.monotonic() + timeout_s
        while not is_reached():
            self.require_running()
            if time.monotonic() > deadline:
                raise DemoError(
                    f"{waiting_for.name} was not ready after {timeout_s:.0f} s. The last lines of {waiting_for.log}:\n"
                    f"{waiting_for.tail()}"
                )
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Ask all to stop, wait for the grace time, then end what is left with its group. May be called twice."""
        try:
            for child in reversed(self._children):
                child.ask_to_stop()
            deadline = time.monotonic() + self._grace_s
            while any(child.is_running() for child in self._children) and time.monotonic() < deadline:
                time.sleep(_POLL_S / 2)
        finally:
            # Also when somebody was too impatient to wait and pressed Ctrl-C again.
            for child in self._children:
                child.kill_group()
            self._children.clear()


def _end_with(parent: int) -> Callable[[], None] | None:
    """What a child runs before its program: have the kernel end it with its parent (Linux only)."""
    libc = _libc
    if libc is None:
        return None

    def arm() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died just before
            os._exit(1)

    return arm
