"""Take out what linking made, where nobody has signed in by it yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sidecar.users.ports import Directory, Links, Made


@dataclass(kw_only=True)
class Undone:
    """How many links were taken out, how many stay because they were used, and how many were not there any more."""

    taken_out: int = 0
    used: int = 0
    gone: int = 0


def undo(
    realm: str,
    connection: str,
    *,
    directory: Directory,
    links: Links,
    undone: Undone,
    is_dry_run: bool = False,
    on_users: Callable[[int], None] = lambda _: None,
) -> None:
    """Take the unused links out, in Keycloak first: after a kill in between, the address is new to Keycloak only.

    Raises:
        KeycloakUnavailable, StoreUnavailable: stopped at the first error; another run goes on.
    """
    for made in links.made(realm, connection):
        on_users(1)
        if made.is_used:
            undone.used += 1
            continue
        is_there = _has(directory, connection, made)
        if not is_dry_run:
            if is_there:
                directory.unlink(made.user_id, connection)
            links.forget(realm, connection, made)
        undone.taken_out += is_there
        undone.gone += not is_there


def _has(directory: Directory, alias: str, made: Made) -> bool:
    """Whether the user has this very identity yet; one that somebody made since is not ours to take."""
    return any(
        identity.alias == alias and identity.subject_id == made.subject_id
        for identity in directory.identities(made.user_id)
    )
