"""The users of a realm in Keycloak, as far as a proven address decides about them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A user that has an address, or a number.

    `is_verified`: Keycloak says that it is this user's (of a number: an admin or a proof of ours said so). `is_ours`
    tells a user that Keycloak keeps itself from one of a user federation, which is not for us to change. `linked_as`
    is the subject that the user has for the connection that was asked about, empty for none.
    """

    user_id: str
    is_enabled: bool
    is_verified: bool
    is_ours: bool
    linked_as: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """Who has an address, and whether some user has it for a user name, which proves nothing."""

    holders: tuple[Holder, ...]
    is_name: bool
