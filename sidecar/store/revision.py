"""Which tables this version needs, and whether a database has them. Without Alembic, which a server never needs."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from sidecar.errors import SettingsError, StoreUnavailable
from sidecar.store.engine import Database

_VERSIONS = Path(__file__).parent / "migrations" / "versions"
#: The newest; files are named by their revision.
HEAD = max(file.name.partition("_")[0] for file in _VERSIONS.glob("[0-9]*.py"))
_VERSION = table("alembic_version", column("version_num"))


def check(database: Database) -> None:
    """Refuse to serve from a database that is unreachable or of another version.

    Raises:
        SettingsError: with the command that mends it.
    """
    try:
        with database.read() as connection:
            current = _current(connection)
    except StoreUnavailable as err:
        raise SettingsError(unreachable(database, err)) from err
    if current != HEAD:
        state = (
            "has no tables yet" if current is None else f"is at revision {current}, this version needs {HEAD}"
        )
        raise SettingsError(f"database.url: {_shown(database)} {state}: run `passwordless db upgrade`")


def unreachable(database: Database, err: StoreUnavailable) -> str:
    """What to tell an operator whose database does not answer."""
    return f"database.url: {_shown(database)} can't be reached ({err}): start the database, or mend the URL"


def _shown(database: Database) -> str:
    return database.url.render_as_string(hide_password=True)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    current: str | None = connection.execute(select(_VERSION.c.version_num)).scalar_one_or_none()
    return current
