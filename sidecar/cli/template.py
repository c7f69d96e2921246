"""`passwordless template`: a realm's messages seen, and its own templates tried, without sending anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click

from sidecar import app as composition
from sidecar.cli.options import echo_json, inert, json_option, realm_from, settings_from
from sidecar.delivery.ports import Rendered
from sidecar.delivery.render import MESSAGES, Finding, Renderer
from sidecar.errors import SettingsError
from sidecar.model.challenge import Method
from sidecar.settings import Realm, Settings
from sidecar.words import Catalogue

_MESSAGE_OF = {"email": "login_email", "sms": "login_sms"}
#: What the account page sends besides, to addresses and numbers alike.
_OF_ACCOUNT_PAGE = {"add": Method.CODE, "changed": Method.LINK}

_folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Templates of this folder, in place of the realm's `templates`.",
)


@click.group()
def template() -> None:
    """Show a realm's messages, and try its own templates."""


@template.command()
@click.argument("realm")
@_folder_option
@json_option
@click.pass_context
def check(ctx: click.Context, *, realm: str, folder: Path | None, as_json: bool) -> None:
    """Try every template of REALM as a start does, and say all that is wrong with them.

    Each is rendered with made-up values, in every language of the realm, for every method of its connections and every
    application with a look of its own: code and link must be there, a subject must be one line, links may lead to us,
    to Keycloak, and to hosts that the settings name. A finding has the file, the line where that is known, and what to
    write instead.

    Exit codes: 0 all can be used, 1 findings, 2 could not run.
    """
    settings, its_realm = _chosen(ctx, realm, folder)
    findings = [*_renderer(settings).findings(its_realm), *_unread(its_realm)]
    if as_json:
        rows = [
            {"file": str(it.path) if it.path else None, "line": it.line, "what": it.what} for it in findings
        ]
        echo_json({"realm": realm, "ok": not findings, "findings": rows})
    else:
        for it in findings:
            where = f"{it.path}:{it.line}" if it.line else str(it.path or f"realms.{realm}.templates")
            click.echo(inert(f"{where}: {it.what}"))
        if not findings:
            own = f"those in {its_realm.templates}" if its_realm.templates else "ours, there are no others"
            click.echo(inert(f"The templates of {realm} can be used: {own}."))
    ctx.exit(1 if findings else 0)


@template.command()
@click.argument("realm")
@click.option("--connection", help="The message of this connection; without it, of each.")
@click.option("--template", "message", type=click.Choice(sorted(MESSAGES)), help="Only this one.")
@click.option(
    "--locale", "locales", multiple=True, help="A language of the realm; its first, if none is given."
)
@click.option("--client", help="As it looks for this application of the settings.")
@click.option("--html", "is_html", is_flag=True, help="Print the HTML of the mail, and nothing else.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the parts as files into this folder instead: .subject.txt, .txt, .html.",
)
@_folder_option
@json_option
@click.pass_context
def preview(
    ctx: click.Context,
    *,
    realm: str,
    connection: str | None,
    message: str | None,
    locales: tuple[str, ...],
    client: str | None,
    is_html: bool,
    out: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Render the messages of REALM with made-up values; nothing is sent, and code and links open nothing.

    Exit codes: 0 done, 2 could not run, as for templates that `template check` has something to say about.
    """
    if sum((is_html, out is not None, as_json)) > 1:
        raise click.UsageError("--html, --out and --json exclude each other")
    settings, its_realm = _chosen(ctx, realm, folder)
    renderer = _renderer(settings)
    if wrong := next(renderer.findings(its_realm), None):
        where = f"{wrong.path} " if wrong.path else ""
        raise SettingsError(f"{where}{wrong.what}; all of it: passwordless template check {realm}")
    application = _application(its_realm, client)
    previews = [
        _Preview(
            template=name,
            locale=locale,
            method=method.value,
            content=renderer.preview(
                realm=realm, template=name, locale=locale, method=method, application=application
            ),
        )
        for name, method in _messages(its_realm, connection)
        if message in {None, name}
        for locale in _locales(its_realm, locales)
    ]
    if not previews:
        raise SettingsError(f"realm '{realm}' has no connection whose message is {message}")
    if as_json:
        echo_json([asdict(it) for it in previews])
    elif is_html:
        _print_html(previews)
    elif out:
        _write(previews, out)
    else:
        for it in previews:
            _print(it)


@dataclass(frozen=True)
class _Preview:
    template: str
    locale: str
    method: str
    content: Rendered


def _chosen(ctx: click.Context, realm: str, folder: Path | None) -> tuple[Settings, Realm]:
    settings = settings_from(ctx)
    found = realm_from(settings, realm)
    return settings, replace(found, templates=folder) if folder else found


def _renderer(settings: Settings) -> Renderer:
    """One that takes a realm in by `findings` only, so that the first mistake is not the last."""
    return composition.renderer_of(settings, [], Catalogue())


def _unread(realm: Realm) -> Iterator[Finding]:
    """Files of the folder that nothing reads: a misspelt one would change nothing, and nobody would know."""
    known = {Path(name, file) for name, files in MESSAGES.items() for file in files}
    if not realm.templates or not realm.templates.is_dir():
        return
    for path in sorted(realm.templates.rglob("*")):
        if path.is_file() and path.relative_to(realm.templates) not in known:
            names = ", ".join(sorted(str(it) for it in known))
            yield Finding(path, None, f"is not read: rename it to one of {names}, or take it out")


def _application(realm: Realm, client: str | None) -> str:
    if client is None:
        return ""
    if client not in realm.clients:
        known = ", ".join(sorted(realm.clients)) or "none"
        raise SettingsError(
            f"realm '{realm.name}' has no application '{client}' in the settings, only: {known}"
        )
    if not realm.clients[client].id:
        raise SettingsError(
            f"realms.{realm.name}.clients.{client}.id is empty, so messages look like the realm's:"
            f" `passwordless plan {realm.name}` says what to write"
        )
    return realm.clients[client].id


def _messages(realm: Realm, connection: str | None) -> list[tuple[str, Method]]:
    """Template and method of a connection's messages, or of all connections', each once."""
    if connection is not None and connection not in realm.connections:
        known = ", ".join(sorted(realm.connections))
        raise SettingsError(f"realm '{realm.name}' has no connection '{connection}', only: {known}")
    chosen = [realm.connections[connection]] if connection else realm.connections.values()
    messages = [(_MESSAGE_OF[it.strategy], Method(it.method)) for it in chosen]
    if realm.account_page:
        messages += [
            (f"{kind}_{it.strategy}", method) for it in chosen for kind, method in _OF_ACCOUNT_PAGE.items()
        ]
    return list(dict.fromkeys(messages))


def _locales(realm: Realm, asked: tuple[str, ...]) -> tuple[str, ...]:
    for locale in asked:
        if locale not in realm.locales:
            raise SettingsError(
                f"realm '{realm.name}' has no language '{locale}', only: {', '.join(realm.locales)}"
            )
    return asked or realm.locales[:1]


def _print(it: _Preview) -> None:
    click.echo(f"--- {it.template}, {it.locale}, {it.method}")
    if it.content.subject:
        click.echo(inert(f"Subject: {it.content.subject}"))
        click.echo()
    for line in it.content.text.splitlines():
        click.echo(inert(line))
    click.echo()


def _print_html(previews: list[_Preview]) -> None:
    mails = [it.content.html for it in previews if it.content.html]
    if len(mails) != 1:
        raise SettingsError("--html prints one mail: choose it with --template, --connection and --locale")
    click.echo(mails[0].rstrip("\n"))


def _write(previews: list[_Preview], folder: Path) -> None:
    for it in previews:
        parts = {"subject.txt": it.content.subject, "txt": it.content.text, "html": it.content.html}
        for suffix, text in parts.items():
            if text:
                path = folder / f"{it.template}.{it.locale}.{it.method}.{suffix}"
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                    path.write_text(text, encoding="utf-8")
                except OSError as err:
                    raise SettingsError(f"{path} can't be written: {err.strerror}") from err
                click.echo(inert(str(path)))
