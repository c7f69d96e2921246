"""Alembic, from code: bring a database up to date."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from sidecar.errors import SettingsError, StoreUnavailable
from sidecar.store.engine import Database
from sidecar.store.revision import HEAD, unreachable

_MIGRATIONS = Path(__file__).with_name("migrations")


def migrate(url: str) -> tuple[str | None, str]:
    """Bring the database to this version's tables; answers the revision before and after.

    Safe to run from several processes at once: they wait for each other.

    Raises:
        SettingsError: the database can't be reached.
    """
    database = Database(url)
    try:
        with database.write() as connection:
            if database.is_postgresql:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7208, 1)")
            before = MigrationContext.configure(connection).get_current_revision()
            upgrade = config()
            upgrade.attributes["connection"] = connection
            command.upgrade(upgrade, "head")
    except StoreUnavailable as err:
        raise SettingsError(unreachable(database, err)) from err
    finally:
        database.dispose()
    return before, HEAD


def config() -> Config:
    """Alembic's, without a file."""
    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS))
    return made
