"""`passwordless users link`: existing users linked with a connection, many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import click

from sidecar import app as composition
from sidecar.cli.admin import admin_options, sidecar_account_option, users_of
from sidecar.cli.merge import merge
from sidecar.cli.options import echo_json, inert, json_option, realm_from, settings_from
from sidecar.cli.progress import counting
from sidecar.errors import SettingsError, SidecarError
from sidecar.keycloak import RealmUsers
from sidecar.settings import Connection, Realm
from sidecar.store.candidates import DiskCandidates
from sidecar.store.links import SqlLinks
from sidecar.users.linking import Linking, Outcome, Survey
from sidecar.users.undoing import Undone, undo

_COULD_NOT_RUN = 2
_REASONS = {
    "disabled": "are disabled",
    "no_address": "have no address",
    "unverified": "have an address that is not verified",
    "not_taken": "have what the connection takes for no address",
    "duplicate": "share an address with another of them",
    "taken": "have an address that signs in to another user",
    "busy": "have an address that somebody is signing in with: run this again in half an hour",
}
_STOPPED = "Stopped: what is counted here is done and stays. Run the same again: it goes on from there."
_EPILOG = """
\b
Who is linked:
  enabled users with a verified email address; for numbers, or where email
  addresses are not verified in Keycloak, users with --trust-attribute, which
  must be one that the realm's user profile lets nobody but admins edit. Of
  users who share an address none is linked, and they are listed.

\b
The admin account: as of `passwordless plan`; one of REALM itself
(--admin-realm) needs only the role manage-users of the client
`realm-management`. Or none: with --service-account, the sidecar's own.

\b
Exit codes: 0 done, 1 some users could not be linked, or there is something to
do (--dry-run), or you said no or stopped it, 2 could not run.
"""


@click.group()
def users() -> None:
    """Work on users that the realm has already."""


users.add_command(merge)


class _Work(NamedTuple):
    realm: Realm
    connection: Connection
    directory: RealmUsers
    links: SqlLinks


@users.command(epilog=_EPILOG)
@click.argument("realm")
@click.option("--connection", required=True, help="The connection, by its id in the settings.")
@click.option("--trust-attribute", default="", help="Take the address from this user attribute.")
@click.option("--undo", "is_undo", is_flag=True, help="Take out what this made, where nobody used it yet.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@click.option("--yes", "is_agreed", is_flag=True, help="Don't ask; for scripts.")
@json_option
@admin_options
@sidecar_account_option
@click.pass_context
def link(
    ctx: click.Context,
    /,
    realm: str,
    *,
    connection: str,
    trust_attribute: str,
    is_undo: bool,
    dry_run: bool,
    is_agreed: bool,
    as_json: bool,
    **admin_options: Any,
) -> None:
    """Link the existing users of REALM with a connection.

    Their first login by it then goes straight in, without a page that asks to
    link the account. Looks at all users, says what it found, asks, and links
    them one by one. It can be stopped at any time and run again: users who are
    linked already, by this or by themselves, are left alone.
    """
    if as_json and not (is_agreed or dry_run):
        raise click.UsageError("--json does not ask, so it needs --yes or --dry-run")
    with _opened(ctx, realm, connection, **admin_options) as work:
        if is_undo:
            _undo(ctx, work, is_dry_run=dry_run, is_agreed=is_agreed, as_json=as_json)
            return
        with closing(DiskCandidates()) as candidates:
            linking = Linking(
                realm=work.realm,
                connection=work.connection,
                attribute=trust_attribute,
                directory=work.directory,
                candidates=candidates,
                links=work.links,
            )
            with counting("looked at") as on_users:
                survey = linking.survey(on_users)
            if not as_json:
                _show(linking, survey)
            if not dry_run and survey.to_link and not (is_agreed or click.confirm("Link them?")):
                click.echo("Nothing was changed.")
                ctx.exit(1)
            outcome = Outcome()
            code = 1 if survey.duplicates or (dry_run and survey.to_link) else 0
            if not dry_run:
                code = max(code, _carry_out(linking, survey, outcome, as_json=as_json))
            if as_json:
                echo_json(_as_json(linking, survey, outcome, is_dry_run=dry_run))
            elif dry_run:
                click.echo("Nothing was changed.")
            else:
                _tell(outcome)
            ctx.exit(code)


@contextmanager
def _opened(ctx: click.Context, realm: str, connection: str, **admin_options: Any) -> Iterator[_Work]:
    settings = settings_from(ctx)
    known = realm_from(settings, realm)
    if connection not in known.connections:
        raise SettingsError(
            f"realm '{realm}' has no connection '{connection}', only: {', '.join(sorted(known.connections))}"
        )
    directory = users_of(settings, realm, **admin_options)
    database = composition.Parts.build(settings).database
    try:
        directory.require_provider(connection)
        yield _Work(known, known.connections[connection], directory, SqlLinks(database))
    finally:
        database.dispose()


def _carry_out(linking: Linking, survey: Survey, outcome: Outcome, *, as_json: bool) -> int:
    """Link them; the exit code. An error ends the command, but first what is done is said."""
    try:
        with counting("linked", survey.to_link) as on_users:
            linking.carry_out(outcome, on_users)
    except KeyboardInterrupt:
        click.echo(_STOPPED, err=True)
        return 1
    except SidecarError:
        if not as_json:
            _tell(outcome)
        click.echo(_STOPPED, err=True)
        raise
    return 1 if outcome.refused else 0


def _undo(ctx: click.Context, work: _Work, *, is_dry_run: bool, is_agreed: bool, as_json: bool) -> None:
    found, code = Undone(), 0
    alias = work.connection.id
    if is_dry_run or not is_agreed:
        with counting("looked at") as on_users:
            undo(
                work.realm.name,
                alias,
                directory=work.directory,
                links=work.links,
                undone=found,
                is_dry_run=True,
                on_users=on_users,
            )
        code = 1 if found.taken_out else 0
        if not as_json:
            _say_undone(found, will=True)
    if not is_dry_run and (is_agreed or not found.taken_out or click.confirm("Take them out?")):
        found, code = Undone(), 0
        try:
            with counting("taken out") as on_users:
                undo(
                    work.realm.name,
                    alias,
                    directory=work.directory,
                    links=work.links,
                    undone=found,
                    on_users=on_users,
                )
        except KeyboardInterrupt:
            click.echo(_STOPPED, err=True)
            code = 1
        if not as_json:
            _say_undone(found, will=False)
    if as_json:
        counts = {"taken_out": found.taken_out, "used": found.used, "gone": found.gone}
        echo_json({"realm": work.realm.name, "connection": alias, "dry_run": is_dry_run, **counts})
    ctx.exit(code)


def _say_undone(undone: Undone, *, will: bool) -> None:
    click.echo(f"{undone.taken_out} links {'would be' if will else 'are'} taken out.")
    click.echo(f"{undone.used} stay: somebody has signed in by them, or may be about to.")
    if undone.gone:
        click.echo(f"{undone.gone} were not in Keycloak any more.")


def _show(linking: Linking, survey: Survey) -> None:
    click.echo(f"{survey.users} users looked at.")
    _count(survey.to_link, "can be linked")
    _count(survey.already, "are linked already")
    for reason, count in sorted(survey.skipped.items()):
        _count(count, _REASONS[reason])
    shared = 0
    for address, names in linking.candidates.duplicates():
        shared += len(names)
        click.echo(f"       refused: {inert(address)} is the address of {', '.join(map(inert, names))}")
    if shared:
        _count(shared, _REASONS["duplicate"])


def _tell(outcome: Outcome) -> None:
    click.echo(f"{outcome.linked} users are linked now.")
    if outcome.already:
        _count(outcome.already, "had been linked meanwhile")
    if outcome.gone:
        _count(outcome.gone, "had been deleted meanwhile")
    for reason, candidate in outcome.refused:
        what = _REASONS[reason].replace("have an address", "has an address")
        click.echo(f"       refused: {inert(candidate.username)} ({inert(candidate.address)}) {what}")


def _count(count: int, what: str) -> None:
    click.echo(f"{count:>8} {what}")


def _as_json(linking: Linking, survey: Survey, outcome: Outcome, *, is_dry_run: bool) -> dict[str, Any]:
    refused = [
        {"reason": "duplicate", "address": address, "users": list(names)}
        for address, names in linking.candidates.duplicates()
    ]
    refused += [
        {"reason": reason, "address": candidate.address, "users": [candidate.username]}
        for reason, candidate in outcome.refused
    ]
    return {
        "realm": linking.realm.name,
        "connection": linking.connection.id,
        "dry_run": is_dry_run,
        "users": survey.users,
        "to_link": survey.to_link,
        "linked": outcome.linked,
        "already": survey.already + outcome.already,
        "gone": outcome.gone,
        "skipped": dict(survey.skipped),
        "refused": refused,
    }
