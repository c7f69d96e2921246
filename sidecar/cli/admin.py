"""The Keycloak admin of a command: its options, and where the password comes from."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from sidecar.errors import KeycloakUnavailable, SettingsError
from sidecar.keycloak import Accounts, Admin, RealmUsers, connect, connect_as_service_account
from sidecar.settings import Settings

PASSWORD_VARIABLE = "KEYCLOAK_ADMIN_PASSWORD"  # noqa: S105


def admin_options(command: Callable[..., None]) -> Callable[..., None]:
    """`username`, `password_file` and `admin_realm`: what `sign_in` takes."""
    options = [
        click.option(
            "--admin-username",
            "username",
            envvar="KEYCLOAK_ADMIN_USERNAME",
            default="admin",
            show_default=True,
            show_envvar=True,
            help="The admin's user name.",
        ),
        click.option(
            "--admin-password-file",
            "password_file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="A file with the admin's password in its first line.",
        ),
        click.option(
            "--admin-realm",
            default="master",
            show_default=True,
            help="The realm in which the admin has the account.",
        ),
    ]
    return functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)


service_account_option = click.option(
    "--service-account",
    is_flag=True,
    help="Sign in as REALM's service account, which `bootstrap` made; no password.",
)


sidecar_account_option = click.option(
    "--service-account",
    is_flag=True,
    help="Work as the sidecar's own account in REALM (service_account = true); no password.",
)


def users_of(
    settings: Settings,
    realm: str,
    *,
    username: str,
    password_file: Path | None,
    admin_realm: str,
    service_account: bool,
) -> RealmUsers:
    """The users of a realm, as the admin of the options, or as the sidecar's own account there."""
    if service_account:
        return RealmUsers(Accounts(settings).realm(realm))
    admin = sign_in(settings, username=username, password_file=password_file, admin_realm=admin_realm)
    return RealmUsers(admin.at("realms", realm))


def sign_in(
    settings: Settings,
    *,
    username: str,
    password_file: Path | None,
    admin_realm: str,
    service_account: bool = False,
    realm: str = "",
) -> Admin:
    """The admin API, as the admin of the options, or as the service account of `realm`."""
    if service_account:
        return connect_as_service_account(settings, realm)
    return connect(
        settings, username=username, password=_password(username, password_file), realm=admin_realm
    )


def _password(username: str, password_file: Path | None) -> str:
    if password_file:
        password = password_file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        if not password:
            raise SettingsError(
                f"the first line of {password_file} is empty: write the admin's password there"
            )
        return password
    from_environment = os.environ.get(PASSWORD_VARIABLE)
    if from_environment:
        return from_environment
    if not sys.stdin.isatty():
        raise KeycloakUnavailable(
            f"no password for the admin '{username}': set {PASSWORD_VARIABLE} or --admin-password-file,"
            " or use --service-account once `passwordless bootstrap` has made one"
        )
    return str(click.prompt(f"Password of the Keycloak admin '{username}'", hide_input=True, err=True))
