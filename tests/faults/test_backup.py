"""Back-up and restore as docs/operations.md says, on both databases, and the fence after it (threat G5)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sidecar import store
from sidecar.app import Parts
from sidecar.errors import ChallengeRefused
from sidecar.login.verify import verify
from sidecar.oidc.rotation import Rotation
from sidecar.oidc.wrapping import Wrapping
from sidecar.store.key_shelf import SqlKeyShelf
from sidecar.store.tables import subjects
from sidecar.store.voiding import fence
from tests.clusters import Cluster, cluster, run_program
from tests.flow import caller, right_code, start
from tests.ledger import rows

pytestmark = pytest.mark.faults


class Sqlite:
    def __init__(self, folder: Path) -> None:
        self.file, self.copy = folder / "passwordless.db", folder / "backup.db"
        self.url = f"sqlite:///{self.file}"

    def back_up(self) -> None:
        """What `.backup` of the sqlite3 shell does."""
        with closing(sqlite3.connect(self.file)) as source, closing(sqlite3.connect(self.copy)) as target:
            source.backup(target)

    def restore(self) -> None:
        for leftover in self.file.parent.glob("passwordless.db*"):
            leftover.unlink()
        self.copy.rename(self.file)


class Postgresql:
    def __init__(self, primary: Cluster) -> None:
        self._cluster, self.copy = primary, str(primary.folder.with_name("backup.sql"))
        self.url = primary.url

    def back_up(self) -> None:
        run_program("pg_dump", "-d", self.url, "-f", self.copy)

    def restore(self) -> None:
        for statement in ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public"):
            self._cluster.execute(statement)
        run_program("psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-f", self.copy)


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request, tmp_path) -> Iterator[Sqlite | Postgresql]:
    if request.param == "sqlite":
        yield Sqlite(tmp_path)
    else:
        with cluster() as primary:
            yield Postgresql(primary)


def try_code(parts: Parts, challenge, code: str) -> object:
    return verify(parts.room(), challenge=challenge, unverified_code=code, caller=caller())


def test_a_restored_backup_revives_nothing_once_it_is_fenced(house, settings_for):
    """Without the fence a used code works again, and a revoked signing key is back; identities are kept."""
    store.migrate(house.url)
    parts = Parts.build(settings_for(house.url))
    shelf = SqlKeyShelf(parts.database)
    rotation = Rotation(shelf, Wrapping(parts.keys))
    shelf.add_first("acme", Wrapping(parts.keys).new_key("acme"))
    leaked = shelf.keys("acme")[0].kid
    known = start(parts)
    try_code(parts, known, right_code(parts, known))
    challenge = start(parts)
    code = right_code(parts, challenge)
    house.back_up()
    try_code(parts, challenge, code)
    rotation.revoke("acme", leaked)
    parts.database.dispose()

    house.restore()
    house.back_up()  # as restored: SQLite's restore moved the first one
    restored = Parts.build(settings_for(house.url))
    assert leaked in {key.kid for key in SqlKeyShelf(restored.database).keys("acme")}
    assert try_code(restored, challenge, code), "nothing was revived: this test shows nothing"
    restored.database.dispose()

    house.restore()
    restored = Parts.build(settings_for(house.url))
    fence(restored.database)
    assert [] == SqlKeyShelf(restored.database).keys("acme")
    with pytest.raises(ChallengeRefused):
        try_code(restored, challenge, code)
    assert 1 == len(rows(restored, subjects))
    restored.database.dispose()
