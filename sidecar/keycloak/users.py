"""A realm's users in Keycloak, for linking and merging."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak.admin import Admin, Conflict, NotAllowed, NothingThere, Refused
from sidecar.users.ports import Identity, Linked, User

#: As long as pages are small, Keycloak's memory and ours stay flat; larger ones are no faster.
_PAGE = 500
_ADMIN = "admin"
_ONLY_ADMINS = "ADMIN_EDIT"


class RealmUsers:
    """`users.ports.Directory` and `users.ports.Profiles` over the admin API, below a realm's path."""

    def __init__(self, realm: Admin) -> None:
        self._realm = realm

    def require_provider(self, alias: str) -> None:
        """Refuse to go on without it: Keycloak would link users with a provider that is not there.

        Raises:
            KeycloakUnavailable: the realm has no such identity provider.
        """
        try:
            found = self._realm.find("identity-provider", "instances", alias)
        except NotAllowed:
            # Users may be all that this admin may see; the link counts as soon as there is the provider.
            return
        if found is None:
            raise KeycloakUnavailable(
                f"the realm has no identity provider '{alias}': run `passwordless apply` for it first"
            )

    def users(self, *, with_attributes: bool) -> Iterator[Sequence[User]]:
        for page in self._pages(briefRepresentation="false" if with_attributes else "true"):
            yield [_user(found) for found in page]

    def linked(self, alias: str) -> Iterator[Sequence[str]]:
        for page in self._pages(idpAlias=alias, briefRepresentation="true"):
            yield [str(found["id"]) for found in page]

    def holders(self, alias: str, subject_id: str) -> Sequence[str]:
        found = self._realm.get("users", idpAlias=alias, idpUserId=subject_id, briefRepresentation="true")
        return [str(user["id"]) for user in found]

    def identities(self, user_id: str) -> Sequence[Identity]:
        found = self._realm.find("users", user_id, "federated-identity") or ()
        return [Identity(it["identityProvider"], it["userId"], it.get("userName") or "") for it in found]

    def link(self, user_id: str, identity: Identity) -> Linked:
        body = {
            "identityProvider": identity.alias,
            "userId": identity.subject_id,
            "userName": identity.name,
        }
        try:
            self._realm.post("users", user_id, "federated-identity", identity.alias, body=body)
        except Conflict:
            return Linked.ALREADY
        except NothingThere:
            return Linked.GONE
        return Linked.DONE

    def unlink(self, user_id: str, alias: str) -> None:
        try:
            self._realm.delete("users", user_id, "federated-identity", alias)
        except NothingThere:
            return

    def who_else_writes(self, attribute: str) -> str:
        profile = self._realm.get("users", "profile")
        found = next((it for it in profile["attributes"] if it["name"] == attribute), None)
        if found is None:
            if profile.get("unmanagedAttributePolicy") == _ONLY_ADMINS:
                return ""
            return "the realm's user profile does not have it"
        if "permissions" not in found:
            return "the realm's user profile does not say who may edit it"
        others = sorted(set(found["permissions"].get("edit") or ()) - {_ADMIN})
        return f"the realm's user profile lets others edit it ({', '.join(others)})" if others else ""

    def find(self, name: str) -> Sequence[User]:
        if not name:
            return []
        brief = {"exact": "true", "briefRepresentation": "true"}
        found = [self._realm.find("users", name)]
        found += self._realm.get("users", username=name, **brief)
        if "@" in name:
            found += self._realm.get("users", email=name, **brief)
        by_id = {it["id"]: _user(it) for it in found if it and not it.get("serviceAccountClientId")}
        return list(by_id.values())

    def is_locked(self, user_id: str) -> bool:
        state = self._realm.get("attack-detection", "brute-force", "users", user_id)
        return bool(state["disabled"])

    def credentials(self, user_id: str) -> Sequence[str]:
        return sorted({it["type"] for it in self._realm.get("users", user_id, "credentials")})

    def disable(self, user_id: str) -> None:
        self._realm.put("users", user_id, body={"enabled": False})
        self._realm.post("users", user_id, "logout", body={})

    def release_email(self, user_id: str) -> bool:
        # Where the email is the user name, or is asked of everybody, there must be one; the second is nobody's
        # (RFC 2606 §2).
        for email in ("", f"{user_id}@merged.invalid"):
            try:
                self._realm.put("users", user_id, body={"email": email, "emailVerified": False})
            except Refused:
                continue
            return True
        return False

    def delete(self, user_id: str) -> None:
        try:
            self._realm.delete("users", user_id)
        except NothingThere:
            return

    def _pages(self, **query: str) -> Iterator[list[dict[str, Any]]]:
        first = 0
        while True:
            page = self._realm.get("users", first=str(first), max=str(_PAGE), **query)
            if page:
                yield page
            if len(page) < _PAGE:
                return
            first += _PAGE


def _user(found: Mapping[str, Any]) -> User:
    return User(
        id=found["id"],
        username=found["username"],
        email=found.get("email") or "",
        is_enabled=bool(found.get("enabled")),
        is_email_verified=bool(found.get("emailVerified")),
        attributes=found.get("attributes") or {},
    )
