"""The command's entrance: the group, its common options, and how errors end."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from sidecar.cli.address import unlock, unmute
from sidecar.cli.clients import clients
from sidecar.cli.config import config
from sidecar.cli.db import db
from sidecar.cli.demo import demo
from sidecar.cli.doctor import doctor
from sidecar.cli.keys import keys
from sidecar.cli.messages import messages
from sidecar.cli.realm import apply, bootstrap, plan, remove
from sidecar.cli.records import erase, export
from sidecar.cli.send_test import send_test
from sidecar.cli.serve import serve, worker
from sidecar.cli.sms import sms
from sidecar.cli.status import status
from sidecar.cli.template import template
from sidecar.cli.users import users
from sidecar.errors import SidecarError

EPILOG = """
\b
Exit codes: 0 fine, 1 findings or changes pending, 2 could not run.
The settings file is --settings, else $PASSWORDLESS_SETTINGS, else ./passwordless.toml.
"""


class _Group(click.Group):
    """Ends every `SidecarError` as one sentence on standard error and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SidecarError as err:
            click.echo(f"passwordless: {err}", err=True)
            sys.exit(2)


@click.group(
    cls=_Group,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(version("keycloak-passwordless"), prog_name="passwordless")
@click.option(
    "--settings",
    "settings_path",
    type=click.Path(path_type=Path),
    envvar="PASSWORDLESS_SETTINGS",
    help="The settings file (TOML); docs/settings.md lists its keys.",
)
@click.pass_context
def main(ctx: click.Context, settings_path: Path | None) -> None:
    """Passwordless login for Keycloak without a jar."""
    ctx.obj = settings_path


for command in (
    demo,
    serve,
    worker,
    status,
    sms,
    db,
    keys,
    config,
    bootstrap,
    plan,
    apply,
    remove,
    doctor,
    users,
    clients,
    messages,
    send_test,
    template,
    unlock,
    unmute,
    export,
    erase,
):
    main.add_command(command)
