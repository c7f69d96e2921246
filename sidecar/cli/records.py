"""`passwordless export` and `passwordless erase`: what is held of one address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from sidecar import store
from sidecar.cli.options import echo_json, json_option, settings_from
from sidecar.login.addressing import spelled
from sidecar.store import records
from sidecar.store.engine import Database


def _whose(command: Callable[..., None]) -> Callable[..., None]:
    realm = click.option("--realm", required=True, help="The realm, by its name in Keycloak.")
    address = click.option("--address", required=True, help="The address or number, in any spelling.")
    return realm(address(command))


@click.command()
@_whose
@click.pass_context
def export(ctx: click.Context, *, realm: str, address: str) -> None:
    """Print all that is held of one address in one realm, as JSON.

    Without what would let somebody sign in: seeds and MACs stay in the database, and codes are nowhere.
    """
    with _opened(ctx, realm, address) as (database, canonical):
        found = records.export(database, realm=realm, address=canonical)
    echo_json({"realm": realm, "address": canonical, "records": found})


@click.command()
@_whose
@click.option("--yes", "is_agreed", is_flag=True, help="Do it; without it, the rows are counted only.")
@json_option
@click.pass_context
def erase(ctx: click.Context, *, realm: str, address: str, is_agreed: bool, as_json: bool) -> None:
    """Delete all that is held of one address in one realm, its audit trail and limits included.

    The user in Keycloak is Keycloak's: delete it there too, or the address can't sign in to that account again,
    since it gets a new subject. Back-ups and logs are yours.

    Exit codes: 0 done, or nothing there; 1 there is something and --yes was not given.
    """
    with _opened(ctx, realm, address) as (database, canonical):
        act = records.erase if is_agreed else records.count
        rows = act(database, realm=realm, address=canonical)
    if as_json:
        echo_json({"realm": realm, "address": canonical, "erased": is_agreed, "rows": rows})
    else:
        for table, number in rows.items():
            click.echo(f"{table}: {number} rows {'erased' if is_agreed else 'would go'}")
        if not is_agreed:
            click.echo("Nothing was changed. Do it with --yes.")
    ctx.exit(1 if any(rows.values()) and not is_agreed else 0)


@contextmanager
def _opened(ctx: click.Context, realm: str, address: str) -> Iterator[tuple[Database, str]]:
    """The database, and the address as it is compared there; also of a realm that has left the settings."""
    settings = settings_from(ctx)
    canonical = spelled(settings.realms.get(realm), address).canonical
    database = Database(settings.database.url.reveal())
    try:
        store.check(database)
        yield database, canonical
    finally:
        database.dispose()
