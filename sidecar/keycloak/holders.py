"""`login.ports.Users` over Keycloak's admin API: who has an address, and what its proof changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.errors import InvalidAddress, KeycloakUnavailable
from sidecar.keycloak.accounts import Accounts
from sidecar.keycloak.admin import Admin, Conflict, Refused
from sidecar.model.account import Found, Holder
from sidecar.model.address import is_number
from sidecar.model.email import parse_email

_NUMBER, _NUMBER_VERIFIED = "phone_number", "phone_number_verified"
#: Whoever has the account open may put something back while it is taken away; a few times, not for ever.
_ROUNDS = 3


class KeycloakUsers:
    """The users of the realms that let us change them."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def find(self, realm: str, address: str, *, alias: str) -> Found:
        admin = self._accounts.realm(realm)
        # Keycloak's search has rules of its own for case and wildcards; who has the address is decided here.
        if is_number(address):
            query = {"q": f"{_NUMBER}:{address}", "briefRepresentation": "false"}
        else:
            query = {"email": address, "exact": "true"}
        users = [user for user in admin.get("users", **query) if _has(user, address)]
        if is_number(address):
            # Any number of users can have one in Keycloak: who has it verified is not held up by those who have not.
            users = [user for user in users if _is_verified(user, address)] or users
        named = admin.get("users", username=address, exact="true", briefRepresentation="true")
        names = {user["id"] for user in named if user["username"] == address}
        if names & {user["id"] for user in users} and _is_email_the_name(admin):
            # It goes with the address.
            names = set()
        return Found(
            holders=tuple(_holder(admin, user, address, alias) for user in users), is_name=bool(names)
        )

    def linked(self, realm: str, alias: str, subject_id: str) -> bool:
        query = {"idpAlias": alias, "idpUserId": subject_id, "briefRepresentation": "true"}
        return bool(self._accounts.realm(realm).get("users", **query))

    def link(self, realm: str, user_id: str, *, alias: str, subject_id: str, name: str) -> None:
        identity = {"identityProvider": alias, "userId": subject_id, "userName": name}
        try:
            self._accounts.realm(realm).post("users", user_id, "federated-identity", alias, body=identity)
        except Conflict:
            # It has one: from a login at the same moment, or another subject's. Whoever asked looks again.
            return

    def unlink(self, realm: str, user_id: str, *, alias: str, subject_id: str) -> None:
        admin = self._accounts.realm(realm)
        if _linked_as(admin, user_id, alias) == subject_id:
            admin.discard("users", user_id, "federated-identity", alias)

    def strip(self, realm: str, user_id: str, *, address: str) -> bool:
        admin = self._accounts.realm(realm)
        user = admin.find("users", user_id)
        if user is None or not _has(user, address) or _is_verified(user, address):
            return False
        if _is_proven_otherwise(user, address):
            _release(admin, user, address)
            return True
        _take_ways_in(admin, user_id)
        # The address goes last: stopped before, the next login finds the user again. Disabled with it, since a page
        # that asks for a new password may be open, and a message on its way that leads to one.
        _release(admin, {**user, "requiredActions": [], "enabled": False}, address)
        for _ in range(_ROUNDS):
            if not _ways_in(admin, user_id):
                return True
            _take_ways_in(admin, user_id)
        raise KeycloakUnavailable(f"user {user_id} gets new ways in as fast as they are taken away")


def _has(user: Mapping[str, Any], address: str) -> bool:
    """Whether the user has the address, as we compare it."""
    if is_number(address):
        return address in _attributes(user).get(_NUMBER, ())
    try:
        return parse_email(user.get("email") or "").canonical == address
    except InvalidAddress:
        return False


def _is_verified(user: Mapping[str, Any], address: str) -> bool:
    """Whether Keycloak says that the address is this user's; of a number: that it was attested, and is the only one."""
    if is_number(address):
        attributes = _attributes(user)
        return attributes.get(_NUMBER) == [address] and attributes.get(_NUMBER_VERIFIED) == ["true"]
    return user.get("emailVerified") is True


def _is_proven_otherwise(user: Mapping[str, Any], address: str) -> bool:
    """Whether somebody has proven this account by an address of the other kind."""
    attributes = _attributes(user)
    if is_number(address):
        return bool(user.get("email")) and user.get("emailVerified") is True
    return bool(attributes.get(_NUMBER)) and attributes.get(_NUMBER_VERIFIED) == ["true"]


def _release(admin: Admin, user: Mapping[str, Any], address: str) -> None:
    """Write the user without the address."""
    if is_number(address):
        numbers: dict[str, list[str]] = {_NUMBER: [], _NUMBER_VERIFIED: []}
        admin.put("users", user["id"], body={**user, "attributes": _attributes(user) | numbers})
        return
    bare = {**user, "email": "", "emailVerified": False}
    try:
        admin.put("users", user["id"], body=bare)
    except Refused:
        # Where the email is the user name, there must be one; this one is nobody's (RFC 2606 §2).
        admin.put("users", user["id"], body={**bare, "email": f"{user['id']}@stripped.invalid"})


def _attributes(user: Mapping[str, Any]) -> dict[str, list[str]]:
    return dict(user.get("attributes") or {})


def _is_email_the_name(admin: Admin) -> bool:
    """Whether the realm's users have their email for a user name; whoever manages users may know."""
    return admin.get().get("registrationEmailAsUsername") is True


def _holder(admin: Admin, user: Mapping[str, Any], address: str, alias: str) -> Holder:
    return Holder(
        user_id=user["id"],
        is_enabled=user.get("enabled") is True,
        is_verified=_is_verified(user, address),
        is_ours=not user.get("federationLink"),
        linked_as=_linked_as(admin, user["id"], alias),
    )


def _linked_as(admin: Admin, user_id: str, alias: str) -> str:
    identities = admin.get("users", user_id, "federated-identity")
    return next((it["userId"] for it in identities if it["identityProvider"] == alias), "")


def _ways_in(admin: Admin, user_id: str) -> bool:
    """Whether anything is left with which the user could come in, or is in."""
    kinds = ("credentials", "federated-identity", "sessions", "consents")
    return any(admin.get("users", user_id, kind) for kind in kinds)


def _take_ways_in(admin: Admin, user_id: str) -> None:
    for credential in admin.get("users", user_id, "credentials"):
        admin.discard("users", user_id, "credentials", credential["id"])
    for identity in admin.get("users", user_id, "federated-identity"):
        admin.discard("users", user_id, "federated-identity", identity["identityProvider"])
    # With a client's consent its offline sessions go.
    for consent in admin.get("users", user_id, "consents"):
        admin.discard("users", user_id, "consents", consent["clientId"])
    admin.post("users", user_id, "logout", body={})
