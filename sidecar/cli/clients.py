"""`passwordless clients`: which applications may call the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click

from sidecar import store
from sidecar.cli.admin import admin_options, service_account_option, sign_in
from sidecar.cli.options import echo_json, inert, json_option, realm_from, settings_from
from sidecar.errors import SettingsError
from sidecar.keycloak.api_clients import checked_origin, disable_api_client, enable_api_client
from sidecar.model.client import ApiClient
from sidecar.settings import Settings
from sidecar.store.api_clients import SqlClients
from sidecar.store.engine import Database

_realm_option = click.option("--realm", required=True, help="The realm, as in the settings.")
_client_option = click.option(
    "--client", "client_id", required=True, help="The client, as Keycloak calls it."
)


@click.group()
def clients() -> None:
    """Say which applications may call the API."""


@clients.command()
@_realm_option
@_client_option
@click.option(
    "--origin",
    "origins",
    multiple=True,
    help="A web origin whose pages may call, like https://shop.acme.example; several times for several."
    " Without it, the client's web origins in Keycloak.",
)
@admin_options
@service_account_option
@json_option
@click.pass_context
def enable(
    ctx: click.Context,
    /,
    *,
    realm: str,
    client_id: str,
    origins: tuple[str, ...],
    as_json: bool,
    **admin_options: Any,
) -> None:
    """Switch a client on for the API, or renew what is known of it.

    A public client is called by pages of its origins and by programs; a
    confidential client proves itself at each call, by what Keycloak takes of
    it. The sidecar's callback is added to the client's redirect URIs in
    Keycloak: the login that the API walks for it ends there.

    Run it again after a change of the client in Keycloak (public or
    confidential, web origins).
    """
    settings = settings_from(ctx)
    realm_from(settings, realm)
    checked = [checked_origin(origin) for origin in origins]
    admin = sign_in(settings, realm=realm, **admin_options)
    with _clients(settings) as kept:
        client = enable_api_client(admin, settings, realm, client_id, origins=checked)
        kept.enable(client)
    _say([client], as_json=as_json)


@clients.command()
@_realm_option
@_client_option
@admin_options
@service_account_option
@click.pass_context
def disable(ctx: click.Context, /, *, realm: str, client_id: str, **admin_options: Any) -> None:
    """Switch a client off, at once, and take the callback from its redirect URIs."""
    settings = settings_from(ctx)
    with _clients(settings) as kept:
        if not kept.disable(realm, client_id):
            raise SettingsError(f"the client '{client_id}' is not switched on in realm '{realm}'")
        disable_api_client(sign_in(settings, realm=realm, **admin_options), settings, realm, client_id)
    click.echo(f"{inert(client_id)}: off")


@clients.command("list")
@_realm_option
@json_option
@click.pass_context
def show(ctx: click.Context, /, *, realm: str, as_json: bool) -> None:
    """List a realm's clients that are switched on."""
    with _clients(settings_from(ctx)) as kept:
        found = kept.of(realm)
    _say(found, as_json=as_json)


@contextmanager
def _clients(settings: Settings) -> Iterator[SqlClients]:
    database = Database(settings.database.url.reveal())
    try:
        store.check(database)
        yield SqlClients(database)
    finally:
        database.dispose()


def _say(found: list[ApiClient], *, as_json: bool) -> None:
    if as_json:
        echo_json([asdict(client) for client in found])
        return
    for client in found:
        kind = "public" if client.is_public else "confidential"
        callers = ", ".join(map(inert, client.origins)) or "no page"
        click.echo(f"{inert(client.client_id)}: {kind}, pages of {callers}")
    if not found:
        click.echo("None is switched on.")
