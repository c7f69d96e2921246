"""What a plan is made of: one `Change` for each thing in the realm, and how two representations are compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["create", "change", "keep", "remove"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What happens to one thing: it is made, changed, kept as it is, or removed.

    `what` names the thing in an admin's words ("identity provider email"); `detail` has a sentence for each difference
    ("trustEmail: false → true"). Neither holds a secret.
    """

    kind: Kind
    what: str
    detail: tuple[str, ...] = ()

    @property
    def is_pending(self) -> bool:
        return self.kind != "keep"


def differences(desired: Mapping[str, Any], actual: Mapping[str, Any], path: str = "") -> tuple[str, ...]:
    """A sentence for each key of `desired` that `actual` has otherwise; keys of `actual` alone are not ours."""
    found: list[str] = []
    for key, wanted in desired.items():
        name, present = f"{path}{key}", actual.get(key)
        if isinstance(wanted, Mapping):
            found += differences(wanted, present if isinstance(present, Mapping) else {}, f"{name}.")
        elif wanted != present:
            found.append(f"{name}: {_short(present)} → {_short(wanted)}")
    return tuple(found)


def merged(actual: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """`actual` with the keys of `desired` over it, object by object: what to send, so that foreign keys survive."""
    result = dict(actual)
    for key, wanted in desired.items():
        present = result.get(key)
        nested = isinstance(wanted, Mapping) and isinstance(present, Mapping)
        result[key] = merged(present, wanted) if nested else wanted  # type: ignore[arg-type]
    return result


def _short(value: Any) -> str:
    return (
        "not set"
        if value is None
        else value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False)
    )
