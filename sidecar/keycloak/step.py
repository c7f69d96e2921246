"""What one step of a plan is: it looks, and it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sidecar.keycloak.admin import Admin
from sidecar.keycloak.change import Change, differences, merged


class Step(Protocol):
    """One thing in the realm. `do` is idempotent and may be run again after it was interrupted anywhere."""

    @property
    def what(self) -> str: ...

    def check(self) -> Change:
        """Compare the realm with the desired state; reads only."""

    def do(self) -> None:
        """Make it so; nothing is deleted, and what is not ours keeps its value."""


@dataclass(frozen=True, kw_only=True)
class NamedThing:
    """A thing that a list of the admin API holds under a name: made if missing, else changed in the keys that are ours.

    `collection` is the list's path, `key` the field with the name, `id_key` the field that ends the thing's own path.
    """

    realm: Admin
    what: str
    collection: tuple[str, ...]
    desired: Mapping[str, Any]
    key: str = "name"
    id_key: str = "id"

    def check(self) -> Change:
        actual = self._actual()
        if actual is None:
            return Change(kind="create", what=self.what)
        detail = differences(self._wanted(actual), actual)
        return Change(kind="change" if detail else "keep", what=self.what, detail=detail)

    def do(self) -> None:
        actual = self._actual()
        if actual is None:
            self.realm.post(*self.collection, body=self.desired)
        else:
            self.realm.put(*self.collection, actual[self.id_key], body=merged(actual, self._wanted(actual)))

    def _wanted(self, actual: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the thing that is there should have."""
        del actual
        return self.desired

    def _actual(self) -> dict[str, Any] | None:
        # A list below a thing that is still to be made (the mappers of a new provider) is missing, too.
        found: list[dict[str, Any]] = self.realm.find(*self.collection) or []
        return named(found, self.desired[self.key], key=self.key)


def named(things: Iterable[dict[str, Any]], name: str, *, key: str = "name") -> dict[str, Any] | None:
    """The thing of a list of the admin API that has the name, or `None`."""
    return next((thing for thing in things if thing[key] == name), None)


def taken(steps: Iterable[Step], on_step: Callable[[Change], None]) -> list[Change]:
    """Take the steps that are pending, in turn; `on_step` is told of each once it is done, and of what was kept."""
    done: list[Change] = []
    for step in steps:
        change = step.check()
        if change.is_pending:
            step.do()
        done.append(change)
        on_step(change)
    return done


def settled(what: str, detail: tuple[str, ...]) -> Change:
    """A change if there is something to say, else kept."""
    return Change(kind="change" if detail else "keep", what=what, detail=detail)
