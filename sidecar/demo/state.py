"""What one demo keeps between its runs, in one folder: Keycloak and the sidecar's database, secrets, logs.

The folder belongs to one running demo at a time. `whole` is written once a start succeeded: without it the state is
half-made, holds nothing of anybody's, and is thrown away.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sidecar.demo.leftovers import end_leftovers
from sidecar.errors import DemoError

_KEEP_ON_RESET = "lock"


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """Made once for each demo state."""

    admin_password: str
    server_key: str

    def __repr__(self) -> str:
        return "Secrets(***)"


class State:
    """The folder and what is where in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keycloak_home = folder / "keycloak"
        self.settings = folder / "passwordless.toml"
        self.database = folder / "passwordless.sqlite"
        self.logs = folder / "logs"
        self.pids = folder / "pids.json"
        self._secrets = folder / "secrets.json"
        self._whole = folder / "whole"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Own the folder until the block ends; the lock goes with the process, however that ends.

        Raises:
            DemoError: another demo owns it, or it can't be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (self.folder / _KEEP_ON_RESET).open("a")
        except OSError as err:
            raise DemoError(
                f"{self.folder} can't be written ({err.strerror}): name another place in PASSWORDLESS_CACHE"
            ) from err
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as err:
                raise DemoError(
                    f"a demo is running with {self.folder} already: stop that one, or give this one a place of its"
                    " own with PASSWORDLESS_CACHE, and four other ports"
                ) from err
            yield

    @property
    def exists(self) -> bool:
        return any(entry.name != _KEEP_ON_RESET for entry in self.folder.iterdir())

    @property
    def is_whole(self) -> bool:
        return self._whole.is_file()

    def mark_whole(self) -> None:
        self._whole.touch()

    def clear(self) -> None:
        """Throw everything away.

        Raises:
            DemoError: something can't be deleted.
        """
        self._whole.unlink(missing_ok=True)  # first, so that an interrupted clear leaves a half-made state
        try:
            for entry in self.folder.iterdir():
                if entry.name == _KEEP_ON_RESET:
                    continue
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        except OSError as err:
            raise DemoError(
                f"{self.folder} can't be cleared ({err}): delete it yourself and start again"
            ) from err

    def reset(self) -> None:
        """Throw everything away, after ending what a killed demo left running in it."""
        end_leftovers(self.pids)
        self.clear()

    def secrets(self, *, admin_password: str = "") -> Secrets:
        """The secrets of this state, made at the first call.

        Args:
            admin_password: what to take at the first call instead of a random one.

        Raises:
            DemoError: the file is broken.
        """
        kept = self._kept_secrets()
        if kept is None:
            kept = Secrets(
                admin_password=admin_password or secrets.token_urlsafe(12),
                server_key=secrets.token_urlsafe(48),
            )
            self._keep(kept)
        return kept

    def keep_admin_password(self, admin_password: str) -> None:
        """Remember another admin password; call it once that password was seen to work."""
        self._keep(replace(self.secrets(), admin_password=admin_password))

    def _keep(self, made: Secrets) -> None:
        self.write_private(self._secrets, json.dumps(asdict(made)))

    def _kept_secrets(self) -> Secrets | None:
        try:
            return Secrets(**json.loads(self._secrets.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as err:
            raise DemoError(
                f"{self._secrets} can't be used ({err}): start anew with `passwordless demo --reset`"
            ) from err

    @staticmethod
    def write_private(file: Path, text: str) -> None:
        """Write a file that nobody else may read, whole or not at all."""
        partial = file.with_suffix(".part")
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        partial.write_text(text, encoding="utf-8")
        partial.replace(file)
