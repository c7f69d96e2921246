"""`passwordless sms stop` and `passwordless sms start`: the switch for when text messages cost too much."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from sidecar import store
from sidecar.cli.options import echo_json, json_option, settings_from
from sidecar.errors import SettingsError
from sidecar.settings import Settings
from sidecar.store.engine import Database
from sidecar.store.pumping import SqlStops


@click.group()
def sms() -> None:
    """Stop a realm's text messages, and let them go on."""


def _which(command: Callable[..., None]) -> Callable[..., None]:
    realm = click.option("--realm", required=True, help="The realm, as in the settings.")
    connection = click.option(
        "--connection", "connection_id", help="One connection; without it, all of the realm that send texts."
    )
    return realm(connection(json_option(command)))


@sms.command()
@_which
@click.pass_context
def stop(ctx: click.Context, *, realm: str, connection_id: str | None, as_json: bool) -> None:
    """Stop a realm's text messages, at once and in all processes.

    Starts and resends are refused with a page that says to use another way, messages that wait are not sent any more.
    A code that was sent before can still be typed; mail goes on. It holds until `passwordless sms start`, over
    restarts too.
    """
    settings = settings_from(ctx)
    ids = _texting(settings, realm, connection_id)
    with _stops(settings) as stops:
        for each in ids:
            stops.stop(realm, each)
    _say(realm, ids, "stopped", as_json=as_json)


@sms.command()
@_which
@click.pass_context
def start(ctx: click.Context, *, realm: str, connection_id: str | None, as_json: bool) -> None:
    """Let a realm's text messages go on. Messages that were refused or failed meanwhile are not sent later."""
    settings = settings_from(ctx)
    ids = _texting(settings, realm, connection_id)
    with _stops(settings) as stops:
        for each in ids:
            stops.start(realm, each)
    _say(realm, ids, "running", as_json=as_json)


def _texting(settings: Settings, realm: str, connection_id: str | None) -> list[str]:
    if realm not in settings.realms:
        known = ", ".join(sorted(settings.realms))
        raise SettingsError(f"there is no realm '{realm}' in the settings, only: {known}")
    texting = [it.id for it in settings.realms[realm].connections.values() if it.strategy == "sms"]
    if not texting:
        raise SettingsError(f"no connection of the realm '{realm}' sends text messages")
    if connection_id and connection_id not in texting:
        raise SettingsError(
            f"'{connection_id}' is no connection of the realm '{realm}' that sends text messages, only: "
            + ", ".join(texting)
        )
    return [connection_id] if connection_id else texting


@contextmanager
def _stops(settings: Settings) -> Iterator[SqlStops]:
    database = Database(settings.database.url.reveal())
    try:
        store.check(database)
        yield SqlStops(database)
    finally:
        database.dispose()


def _say(realm: str, ids: list[str], state: str, *, as_json: bool) -> None:
    if as_json:
        echo_json([{"realm": realm, "connection": each, "state": state} for each in ids])
    else:
        for each in ids:
            click.echo(f"The text messages of {realm}/{each} are {state}.")
