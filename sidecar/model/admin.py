"""Who works on a realm through the API: by a token of the realm, and by what its roles allow."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: The client in Keycloak whose roles let somebody in, and which a token must be meant for.
CLIENT_ID = "passwordless-admin-api"


class Role(StrEnum):
    """Roles of that client."""

    #: Look at everything.
    VIEW = "view"
    #: Change things; looks too.
    MANAGE = "manage"


@dataclass(frozen=True, kw_only=True)
class RealmAdmin:
    """`user_id`: Keycloak's id of whoever the token is of, a service account's user too."""

    user_id: str
    roles: frozenset[Role]

    @property
    def may_view(self) -> bool:
        return bool(self.roles)

    @property
    def may_manage(self) -> bool:
        return Role.MANAGE in self.roles

    @property
    def name(self) -> str:
        """Who it was, for the ledger."""
        return f"api:{self.user_id}"


@dataclass(frozen=True, kw_only=True)
class KnownAddress:
    """An address that somebody proved, and the subject that it signs in to. Times are milliseconds since the epoch."""

    connection: str
    address: str
    subject_id: str
    proven_at: int


@dataclass(frozen=True, kw_only=True)
class Mute:
    """An address whose reader said "this was not me", so that strangers' starts send nothing until `ends_at`."""

    connection: str
    address: str
    muted_at: int
    ends_at: int


@dataclass(frozen=True, kw_only=True)
class Lock:
    """An address that takes no start or try of strangers' browsers: by which limit, and for how much longer."""

    connection: str
    address: str
    budget: str
    retry_after_s: int
