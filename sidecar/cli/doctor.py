"""`passwordless doctor`: a realm examined from inside and outside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from sidecar import app as composition
from sidecar import store
from sidecar.cli.admin import admin_options, service_account_option, sign_in
from sidecar.cli.options import echo_json, inert, json_option, realm_from, settings_from
from sidecar.delivery.checkup import provider_checks
from sidecar.keycloak.doctor import RealmDoctor
from sidecar.keycloak.outside import OutsideDoctor
from sidecar.model.checkup import Check, Checked, Finding, examine
from sidecar.settings import Settings
from sidecar.store.engine import Database
from sidecar.store.key_shelf import SqlKeyShelf

_EPILOG = """
\b
The admin account: as of `passwordless plan`. One of REALM itself (--admin-realm)
needs only the roles view-realm, view-clients, view-identity-providers and
view-users; what takes more (Keycloak's version: manage-realm, its look at the
sidecar: manage-identity-providers) is then said to be left out.

\b
Exit codes: 0 all is well, 1 warnings or problems, 2 could not run.
"""
_WIDTH = 8


@click.command(epilog=_EPILOG)
@click.argument("realm")
@admin_options
@service_account_option
@click.option(
    "--theme",
    default="passwordless",
    show_default=True,
    help="The login theme that `apply` was given; `stock` leaves the realm's own.",
)
@json_option
@click.pass_context
def doctor(ctx: click.Context, /, realm: str, *, as_json: bool, theme: str, **admin_options: Any) -> None:
    """Examine REALM from inside and outside, and say what is wrong, why it matters and what mends it.

    From inside, with Keycloak's admin API: all that `apply` makes, sign-in flows
    that take a name for proof, Keycloak's version and the known advisories of
    its broker. From outside: both servers at the addresses that browsers and
    the other server use, issuers, keys, redirect URIs and clocks; then whether
    each mail server and gateway answers, without a message.

    Run it where the sidecar runs, with its settings. Nothing is changed and
    nothing is sent. A line for each check: ok, warning (works, or may work) or
    problem (some sign-in fails, or is not safe). What can't be looked at is a
    finding too, and the other checks go on.
    """
    settings = settings_from(ctx)
    realm_from(settings, realm)
    done = []
    for checked in examine(_checks(settings, realm, theme, admin_options)):
        done.append(checked)
        if not as_json:
            _show(checked)
    counts = {state: sum(it.state == state for it in done) for state in ("ok", "warning", "problem")}
    if as_json:
        echo_json({"realm": realm, **counts, "checks": [_as_json(it) for it in done]})
    else:
        click.echo(
            f"{len(done)} checks: {counts['ok']} ok, {counts['warning']} with warnings,"
            f" {counts['problem']} with problems."
        )
    ctx.exit(0 if counts["ok"] == len(done) else 1)


def _checks(settings: Settings, realm: str, theme: str, admin_options: dict[str, Any]) -> Iterator[Check]:
    """All of them, made as they are asked for: what a check finds decides which others there are."""
    inside = RealmDoctor(
        lambda: sign_in(settings, realm=realm, **admin_options), settings, realm, theme=theme
    )
    yield from inside.checks()
    yield Check(name="database", title="the sidecar's database", look=lambda: _look_at_database(settings))
    outside = OutsideDoctor(
        settings,
        realm,
        published_keys=lambda: _published_keys(settings, realm),
        admin=lambda: inside.admin if inside.is_reached else None,
    )
    yield from outside.checks()
    connections = settings.realms[realm].connections
    built = composition.providers_of(settings)
    yield from provider_checks(
        {name: built[realm, name] for name in connections},
        {name: it.strategy for name, it in connections.items()},
    )


def _look_at_database(settings: Settings) -> Iterator[Finding]:
    """Whether it answers and is of this version; what it raises is the finding."""
    with _database(settings):
        yield from ()


def _published_keys(settings: Settings, realm: str) -> list[dict[str, Any]]:
    with _database(settings) as database:
        return [json.loads(key.public_jwk) for key in SqlKeyShelf(database).keys(realm)]


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    database = Database(settings.database.url.reveal())
    try:
        store.check(database)
        yield database
    finally:
        database.dispose()


def _show(checked: Checked) -> None:
    click.echo(inert(f"{checked.state:<{_WIDTH}} {checked.title}"))
    for finding in checked.findings:
        first = "" if finding.is_fault else "note: "
        for label, text in ((first, finding.what), ("why: ", finding.why), ("mend: ", finding.mend)):
            if text:
                click.echo(inert(f"{'':{_WIDTH}}   {label}{text}"))


def _as_json(checked: Checked) -> dict[str, Any]:
    findings = [
        {"severity": it.severity, "what": it.what, "why": it.why, "mend": it.mend} for it in checked.findings
    ]
    return {"name": checked.name, "title": checked.title, "state": checked.state, "findings": findings}
