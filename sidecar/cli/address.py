"""`passwordless unlock` and `passwordless unmute`: help for one address."""

from __future__ import annotations

from typing import NamedTuple

import click

from sidecar import app as composition
from sidecar.cli.options import echo_json, json_option, realm_from, settings_from
from sidecar.login.addressing import helped
from sidecar.store.complaints import SqlComplaints

_realm = click.option("--realm", required=True, help="The realm, as in the settings.")
_address = click.option("--address", required=True, help="The address, as its owner types it.")


class _Account(NamedTuple):
    realm: str
    connection: str
    address: str


@click.command()
@_realm
@_address
@json_option
@click.pass_context
def unlock(ctx: click.Context, *, realm: str, address: str, as_json: bool) -> None:
    """Give strangers' browsers fresh budgets for an address.

    For an owner with a new device, after somebody used up the address's messages or tries. What is recorded stays;
    only from now on is counted anew.
    """
    account, complaints = _opened(ctx, realm, address)
    complaints.unlock(*account)
    _say(account, "unlocked", as_json=as_json)


@click.command()
@_realm
@_address
@json_option
@click.pass_context
def unmute(ctx: click.Context, *, realm: str, address: str, as_json: bool) -> None:
    """Take back "this was not me" for an address before its hour is over."""
    account, complaints = _opened(ctx, realm, address)
    complaints.unmute(*account, by="operator")
    _say(account, "unmuted", as_json=as_json)


def _opened(ctx: click.Context, realm: str, address: str) -> tuple[_Account, SqlComplaints]:
    settings = settings_from(ctx)
    account = _Account(realm, *helped(realm_from(settings, realm), address))
    return account, SqlComplaints(composition.Parts.build(settings).database)


def _say(account: _Account, done: str, *, as_json: bool) -> None:
    if as_json:
        echo_json({**account._asdict(), "done": done})
    else:
        click.echo(f"{account.address} in realm {account.realm} is {done}.")
