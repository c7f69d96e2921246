"""What is known of a passkey's offer to a subject."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PasskeyState:
    """The subject that was just proven. `is_declined`: it said no, and not long ago. `is_wanted`: it said yes, and
    Keycloak may ask it for a passkey still.
    """

    subject_id: str
    is_declined: bool
    is_wanted: bool


@dataclass(frozen=True)
class Wanted:
    """A subject that said yes, `wanted_at` in milliseconds since the epoch."""

    realm: str
    connection: str
    subject_id: str
    wanted_at: int
