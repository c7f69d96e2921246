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
    """`users.ports.Directory`; after so many `writes` it breaks down, `before_link` is called before each link."""

    people: list[User] = field(default_factory=list)
    links: dict[str, list[Identity]] = field(default_factory=dict)
    writers: dict[str, str] = field(default_factory=dict)
    writes: int = 10**9
    before_link: Callable[[str], None] = lambda _: None
    asked: list[str] = field(default_factory=list)

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
