"""Enabling passwordless login in a realm: the desired state (`realm-config/`), what differs from it, and making it so.

`connect` opens Keycloak's admin API, `plan_realm` looks, `apply_realm` does; both never delete anything. `plan_removal`
and `remove_realm` are their counterparts. `bootstrap_realm` makes the service account that they can all work as,
`connect_as_service_account` signs in as it. `Accounts` is what the running sidecar may do to users.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sidecar.keycloak.account_sign_in import AccountSignIn
    from sidecar.keycloak.account_users import AccountUsers
    from sidecar.keycloak.accounts import Accounts
    from sidecar.keycloak.admin import Admin, connect
    from sidecar.keycloak.bootstrap import bootstrap_realm, plan_bootstrap
    from sidecar.keycloak.change import Change
    from sidecar.keycloak.holders import KeycloakUsers
    from sidecar.keycloak.known_users import KnownUsers
    from sidecar.keycloak.passkey_accounts import PasskeyUsers
    from sidecar.keycloak.plan import apply_realm, plan_realm, plan_removal, remove_realm
    from sidecar.keycloak.realm_file import RealmFile
    from sidecar.keycloak.service_account import connect_as_service_account
    from sidecar.keycloak.users import RealmUsers

__all__ = [
    "AccountSignIn",
    "AccountUsers",
    "Accounts",
    "Admin",
    "Change",
    "KeycloakUsers",
    "KnownUsers",
    "PasskeyUsers",
    "RealmFile",
    "RealmUsers",
    "apply_realm",
    "bootstrap_realm",
    "connect",
    "connect_as_service_account",
    "plan_bootstrap",
    "plan_realm",
    "plan_removal",
    "remove_realm",
]
_PLACES = {
    "KeycloakUsers": "holders",
    "AccountSignIn": "account_sign_in",
    "AccountUsers": "account_users",
    "Accounts": "accounts",
    "KnownUsers": "known_users",
    "Admin": "admin",
    "bootstrap_realm": "bootstrap",
    "connect": "admin",
    "connect_as_service_account": "service_account",
    "plan_bootstrap": "bootstrap",
    "Change": "change",
    "RealmUsers": "users",
    "PasskeyUsers": "passkey_accounts",
    "RealmFile": "realm_file",
    "apply_realm": "plan",
    "plan_realm": "plan",
    "plan_removal": "plan",
    "remove_realm": "plan",
}


def __getattr__(name: str) -> Any:
    """They come when they are needed: a server only reads realms' keys, and spares itself python-keycloak."""
    if name in _PLACES:
        return getattr(import_module(f"sidecar.keycloak.{_PLACES[name]}"), name)
    raise AttributeError(name)
