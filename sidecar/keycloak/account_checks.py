"""Examining what the running sidecar may do to a realm's users, and whether it can."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.keycloak.admin import Admin
from sidecar.keycloak.bootstrap import account_steps, has_account
from sidecar.keycloak.service_account import SIDECAR, connect_as_service_account
from sidecar.model.checkup import Finding
from sidecar.settings import Settings


def examine_addresses(realm: Admin, settings: Settings, name: str) -> Iterator[Finding]:
    """Users whose address is not verified, where a connection links by verified ones; counted by Keycloak.

    Raises:
        KeycloakUnavailable: users could not be counted.
    """
    own = settings.realms[name]
    named = [it.id for it in own.connections.values() if it.linking == "verified" and it.strategy == "email"]
    if not named:
        return
    unverified = realm.get("users", "count", email="@", emailVerified="false")
    if not unverified:
        return
    fate = (
        "lose their account's address and every way in, and are disabled"
        if own.unverified_holder == "strip"
        else "are stopped"
    )
    yield Finding(
        severity="warning",
        what=f"{unverified} users have an email address that is not verified, and {', '.join(named)} links by verified"
        " ones",
        why=f"when an owner of such an address signs in by code, these users {fate}: nobody can tell them from"
        " accounts that strangers made with it",
        mend="have them choose a new password by Keycloak's mail to that address (Credential reset), which verifies it,"
        " or set Email verified where you know it; or set"
        f' realms.{name}.connections.{named[0]}.linking = "prompt"',
    )


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
