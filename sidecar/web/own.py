"""The challenge of a page: this browser's, of this connection."""

from __future__ import annotations

import re

from flask import request

from sidecar.edge.browser import caller_of, require_cookie
from sidecar.errors import ChallengeNotFound
from sidecar.login.room import LoginRoom
from sidecar.model.challenge import Challenge, Found, Purpose

# What `issue` makes; anything else is not asked for (PostgreSQL takes no NUL in a text, for one).
_ID = re.compile(r"[A-Za-z0-9_-]{22}")


def own_challenge(
    room: LoginRoom,
    realm: str,
    connection: str | None,
    unverified_id: str,
    *,
    purpose: Purpose = Purpose.LOGIN,
) -> Found:
    """Find the challenge that a page of this connection and purpose names, unless it is used; `None` is any connection.

    A challenge of another realm or connection is refused: its request would go on under a foreign issuer.

    Raises:
        CookieMissing: the browser sent no cookie, so nothing is its own.
        ChallengeNotFound: unknown, another browser's, of another connection, or used.
    """
    found = own_or_used_challenge(room, realm, connection, unverified_id, purpose=purpose)
    if found.challenge.used_at is not None:
        raise ChallengeNotFound
    return found


def own_or_used_challenge(
    room: LoginRoom,
    realm: str,
    connection: str | None,
    unverified_id: str,
    *,
    purpose: Purpose = Purpose.LOGIN,
) -> Found:
    """The same for a page that waits for a link: it says when the link was used, in another tab of this browser.

    Raises:
        CookieMissing, ChallengeNotFound: as above, but for a used one that had a link.
    """
    found = _own(room, realm, connection, unverified_id, purpose)
    if found.challenge.used_at is not None and not found.challenge.method.has_link:
        raise ChallengeNotFound
    return found


def own_spent_challenge(
    room: LoginRoom,
    realm: str,
    connection: str | None,
    unverified_id: str,
    *,
    purpose: Purpose = Purpose.LOGIN,
) -> Challenge:
    """The same once the proof is given, for the page that stands before Keycloak.

    Raises:
        CookieMissing, ChallengeNotFound: as above, but for one that is used.
    """
    challenge = _own(room, realm, connection, unverified_id, purpose).challenge
    if challenge.used_at is None:
        raise ChallengeNotFound
    return challenge


def _own(room: LoginRoom, realm: str, connection: str | None, unverified_id: str, purpose: Purpose) -> Found:
    if connection is not None:
        room.connection(realm, connection)
    require_cookie(request)
    if not _ID.fullmatch(unverified_id):
        raise ChallengeNotFound
    found = room.challenges.find(unverified_id, caller_of(request).macs(room.keys))
    connection = connection or found.challenge.connection
    # What was asked for through the API has no way back to Keycloak from a page of ours.
    is_apis = found.challenge.request.is_of_api
    if (found.challenge.realm, found.challenge.connection) != (realm, connection) or is_apis:
        raise ChallengeNotFound
    if found.challenge.purpose is not purpose:
        raise ChallengeNotFound
    return found
