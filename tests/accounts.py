"""A realm's users as tests of the flow see them: whom Keycloak would know, and what it would ask them for."""

from __future__ import annotations

from dataclasses import dataclass, field

from sidecar.errors import KeycloakUnavailable


@dataclass
class Users:
    """`login.ports.PasskeyAccounts`: every subject is a user, but those in `unknown`; those in `keyed` have a passkey.

    `asked` has those whom Keycloak asks for one. While it is `away`, every call fails; `calls` counts them.
    """

    keyed: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    away: bool = False
    calls: int = 0

    def lacks_passkey(self, _realm: str, _connection: str, subject_id: str) -> bool:
        self._reach()
        return subject_id not in self.keyed | self.asked | self.unknown

    def have_passkey_registered(self, _realm: str, _connection: str, subject_id: str) -> None:
        self._reach()
        self.asked.add(subject_id)

    def cancel_registration(self, _realm: str, _connection: str, subject_id: str) -> None:
        self._reach()
        self.asked.discard(subject_id)

    def _reach(self) -> None:
        self.calls += 1
        if self.away:
            raise KeycloakUnavailable("Keycloak can't be reached")
