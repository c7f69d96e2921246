"""The users of one run of linking, in a table that is on disk as far as it is large, and gone when the run ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import groupby
from operator import itemgetter

from sidecar.users.ports import Candidate

_TABLES = """
CREATE TABLE candidates (user_id TEXT PRIMARY KEY, username TEXT, address TEXT, destination TEXT) WITHOUT ROWID;
CREATE TABLE linked (user_id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_DUPLICATES = "SELECT address FROM candidates GROUP BY address HAVING count(*) > 1"
_OPEN = f"user_id NOT IN linked AND address NOT IN ({_DUPLICATES})"


class DiskCandidates:
    """`users.ports.Candidates` in a private database of SQLite's own: a file without a name, of this process alone.

    Not in our database: a dry run writes nothing there, and a run that was killed leaves no addresses behind.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        # What is beyond two megabytes goes to the file.
        self._database.executescript(f"PRAGMA cache_size = -2000; {_TABLES}")

    def close(self) -> None:
        self._database.close()

    def add(self, found: Sequence[Candidate]) -> None:
        # A user whom two pages have, since others came or went meanwhile, is one.
        self._many("INSERT OR REPLACE INTO candidates VALUES (?, ?, ?, ?)", found)

    def note_linked(self, user_ids: Sequence[str]) -> None:
        self._many("INSERT OR IGNORE INTO linked VALUES (?)", [(user_id,) for user_id in user_ids])

    def count_linked(self) -> int:
        return self._count("linked")

    def count_open(self) -> int:
        return self._count(f"candidates WHERE {_OPEN}")

    def duplicates(self) -> Iterator[tuple[str, Sequence[str]]]:
        select = f"SELECT address, username FROM candidates WHERE address IN ({_DUPLICATES}) ORDER BY 1, 2"  # noqa: S608
        with closing(self._database.execute(select)) as rows:
            for address, of_address in groupby(rows, key=itemgetter(0)):
                yield address, [username for _, username in of_address]

    def open(self, size: int) -> Iterator[Sequence[Candidate]]:
        self._database.executescript(
            f"DROP TABLE IF EXISTS todo; CREATE TABLE todo AS SELECT * FROM candidates WHERE {_OPEN} ORDER BY address"  # noqa: S608
        )
        with closing(self._database.execute("SELECT * FROM todo ORDER BY rowid")) as rows:
            while some := rows.fetchmany(size):
                yield [Candidate(*row) for row in some]

    def _many(self, statement: str, rows: Sequence[Sequence[str]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(statement, rows)
        self._database.execute("COMMIT")

    def _count(self, of: str) -> int:
        (count,) = self._database.execute(f"SELECT count(*) FROM {of}").fetchone()  # noqa: S608
        return int(count)
