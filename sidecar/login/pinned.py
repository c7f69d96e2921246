"""Test addresses: their messages are not sent, and their code is the one of the settings, until their day is over.

All else is everybody's: limits, counts, the browser that a challenge belongs to, single use, what pages show.
"""

from __future__ import annotations

from sidecar.model.challenge import Challenge
from sidecar.settings import Connection, PinnedAddress, Settings


def pinned(connection: Connection, challenge: Challenge) -> PinnedAddress | None:
    """What the settings fix for the challenge's address; `None` for all others, and from its end on.

    The database's clock decides, by when the challenge began: one that was let in is finished the same way.
    """
    found = connection.test_addresses.get(challenge.address)
    return found if found and found.holds_at(challenge.created_at) else None


def is_test(settings: Settings, challenge: Challenge) -> bool:
    """Whether nobody must get the challenge's messages, because its address is one for tests."""
    realm = settings.realms.get(challenge.realm)
    connection = realm.connections.get(challenge.connection) if realm else None
    return connection is not None and pinned(connection, challenge) is not None
