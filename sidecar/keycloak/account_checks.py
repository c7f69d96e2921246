"""Examining what the running sidecar may do to a realm's users, and whether it can."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.keycloak.admin import Admin
from sidecar.keycloak.bootstrap import account_steps, has_account
from sidecar.keycloak.service_account import SIDECAR, connect_as_service_account
from sidecar.model.checkup import Finding
from sidecar.settings import Settings


def examine_account(realm: Admin, settings: Settings, name: str) -> Iterator[Finding]:
    """The sidecar's service account: there where the settings want it, with its roles and no others, and its key taken.

    Args:
        realm: the admin API below the realm, of one who may look at clients and users.
        settings: with `[realms.<name>]`.
        name: the realm.

    Raises:
        KeycloakUnavailable: it could not be looked at, or Keycloak does not take its key.
    """
    mend = f"passwordless bootstrap {name}, as an admin"
    if not settings.realms[name].service_account:
        if has_account(realm, SIDECAR):
            yield Finding(
                severity="warning",
                what=f"the client {SIDECAR.client_id} is there, and realms.{name}.service_account is false",
                why="it may change any user of the realm, and nothing needs it",
                mend=mend,
            )
        return
    changes = [step.check() for step in account_steps(realm, settings, name, SIDECAR)]
    pending = [change for change in changes if change.is_pending]
    for change in pending:
        what = f"{change.what} is missing" if change.kind == "create" else change.what
        yield Finding(
            severity="problem",
            what="; ".join((what, *change.detail)),
            why="the sidecar changes users by this account while people sign in: with less than it needs they can't,"
            " and more is power that nothing needs",
            mend=mend,
        )
    if not pending:
        # It looks right; whether Keycloak takes the key, only a sign-in shows.
        connect_as_service_account(settings, name, SIDECAR)
