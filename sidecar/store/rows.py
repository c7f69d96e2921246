"""Challenges as rows: which columns, which conditions, and back to the model's value."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, select

from sidecar.model.asker import Asker
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.challenge import Challenge, Method, Purpose
from sidecar.model.own_account import AccountChange, ChangeKind
from sidecar.store.one_of import numbered, one_of
from sidecar.store.tables import account_changes, addresses, challenges

#: What stays in the database: a browser's MAC, and for whom a right code is kept.
_KEPT = {"browser_mac", "reserved_until", "reserved_by"}
#: All that the model's value needs.
COLUMNS: tuple[ColumnElement[Any], ...] = tuple(column for column in challenges.c if column.name not in _KEPT)

_ASKER = tuple((field.name, f"asked_{field.name}") for field in fields(Asker))
_PLAIN = tuple(
    column.name
    for column in COLUMNS
    if column.name not in {"seed", "request", "method", "purpose", *dict(_ASKER).values()}
)


def challenge_from(row: Row[*tuple[Any, ...]], *, read_at: int) -> Challenge:
    """A row with (at least) every column of `COLUMNS`."""
    return Challenge(
        **{name: getattr(row, name) for name in _PLAIN},
        seed=bytes(row.seed),
        method=Method(row.method),
        purpose=Purpose(row.purpose),
        request=AuthorizationRequest(**json.loads(row.request)),
        asker=Asker(**{name: getattr(row, column) for name, column in _ASKER}),
        read_at=read_at,
    )


def row_from(challenge: Challenge, *, browser_mac: str) -> dict[str, Any]:
    """Every column of a challenge's row."""
    return {
        **{name: getattr(challenge, name) for name in _PLAIN},
        **{column: getattr(challenge.asker, name) for name, column in _ASKER},
        "seed": challenge.seed,
        "method": challenge.method.value,
        "purpose": challenge.purpose.value,
        "browser_mac": browser_mac,
        "reserved_until": None,
        "reserved_by": None,
        "request": request_as_text(challenge.request),
    }


def request_as_text(request: AuthorizationRequest) -> str:
    return json.dumps(request.as_json(), separators=(",", ":"))


def is_theirs(count: int) -> tuple[ColumnElement[bool], ...]:
    """Only the browser that started a challenge can name it; for `count` MACs, with `theirs(…)` at each run."""
    return challenges.c.id == bindparam("challenge"), one_of(challenges.c.browser_mac, "mac", count)


def theirs(challenge_id: str, browser_macs: Sequence[str]) -> dict[str, str]:
    return {"challenge": challenge_id, **numbered("mac", browser_macs)}


def of_address(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column of the address that was proven before, or null; with `of_realm`, `of_connection`, `of_address`."""
    return select(column).where(*is_address()).scalar_subquery()


def is_address() -> tuple[ColumnElement[bool], ...]:
    """The row of one proven address; with `of_realm`, `of_connection`, `of_address`."""
    return (
        addresses.c.realm == bindparam("of_realm"),
        addresses.c.connection == bindparam("of_connection"),
        addresses.c.address == bindparam("of_address"),
    )


def is_open(now: ColumnElement[int] | int) -> tuple[ColumnElement[bool], ...]:
    """The guard of everything that a challenge may still be used for."""
    return (
        challenges.c.used_at.is_(None),
        challenges.c.retired_at.is_(None),
        challenges.c.tries < challenges.c.max_tries,
        challenges.c.expires_at > now,
    )


def is_open_of_address(now: ColumnElement[int]) -> tuple[ColumnElement[bool], ...]:
    """The same, together with an address.

    Written so that no index of `expires_at` alone fits: PostgreSQL would at times walk through everybody's open
    challenges for the one of the address.
    """
    *others, _ = is_open(now)
    return *others, challenges.c.expires_at - now > 0


def change_of(connection: Connection, change_id: str | None) -> AccountChange | None:
    """The change of an account that a notice names."""
    found = (
        connection.execute(select(account_changes).where(account_changes.c.id == change_id))
        .mappings()
        .one_or_none()
    )
    return AccountChange(**{**found, "kind": ChangeKind(found["kind"])}) if found else None
