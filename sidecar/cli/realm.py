"""`passwordless plan REALM`, `apply REALM`, `remove REALM`, and `bootstrap REALM`: an account for all three."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from sidecar.cli.admin import admin_options, service_account_option, sign_in
from sidecar.cli.options import echo_json, json_option, realm_from, settings_from
from sidecar.errors import SettingsError, SidecarError
from sidecar.keycloak import (
    Change,
    RealmFile,
    apply_realm,
    bootstrap_realm,
    plan_bootstrap,
    plan_realm,
    plan_removal,
    remove_realm,
)

_SIGNS = {"create": "+ create", "change": "~ change", "remove": "- remove", "keep": "= keep  "}
_COULD_NOT_RUN = 2
_USERS_A_LINE = 1000
_WHO = """
\b
The admin account:
  one with the role `admin` in the realm `master`, or with the role
  `realm-admin` of the client `realm-management` in REALM itself, then with
  --admin-realm REALM. Keycloak's address is keycloak.internal_url (else
  keycloak.url) of the settings. The password comes from --admin-password-file,
  else from $KEYCLOAK_ADMIN_PASSWORD, else you are asked; never as an argument,
  which other users of the machine could read.
  Or none: with --service-account, REALM's own, once `bootstrap` made it.

\b
Exit codes: {codes}
"""


_theme_option = click.option(
    "--theme",
    default="passwordless",
    show_default=True,
    help="The login theme; `stock` leaves the realm's own.",
)
_file_option = click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A realm that Keycloak exported, instead of a running Keycloak.",
)


@click.command(
    epilog=_WHO.partition("  Or none:")[0]
    + "\n\b\nExit codes: 0 done, or nothing to do, 1 you said no, 2 could not run, or stopped.\n"
)
@click.argument("realm")
@admin_options
@click.option("--undo", is_flag=True, help="Take the service accounts out of REALM again.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@click.option("--yes", "is_agreed", is_flag=True, help="Don't show the plan and ask; for scripts.")
@json_option
@click.pass_context
def bootstrap(
    ctx: click.Context,
    /,
    realm: str,
    *,
    undo: bool,
    dry_run: bool,
    is_agreed: bool,
    as_json: bool,
    **admin_options: Any,
) -> None:
    """Make a service account in REALM for `plan`, `apply`, `remove` and `doctor`.

    With --service-account these four then need no admin and no password. The
    account is the client `passwordless-tool`, with the least roles that they
    work with. It signs in by a key that is derived from server.secret_keys of
    the settings (private_key_jwt); Keycloak has the public half only.

    With service_account = true in the realm's settings it makes another one,
    for the running sidecar: the client `passwordless-sidecar`, which may change
    any user of the realm and nothing else. With false it takes that one out.

    Run it again after a change of server.secret_keys, as an admin: the account
    knows the keys that were on the list then. A run that finds all as it should
    be changes nothing; roles that somebody added are taken away.
    """
    if as_json and not (is_agreed or dry_run):
        raise click.UsageError("--json does not ask, so it needs --yes or --dry-run")
    settings = settings_from(ctx)
    realm_from(settings, realm)
    admin = sign_in(settings, **admin_options)
    look = functools.partial(plan_bootstrap, admin, settings, realm, undo=undo)
    steps = functools.partial(bootstrap_realm, admin, settings, realm, undo=undo)
    if dry_run:
        _say(realm, look(), as_json=as_json)
    else:
        _ask_and_do(ctx, realm, None if is_agreed else look, steps, as_json=as_json)


@click.command(epilog=_WHO.format(codes="0 nothing to do, 1 changes pending, 2 could not run."))
@click.argument("realm")
@admin_options
@service_account_option
@_theme_option
@_file_option
@json_option
@click.pass_context
def plan(
    ctx: click.Context, /, realm: str, *, as_json: bool, theme: str, file: Path | None, **admin_options: Any
) -> None:
    """Show what `apply` would do in REALM, and change nothing.

    Every part of the desired state has a line: what would be created (+) or
    changed (~, with a line for each difference), and what is right already (=).
    Only settings that passwordless login needs are compared. Whatever else the
    realm has is its own: other identity providers, flows, clients, themes of
    single clients and further user profile attributes are not touched.

    REALM is the realm's name in Keycloak, and [realms.REALM] in the settings
    says which connections it gets. With --file no Keycloak is asked: the plan
    is for the realm in that file.
    """
    settings = settings_from(ctx)
    admin = RealmFile.of(_read(file), realm) if file else sign_in(settings, realm=realm, **admin_options)
    changes = plan_realm(admin, settings, realm, theme=theme)
    pending = [change for change in changes if change.is_pending]
    _say(realm, changes, as_json=as_json)
    if not as_json:
        click.echo(_next(realm, changes, file))
    ctx.exit(1 if pending else 0)


@click.command(epilog=_WHO.format(codes="0 done, 1 you said no, 2 could not run, or stopped."))
@click.argument("realm")
@admin_options
@service_account_option
@_theme_option
@_file_option
@click.option("--create", is_flag=True, help="Make REALM if Keycloak has none of that name.")
@click.option("--yes", "is_agreed", is_flag=True, help="Don't show the plan and ask; for scripts.")
@json_option
@click.pass_context
def apply(
    ctx: click.Context,
    /,
    realm: str,
    *,
    create: bool,
    is_agreed: bool,
    as_json: bool,
    theme: str,
    file: Path | None,
    **admin_options: Any,
) -> None:
    """Enable passwordless login in REALM.

    Shows the plan, asks, and does it step by step. What users meet, the sign-in
    flow and the login theme, is bound last, so that sign-in works as before
    until all the rest is there.

    Nothing is ever deleted, and flows that are not ours are never edited: the
    realm's sign-in flow is copied, and its name is kept in the realm attribute
    passwordless.previousBrowserFlow. A second run changes nothing. At the first
    error it stops and says so; running it again goes on from there.

    With --file the realm in that file is changed instead, for realms that are
    kept as files: import it with Keycloak's own import. It must be a whole
    realm, from Keycloak's export.
    """
    if as_json and not is_agreed:
        raise click.UsageError("--json does not ask, so it needs --yes")
    if file and create:
        raise click.UsageError("--create makes a realm in Keycloak, so it can't go with --file")
    settings = settings_from(ctx)
    if file:
        _apply_to_file(ctx, realm, file, theme, is_agreed=is_agreed, as_json=as_json)
        return
    admin = sign_in(settings, realm=realm, **admin_options)
    look = functools.partial(plan_realm, admin, settings, realm, theme=theme)
    steps = functools.partial(apply_realm, admin, settings, realm, create=create, theme=theme)
    _ask_and_do(ctx, realm, None if is_agreed else look, steps, as_json=as_json)


@click.command(epilog=_WHO.format(codes="0 done, 1 you said no, 2 could not run, or stopped."))
@click.argument("realm")
@admin_options
@service_account_option
@_theme_option
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@click.option("--yes", "is_agreed", is_flag=True, help="Don't show the plan and ask; for scripts.")
@json_option
@click.pass_context
def remove(
    ctx: click.Context,
    /,
    realm: str,
    *,
    dry_run: bool,
    is_agreed: bool,
    as_json: bool,
    theme: str,
    **admin_options: Any,
) -> None:
    """Take passwordless login out of REALM again.

    Shows what would be done, asks, and does it: what `apply` made is deleted,
    and what it changed gets the value back that it had, which `apply` noted in
    realm attributes. What somebody changed since stays as it is.

    Users and what they have in Keycloak stay, except for their links to our
    identity providers. Whoever has no other way to sign in (password, passkey,
    another provider) is counted in the plan, so that you can mend that first.

    The sidecar's own database is not touched. After another `passwordless
    apply`, Keycloak takes everybody for new to the connection, and asks to link
    the account that they have.
    """
    if as_json and not (is_agreed or dry_run):
        raise click.UsageError("--json does not ask, so it needs --yes or --dry-run")
    settings = settings_from(ctx)
    admin = sign_in(settings, realm=realm, **admin_options)
    look = functools.partial(plan_removal, admin, settings, realm, theme=theme, on_user=_count_users)
    steps = functools.partial(remove_realm, admin, settings, realm, theme=theme, on_user=_count_users)
    if dry_run:
        _say(realm, look(), as_json=as_json)
    else:
        _ask_and_do(ctx, realm, None if is_agreed else look, steps, as_json=as_json)


def _apply_to_file(
    ctx: click.Context, realm: str, file: Path, theme: str, *, is_agreed: bool, as_json: bool
) -> None:
    """All or nothing: the file is written, beside itself and then over itself, once every step is done."""
    settings = settings_from(ctx)
    content = _read(file)
    admin = RealmFile.of(content, realm)
    if not is_agreed:
        _ask(ctx, realm, plan_realm(admin, settings, realm, theme=theme))
    changes = apply_realm(admin, settings, realm, theme=theme)
    beside = file.with_name(f"{file.name}.new")
    beside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.chmod(file.stat().st_mode)
    beside.replace(file)
    if as_json:
        echo_json(_as_json(realm, changes))
        return
    if is_agreed:
        _show(changes)
    _summarize(changes, done=True)


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as err:
        raise SettingsError(f"{file} is not JSON ({err}): give a realm that Keycloak exported") from err


def _count_users(looked_at: int) -> None:
    """A line now and then, on standard error, while each user's ways in are looked up."""
    if looked_at % _USERS_A_LINE == 0:
        click.echo(f"  … {looked_at} users looked at", err=True)


def _say(realm: str, planned: Sequence[Change], *, as_json: bool) -> None:
    """What would be done."""
    if as_json:
        echo_json(_as_json(realm, planned))
    else:
        _show(planned)
        _summarize(planned)


def _ask_and_do(
    ctx: click.Context,
    realm: str,
    plan: Callable[[], list[Change]] | None,
    steps: Callable[..., list[Change]],
    *,
    as_json: bool,
) -> None:
    """Take the steps; first show what `plan` finds and ask, unless there is none."""
    if plan:
        _ask(ctx, realm, plan())
    if as_json:
        _do_as_json(ctx, realm, steps)
    else:
        _do_aloud(ctx, realm, steps)


def _do_aloud(ctx: click.Context, realm: str, steps: Callable[..., list[Change]]) -> None:
    done: list[Change] = []

    def tell(change: Change) -> None:
        done.append(change)
        _show([change])

    try:
        changes = steps(on_step=tell)
    except SidecarError:
        if done:
            click.echo(
                f"Stopped: what is listed above is done and stays. Mend the cause below and run"
                f" `passwordless {ctx.info_name} {realm}` again: it goes on from there.",
                err=True,
            )
        raise
    _summarize(changes, done=True)


def _do_as_json(ctx: click.Context, realm: str, steps: Callable[..., list[Change]]) -> None:
    done: list[Change] = []
    try:
        steps(on_step=done.append)
    except SidecarError as err:
        echo_json(_as_json(realm, done) | {"error": {"code": err.code, "message": str(err)}})
        ctx.exit(_COULD_NOT_RUN)
    echo_json(_as_json(realm, done))


def _ask(ctx: click.Context, realm: str, changes: Sequence[Change]) -> None:
    """Go on only if there is something to do and the admin wants it."""
    _show(changes)
    _summarize(changes)
    if not any(change.is_pending for change in changes):
        click.echo("Nothing to do.")
        ctx.exit(0)
    if not click.confirm(f"Change the realm '{realm}' like this?"):
        click.echo("Nothing was changed.")
        ctx.exit(1)


def _next(realm: str, changes: Sequence[Change], file: Path | None) -> str:
    """What to do after a plan."""
    if not any(change.is_pending for change in changes):
        return "Nothing to do."
    if file:
        return f"Nothing was changed. Do it with: passwordless apply {realm} --file {file}"
    option = " --create" if any(change.what == f"realm {realm}" for change in changes) else ""
    return f"Nothing was changed. Do it with: passwordless apply {realm}{option}"


def _show(changes: Sequence[Change]) -> None:
    for change in changes:
        click.echo(f"{_SIGNS[change.kind]}  {change.what}")
        for line in change.detail:
            click.echo(f"            {line}")


def _summarize(changes: Sequence[Change], *, done: bool = False) -> None:
    counts = {kind: sum(change.kind == kind for change in changes) for kind in _SIGNS}
    created, changed, removed = (
        ("created", "changed", "removed") if done else ("to create", "to change", "to remove")
    )
    parts = [f"{counts['create']} {created}", f"{counts['change']} {changed}", f"{counts['keep']} left alone"]
    if counts["remove"]:
        parts[0] = f"{counts['remove']} {removed}"
    click.echo(f"{', '.join(parts)}.")


def _as_json(realm: str, changes: Sequence[Change]) -> dict[str, Any]:
    rows = [{"kind": change.kind, "what": change.what, "detail": list(change.detail)} for change in changes]
    return {"realm": realm, "pending": sum(change.is_pending for change in changes), "changes": rows}
