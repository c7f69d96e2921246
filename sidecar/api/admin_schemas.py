"""What the admin side takes and answers. No answer has a code, a link, a token or a secret."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from sidecar.api.cursors import DEFAULT_ITEMS, MAX_ITEMS
from sidecar.model.signing import LEAST_OVERLAP_S, OVERLAP_S

_ADDRESS = {"description": "An email address or number, in any spelling.", "example": "ada@example.org"}
_USER = {"description": "A user's id in Keycloak, user name, email address, or an address that signs in."}
_text = validate.Length(1, 320)


class Page(Schema):
    """Which part of a list."""

    limit = fields.Integer(
        load_default=DEFAULT_ITEMS,
        validate=validate.Range(1, MAX_ITEMS),
        metadata={"description": "Items at the most."},
    )
    cursor = fields.String(
        load_default="",
        validate=validate.Length(0, 2048),
        metadata={"description": "`next` of the page before."},
    )


class OfAddress(Page):
    """The same, of one address if it is named."""

    address = fields.String(load_default="", validate=validate.Length(0, 320), metadata=_ADDRESS)


class OfIdentity(OfAddress):
    """The same, or of one subject."""

    subject = fields.String(
        load_default="",
        validate=validate.Regexp(r"^[a-z0-9._-]{0,128}$"),
        metadata={"description": "As in `sub`."},
    )


class OfUser(Schema):
    """One user."""

    user = fields.String(required=True, validate=_text, metadata=_USER)


class Address(Schema):
    """One address."""

    address = fields.String(required=True, validate=_text, metadata=_ADDRESS)


class Users(Schema):
    """Two users, one of whom is merged into the other."""

    into = fields.String(required=True, validate=_text, metadata=_USER)
    from_ = fields.String(
        required=True,
        data_key="from",
        validate=_text,
        metadata={"description": "The same, of the one that is emptied and disabled."},
    )


class Confirmed(Users):
    """The same, with what its plan said."""

    confirmation = fields.String(
        required=True,
        validate=validate.Length(1, 128),
        metadata={"description": "As the plan answered: it stands for this very plan."},
    )


class Rotation(Schema):
    """When the new key signs."""

    after_s = fields.Integer(
        load_default=OVERLAP_S,
        validate=validate.Range(LEAST_OVERLAP_S, 86_400),
        metadata={"description": "Seconds until it signs: longer than anybody keeps the published keys."},
    )


class _Listed(Schema):
    next = fields.String(
        required=True, allow_none=True, metadata={"description": "The cursor, if there is more."}
    )


class _Addressed(Schema):
    connection = fields.String(required=True)
    address = fields.String(required=True)


def _list_of(item: type[Schema]) -> fields.List[Any]:
    return fields.List(fields.Nested(item), required=True)


class Connection(Schema):
    """A connection as the settings have it."""

    id = fields.String(required=True)
    strategy = fields.String(required=True)
    method = fields.String(required=True)
    digits = fields.Integer(required=True)
    lifetime_s = fields.Integer(required=True)
    signup = fields.Boolean(required=True)
    linking = fields.String(required=True)
    stopped = fields.Boolean(
        required=True, metadata={"description": "An operator has stopped its text messages."}
    )


class Connections(Schema):
    """All of the realm."""

    items = _list_of(Connection)


class Identity(_Addressed):
    """A proven address."""

    subject = fields.String(required=True, metadata={"description": "Keycloak's federated identity."})
    proven_at = fields.String(required=True)


class Identities(_Listed):
    """By connection and address."""

    items = _list_of(Identity)


class Link(Schema):
    """An identity of a user in Keycloak."""

    provider = fields.String(required=True, metadata={"description": "The identity provider's alias."})
    subject = fields.String(required=True)
    name = fields.String(required=True)
    addresses = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Those that sign in to it, of a connection of ours."},
    )


class Links(Schema):
    """All of one user."""

    user = fields.String(required=True)
    items = _list_of(Link)


class Move(Schema):
    """What goes to the primary."""

    kind = fields.String(required=True)
    alias = fields.String(required=True)
    what = fields.String(required=True)


class Conflict(Schema):
    """What both have, and the primary keeps its own of."""

    kind = fields.String(required=True)
    alias = fields.String(required=True)
    primary = fields.String(required=True)
    secondary = fields.String(required=True)


class MergePlan(Schema):
    """What a merge would do; with `refusals` there is no confirmation."""

    into = fields.String(required=True)
    from_ = fields.String(required=True, data_key="from")
    moves = _list_of(Move)
    conflicts = _list_of(Conflict)
    credentials = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Kinds that the secondary has; they are lost."},
    )
    refusals = fields.List(fields.String(), required=True)
    finished = fields.Boolean(required=True)
    confirmation = fields.String(required=True, allow_none=True)


class Message(Schema):
    """A message as it stands."""

    at = fields.String(required=True)
    connection = fields.String(required=True)
    challenge = fields.String(required=True)
    status = fields.String(required=True)
    attempts = fields.Integer(required=True)
    provider = fields.String(required=True, allow_none=True)
    reference = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    receipt = fields.String(required=True, allow_none=True)
    receipt_at = fields.String(required=True, allow_none=True)


class Messages(_Listed):
    """Newest first."""

    items = _list_of(Message)


class Event(Schema):
    """One thing that happened."""

    at = fields.String(required=True)
    event = fields.String(required=True)
    connection = fields.String(required=True)
    challenge = fields.String(required=True, allow_none=True)
    network = fields.String(required=True, allow_none=True)
    browser = fields.String(
        required=True, allow_none=True, metadata={"description": "`known` to the address or `new`."}
    )
    detail = fields.String(required=True)


class Events(_Listed):
    """Newest first."""

    items = _list_of(Event)


class Mute(_Addressed):
    """An address that strangers' starts send nothing to."""

    muted_at = fields.String(required=True)
    ends_at = fields.String(required=True)


class Mutes(_Listed):
    """By address."""

    items = _list_of(Mute)


class Lock(_Addressed):
    """An address that takes nothing of strangers' browsers."""

    budget = fields.String(required=True)
    retry_after_s = fields.Integer(required=True)


class Locks(_Listed):
    """By address; a page may have fewer than asked for, and more come after it."""

    items = _list_of(Lock)


class Done(_Addressed):
    """What was done for an address."""


class Key(Schema):
    """A signing key, by its id."""

    kid = fields.String(required=True)
    state = fields.String(required=True)
    signs_from = fields.String(required=True)


class Keys(Schema):
    """Newest first."""

    items = _list_of(Key)
