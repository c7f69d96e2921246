"""`passwordless users merge`: two profiles of one person become one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from sidecar import app as composition
from sidecar.cli.admin import admin_options, sidecar_account_option, users_of
from sidecar.cli.options import echo_json, inert, json_option, realm_from, settings_from
from sidecar.errors import SidecarError
from sidecar.users.merging import MergePlan, Merging
from sidecar.users.ports import User

_EPILOG = """
\b
USER is an id of Keycloak's, a user name, an email address, or an address or
number that signs in by one of the realm's connections.

\b
The admin account: as of `passwordless users link`.

\b
Exit codes: 0 done, or nothing to do, 1 you said no, or there is something to
do (--dry-run), 2 refused, could not run, or stopped.
"""


@click.command(epilog=_EPILOG)
@click.argument("realm")
@click.option(
    "--from", "from_", metavar="USER", required=True, help="The secondary: it is emptied and disabled."
)
@click.option("--into", metavar="USER", help="The primary: it gets what signs in to the other.")
@click.option("--delete-secondary", is_flag=True, help="Delete a secondary that was merged an hour ago.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@click.option("--yes", "is_agreed", is_flag=True, help="Don't ask; for scripts.")
@json_option
@admin_options
@sidecar_account_option
@click.pass_context
def merge(
    ctx: click.Context,
    /,
    realm: str,
    *,
    from_: str,
    into: str | None,
    delete_secondary: bool,
    dry_run: bool,
    is_agreed: bool,
    as_json: bool,
    **admin_options: Any,
) -> None:
    """Merge one user of REALM into another.

    What signs in to the secondary signs in to the primary afterwards: its
    addresses and numbers, and its identities of other providers. Passwords,
    passkeys, roles, groups and attributes are not moved. The secondary is
    disabled, and can be deleted later with --delete-secondary.

    No command takes a merge back. Shows what is moved, what both have and what
    taking it back by hand would take, and asks. Stopped on the way, it goes on
    when it is run again.
    """
    if delete_secondary == bool(into):
        raise click.UsageError("name either --into, or --delete-secondary")
    if as_json and not (is_agreed or dry_run):
        raise click.UsageError("--json does not ask, so it needs --yes or --dry-run")
    settings = settings_from(ctx)
    realm_from(settings, realm)
    users = users_of(settings, realm, **admin_options)
    parts = composition.Parts.build(settings)
    try:
        merging = parts.merging(lambda _: users)
        secondary = merging.named(realm, from_)
        if into is None:
            _delete(ctx, merging, realm, secondary, is_dry_run=dry_run, is_agreed=is_agreed)
            if as_json:
                echo_json({"realm": realm, "from": secondary, "deleted": True})
            return
        plan = merging.plan(realm, into=merging.named(realm, into), from_=secondary)
        if as_json:
            _merge_as_json(ctx, merging, plan, is_dry_run=dry_run)
        else:
            _merge_aloud(ctx, merging, plan, is_dry_run=dry_run, is_agreed=is_agreed)
    finally:
        parts.database.dispose()


def _delete(
    ctx: click.Context, merging: Merging, realm: str, secondary: str, *, is_dry_run: bool, is_agreed: bool
) -> None:
    if is_dry_run:
        click.echo(f"The user {secondary} would be deleted.", err=True)
        ctx.exit(1)
    if not is_agreed and not click.confirm(f"Delete the user {secondary} for good?"):
        click.echo("Nothing was changed.")
        ctx.exit(1)
    merging.delete_secondary(realm, secondary)


def _merge_as_json(ctx: click.Context, merging: Merging, plan: MergePlan, *, is_dry_run: bool) -> None:
    if is_dry_run or plan.refusals:
        echo_json({**_as_json(plan), "restoring": merging.restoring(plan), "merged": False})
        ctx.exit(2 if plan.refusals else 0 if plan.is_finished else 1)
    merging.carry_out(plan, by="operator")
    echo_json({**_as_json(plan), "restoring": merging.restoring(plan), "merged": True})


def _merge_aloud(
    ctx: click.Context, merging: Merging, plan: MergePlan, *, is_dry_run: bool, is_agreed: bool
) -> None:
    _show(plan)
    if plan.refusals:
        ctx.exit(2)
    if plan.is_finished and not plan.moves:
        click.echo("Nothing to do.")
        return
    click.echo("No command takes this back. By hand it takes, so keep this:")
    for number, step in enumerate(merging.restoring(plan), 1):
        click.echo(f"  {number}. {inert(step)}")
    if is_dry_run:
        click.echo("Nothing was changed.")
        ctx.exit(1)
    if not is_agreed and not click.confirm("Merge them?"):
        click.echo("Nothing was changed.")
        ctx.exit(1)
    try:
        merging.carry_out(plan, by="operator", on_step=lambda step: click.echo(f"done: {inert(step)}"))
    except SidecarError:
        click.echo(
            "Stopped: what is listed above is done. Run the same again: it goes on from there.", err=True
        )
        raise


def _show(plan: MergePlan) -> None:
    click.echo(f"into     {_who(plan.into)}")
    click.echo(f"from     {_who(plan.from_)}, which is then disabled")
    for move in plan.moves:
        click.echo(f"moves    {inert(move.what)} ({move.alias})")
    for conflict in plan.conflicts:
        what = f"{inert(conflict.primary)} stays, {inert(conflict.secondary)} does not"
        if conflict.kind == "identity":
            click.echo(f"conflict both have an identity of {conflict.alias}: {what} sign in any more")
        else:
            click.echo(f"conflict both have an email address in Keycloak: {what} count as the user's")
    if plan.credentials:
        click.echo(f"lost     the secondary's {', '.join(plan.credentials)}: credentials can't be moved")
    for refusal in plan.refusals:
        click.echo(f"refused  {inert(refusal)}")
    if plan.is_begun and not plan.is_finished:
        click.echo("This merge was begun before; it goes on.")


def _who(user: User) -> str:
    return f"{inert(user.username)} ({inert(user.email) or 'no email address'}, {user.id})"


def _as_json(plan: MergePlan) -> dict[str, Any]:
    return {
        "realm": plan.realm,
        "into": plan.into.id,
        "from": plan.from_.id,
        "moves": [asdict(move) for move in plan.moves],
        "conflicts": [asdict(conflict) for conflict in plan.conflicts],
        "credentials": list(plan.credentials),
        "refusals": list(plan.refusals),
    }
