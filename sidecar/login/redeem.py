"""Spend an authorization code, for the token endpoint."""

from __future__ import annotations

from sidecar.login.room import LoginRoom
from sidecar.login.verify import auth_code_macs
from sidecar.model.proof import Grant

_MAX_CHARS = 256


def redeem(room: LoginRoom, *, realm: str, connection: str, unverified_auth_code: str) -> Grant | None:
    """Spend the code; whoever holds the grant is the only one who ever will.

    The caller then checks what the grant is bound to (client, redirect URI, PKCE). A code that fails there stays
    spent: it was in the wrong hands (RFC 6749 §4.1.2).
    """
    if len(unverified_auth_code) > _MAX_CHARS:
        return None
    macs = auth_code_macs(room, realm, connection, unverified_auth_code)
    return room.auth_codes.redeem(macs, realm=realm, connection=connection)
