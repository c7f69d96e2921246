"""Keycloak's side of an account that has several addresses: which subjects are linked, and its email address."""

from __future__ import annotations

from typing import Any

from sidecar.keycloak.accounts import Accounts
from sidecar.keycloak.admin import Admin
from sidecar.model.own_account import Account
from sidecar.settings import Settings

_NUMBER, _NUMBER_VERIFIED = "phone_number", "phone_number_verified"
_WAYS_IN = frozenset({"password", "webauthn-passwordless"})


class AccountUsers:
    """`login.ports.Accounts` over the admin API, by the sidecar's own service account."""

    def __init__(self, settings: Settings, accounts: Accounts) -> None:
        self._settings = settings
        self._accounts = accounts

    def account(self, realm: str, user_id: str) -> Account | None:
        admin = self._accounts.realm(realm)
        user = admin.find("users", user_id)
        if user is None or not user["enabled"]:
            return None
        links: list[dict[str, Any]] = admin.get("users", user_id, "federated-identity")
        ours = self._settings.realms[realm].connections
        credentials: list[dict[str, Any]] = admin.get("users", user_id, "credentials")
        return Account(
            realm=realm,
            id=user_id,
            email=user.get("email") or "",
            subjects={it["identityProvider"]: it["userId"] for it in links if it["identityProvider"] in ours},
            number=next(iter(user.get("attributes", {}).get(_NUMBER, ())), ""),
            has_another_way=any(it["type"] in _WAYS_IN for it in credentials)
            or any(it["identityProvider"] not in ours for it in links),
        )

    def link(self, realm: str, user_id: str, connection: str, subject_id: str) -> None:
        self._user(realm, user_id).post(
            "federated-identity",
            connection,
            body={"identityProvider": connection, "userId": subject_id, "userName": subject_id},
        )

    def set_email(self, realm: str, user_id: str, email: str) -> None:
        user = self._user(realm, user_id)
        # With all that is there: what an update leaves out, Keycloak may drop.
        user.put(body={**user.get(), "email": email, "emailVerified": bool(email)})

    def set_number(self, realm: str, user_id: str, number: str) -> None:
        user = self._user(realm, user_id)
        actual = user.get()
        kept = {
            name: values
            for name, values in actual.get("attributes", {}).items()
            if name not in {_NUMBER, _NUMBER_VERIFIED}
        }
        told = {_NUMBER: [number], _NUMBER_VERIFIED: ["true"]} if number else {}
        user.put(body={**actual, "attributes": {**kept, **told}})

    def sign_out(self, realm: str, user_id: str) -> None:
        self._user(realm, user_id).post("logout", body={})

    def _user(self, realm: str, user_id: str) -> Admin:
        return self._accounts.realm(realm).at("users", user_id)
