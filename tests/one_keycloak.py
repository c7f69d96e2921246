"""One Keycloak for all processes of a test run: whoever needs it first starts it, and stops it once nobody needs it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sidecar.demo.keycloak import KeycloakServer

_POLL_S = 0.2


class OneKeycloak:
    """A process's share in it. `folder` is the run's own, and the same in all of its processes.

    Who started it must be the last to go, for it ends with the process that started it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: KeycloakServer | None = None
        self._has_joined = False

    @property
    def home(self) -> Path:
        """The folder that it runs in."""
        return self._folder / "keycloak"

    def join(self, make: Callable[[Path], KeycloakServer]) -> str:
        """Its URL, once it answers; `make` is given the folder to run it in.

        Raises:
            DemoError: it can't be started; the next to join tries again.
        """
        with self._state() as state:
            if "url" not in state:
                shutil.rmtree(self.home, ignore_errors=True)
                server = make(self.home)
                server.start()
                try:
                    server.wait_ready()
                except BaseException:
                    server.stop()
                    raise
                self._started = server
                state["url"] = server.url
            state["users"] = [*state.get("users", ()), os.getpid()]
            self._has_joined = True
            return str(state["url"])

    def leave(self) -> None:
        """Need it no longer; if this process started it: wait until nobody does, and stop it."""
        if not self._has_joined:
            return
        self._has_joined = False
        with self._state() as state:
            state["users"].remove(os.getpid())
        while self._started:
            with self._state() as state:
                if not any(map(_is_alive, state["users"])):
                    state.clear()
                    self._started.stop()
                    self._started = None
                    shutil.rmtree(self.home, ignore_errors=True)
            time.sleep(_POLL_S)

    @contextmanager
    def _state(self) -> Iterator[dict[str, Any]]:
        """What all processes know of it, to one of them at a time; kept if nothing goes wrong."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "state.json").open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            state = json.loads(file.read() or "{}")
            yield state
            file.seek(0)
            file.truncate()
            json.dump(state, file)


def _is_alive(pid: int) -> bool:
    """Whether a process was not killed before it could leave."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
