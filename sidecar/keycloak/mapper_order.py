"""Two mappers that write one claim: which of them Keycloak runs last, and so is believed.

Keycloak sorts mappers by their type's priority; those of one priority run as a Java HashSet of their ids comes, by
the low bits of each id's hash. Ids may be chosen when mappers are made, so ours are.

Source: org.keycloak.services.util.DefaultClientSessionContext, org.keycloak.protocol.ProtocolMapperUtils,
Keycloak 26.7; java.util.HashMap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

#: Writes what Keycloak's own authenticators noted, also where that is nothing; so it must not have the last word.
_FIRST = "oidc-amr-mapper"
#: Buckets of the largest set that is reckoned with: 768 mappers of one client.
_MOST_BUCKETS = 1024
#: Buckets of the smallest set.
_LEAST_BUCKETS = 16


def in_turn(mapper: Mapping[str, Any]) -> dict[str, Any]:
    """A mapper to be made, with an id by which it runs when it should."""
    while True:
        made = {**mapper, "id": str(uuid4())}
        if is_in_turn(made):
            return made


def is_in_turn(mapper: Mapping[str, Any]) -> bool:
    """Whether a mapper of ours runs when it should: that of Keycloak's own authenticators before all others."""
    place = _spread(str(mapper["id"]))
    if mapper["protocolMapper"] == _FIRST:
        return place % _MOST_BUCKETS == 0
    return place % _LEAST_BUCKETS != 0


def _spread(text: str) -> int:
    """What HashMap makes of a string's hash; the bucket is this modulo the number of buckets."""
    hashed = 0
    for character in text:
        hashed = (31 * hashed + ord(character)) & 0xFFFFFFFF
    return hashed ^ (hashed >> 16)
