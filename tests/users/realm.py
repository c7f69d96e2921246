"""A realm's users in memory, as Keycloak holds them; it can break down, and other people can act in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from sidecar.errors import KeycloakUnavailable
from sidecar.users.ports import Identity, Linked, User

_PAGE = 3


def user(name: str, **fields) -> User:
    """An enabled user with a verified address."""
    address = f"{name}@example.org"
    return User(
        **{
            "id": f"id-{name}",
            "username": name,
            "email": address,
            "is_enabled": True,
            "is_email_verified": True,
            **fields,
        }
    )


@dataclass
class Realm:
    """`users.ports.Directory` and `Profiles`; breaks down after so many `writes`, tells of each link before it."""

    people: list[User] = field(default_factory=list)
    links: dict[str, list[Identity]] = field(default_factory=dict)
    writers: dict[str, str] = field(default_factory=dict)
    writes: int = 10**9
    before_link: Callable[[str], None] = lambda _: None
    asked: list[str] = field(default_factory=list)
    locked: set[str] = field(default_factory=set)
    passwords: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def users(self, *, with_attributes: bool) -> Iterator[Sequence[User]]:
        for first in range(0, len(self.people), _PAGE):
            page = self.people[first : first + _PAGE]
            yield page if with_attributes else [replace(each, attributes={}) for each in page]

    def linked(self, alias: str) -> Iterator[Sequence[str]]:
        yield [user_id for user_id in self.links if self.of(user_id, alias)]

    def holders(self, alias: str, subject_id: str) -> Sequence[str]:
        self.asked.append(subject_id)
        return [
            user_id
            for user_id, identities in self.links.items()
            if any(each[:2] == (alias, subject_id) for each in identities)
        ]

    def identities(self, user_id: str) -> Sequence[Identity]:
        return tuple(self.links.get(user_id, ()))

    def link(self, user_id: str, identity: Identity) -> Linked:
        self.before_link(user_id)
        if user_id not in {each.id for each in self.people}:
            return Linked.GONE
        if self.of(user_id, identity.alias):
            return Linked.ALREADY
        self._spend()
        self.links.setdefault(user_id, []).append(identity)
        return Linked.DONE

    def unlink(self, user_id: str, alias: str) -> None:
        self._spend()
        self.links[user_id] = [each for each in self.links.get(user_id, ()) if each.alias != alias]

    def who_else_writes(self, attribute: str) -> str:
        return self.writers.get(attribute, "the realm's user profile does not have it")

    def of(self, user_id: str, alias: str) -> Identity | None:
        return next((each for each in self.links.get(user_id, ()) if each.alias == alias), None)

    def _spend(self) -> None:
        if not self.writes:
            raise KeycloakUnavailable("out of writes")
        self.writes -= 1

    def find(self, name: str) -> Sequence[User]:
        return [each for each in self.people if name in {each.id, each.username, each.email}]

    def is_locked(self, user_id: str) -> bool:
        return user_id in self.locked

    def credentials(self, user_id: str) -> Sequence[str]:
        return self.passwords.get(user_id, ())

    def disable(self, user_id: str) -> None:
        self._change(user_id, is_enabled=False)

    def release_email(self, user_id: str) -> bool:
        self._change(user_id, email="")
        return True

    def delete(self, user_id: str) -> None:
        self._spend()
        self.people = [each for each in self.people if each.id != user_id]
        self.links.pop(user_id, None)

    def signs_in(self, alias: str, subject_id: str) -> str:
        """Whom Keycloak signs in by an identity: a user's id, `refused`, or `somebody new`."""
        holders = self.holders(alias, subject_id)
        if not holders:
            return "somebody new"
        enabled = {each.id for each in self.people if each.is_enabled}
        return holders[0] if len(holders) == 1 and holders[0] in enabled else "refused"

    def _change(self, user_id: str, **fields) -> None:
        self._spend()
        self.people = [replace(each, **fields) if each.id == user_id else each for each in self.people]
