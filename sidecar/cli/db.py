"""`passwordless db`."""

from __future__ import annotations

import click

from sidecar import store
from sidecar.cli.options import echo_json, json_option, settings_from
from sidecar.store import voiding
from sidecar.store.engine import Database
from sidecar.store.retention import SqlRetention


@click.group()
def db() -> None:
    """The sidecar's database."""


@db.command()
@json_option
@click.pass_context
def upgrade(ctx: click.Context, *, as_json: bool) -> None:
    """Create or update the tables.

    Run it before a new version starts; running it again changes nothing.
    """
    before, after = store.migrate(settings_from(ctx).database.url.reveal())
    if as_json:
        echo_json({"before": before, "after": after})
    elif before == after:
        click.echo(f"The database is up to date (revision {after}).")
    else:
        click.echo(f"The database is at revision {after} now (before: {before or 'no tables'}).")


@db.command()
@json_option
@click.pass_context
def fence(ctx: click.Context, *, as_json: bool) -> None:
    """Void everything that can still be spent: run it after a restore or a failover.

    A database that was restored, or a standby promoted behind its primary, may have forgotten what was spent last, and
    would take it again. So every open challenge, authorization code and unsent message ends, and every realm gets a new
    signing key. Logins under way start again. Run it before the processes go to that database, or at once.
    """
    database = Database(settings_from(ctx).database.url.reveal())
    try:
        store.check(database)
        voided = voiding.fence(database)
    finally:
        database.dispose()
    if as_json:
        echo_json({"voided": voided})
        return
    for table, count in voided.items():
        click.echo(f"{table}: {count} are void.")
    click.echo(
        "Now make Keycloak forget the signing keys that it has read (POST /admin/realms/REALM/clear-keys-cache)."
    )


@db.command()
@json_option
@click.pass_context
def purge(ctx: click.Context, *, as_json: bool) -> None:
    """Delete what [retention] says is over for long enough.

    Workers do so by themselves, a little at a time; this does all of it now.
    """
    settings = settings_from(ctx)
    database = Database(settings.database.url.reveal())
    try:
        store.check(database)
        purged = SqlRetention(database, settings.retention).purge()
    finally:
        database.dispose()
    if as_json:
        echo_json({"purged": purged})
        return
    for table, count in purged.items():
        click.echo(f"{table}: {count} rows are gone.")
