"""`passwordless config`."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click

from sidecar.cli.options import echo_json, json_option, settings_from
from sidecar.cli.pinned import pinned_json, pinned_lines
from sidecar.errors import SettingsError
from sidecar.settings import Connection, Realm, Secret, Settings

_SECRET_BYTES = 32

_EXAMPLE = """\
# Settings of the passwordless sidecar; docs/settings.md lists every key.

[server]
# Where browsers reach the sidecar; every link starts with it.
public_url = "https://login.example.org"
# How many reverse proxies stand in front of it.
trusted_hops = 1
# Newest first. Keep it out of version control.
secret_keys = ["{secret}"]

[database]
# One process: sqlite:///passwordless.db. More: postgresql://user:password@host/name
url = "sqlite:///passwordless.db"

[keycloak]
# Where browsers reach Keycloak; `internal_url` if the sidecar reaches it elsewhere.
url = "https://id.example.org"

[providers.smtp]
type = "smtp"
host = "smtp.example.org"
port = 587
security = "starttls"
username = "login@example.org"
password = "…"
sender = "Example <login@example.org>"

[realms.example]
display_name = "Example"
# Whether people may sign in with a password as well.
passwords = true

[realms.example.connections.email]
strategy = "email"
providers = ["smtp"]
"""


@click.group()
def config() -> None:
    """The settings file."""


@config.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False), default=Path("passwordless.toml"))
def init(path: Path) -> None:
    """Write a settings file to start from, with a fresh secret key; never over one that is there."""
    try:
        with path.open("x", encoding="utf-8") as file:
            path.chmod(0o600)
            file.write(_EXAMPLE.format(secret=_new_secret()))
    except FileExistsError as err:
        raise SettingsError(f"{path} is there already: name another file, or edit that one") from err
    except OSError as err:
        raise SettingsError(f"{path} can't be written: {err.strerror}") from err
    click.echo(f"Wrote {path}. Edit it, then: passwordless --settings {path} config check")


@config.command()
@json_option
@click.pass_context
def check(ctx: click.Context, *, as_json: bool) -> None:
    """Say whether the settings can be used; each key that can't, with the fix, and the test addresses there are."""
    try:
        settings = settings_from(ctx)
    except SettingsError as err:
        if as_json:
            echo_json({"ok": False, "error": str(err)})
        else:
            click.echo(str(err), err=True)
        sys.exit(1)
    if as_json:
        found = {
            f"{realm.name}/{connection.id}": pinned_json(connection)
            for realm, connection in _with_test_addresses(settings)
        }
        echo_json({"ok": True, "realms": sorted(settings.realms), "test_addresses": found})
        return
    click.echo(
        f"The settings are fine: {len(settings.realms)} realm(s): {', '.join(sorted(settings.realms))}."
    )
    for realm, connection in _with_test_addresses(settings):
        click.echo(f"{realm.name}/{connection.id} has addresses whose code is fixed:")
        for line in pinned_lines(connection):
            click.echo(line)


def _with_test_addresses(settings: Settings) -> Iterator[tuple[Realm, Connection]]:
    for realm in settings.realms.values():
        for connection in realm.connections.values():
            if connection.test_addresses:
                yield realm, connection


@config.command()
@click.pass_context
def show(ctx: click.Context) -> None:
    """Print the settings in force, environment and defaults included, secrets blanked, as JSON."""
    echo_json(_plain(asdict(settings_from(ctx))))


@config.command()
def secret() -> None:
    """Print a fresh secret key for `server.secret_keys`."""
    click.echo(_new_secret())


def _new_secret() -> str:
    return secrets.token_urlsafe(_SECRET_BYTES)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Secret | Path):
        return "***" if isinstance(value, Secret) else str(value)
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
