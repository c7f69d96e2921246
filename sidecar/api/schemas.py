"""What goes in and out, as the OpenAPI document has it. Unknown fields are refused."""

from __future__ import annotations

from marshmallow import EXCLUDE, Schema, fields, validate

from sidecar.model.challenge import Method
from sidecar.model.client import ASSERTION_TYPE

_MAX_ADDRESS_CHARS = 320
_MAX_CHARS = 4096


class Client(Schema):
    """Who calls. A confidential client proves itself by secret or assertion, here or by HTTP Basic."""

    client_id = fields.String(
        validate=validate.Length(1, 255), metadata={"description": "The client, as Keycloak calls it."}
    )
    client_secret = fields.String(validate=validate.Length(1, _MAX_CHARS))
    client_assertion = fields.String(
        validate=validate.Length(1, _MAX_CHARS), metadata={"description": "RFC 7523 §2.2."}
    )
    client_assertion_type = fields.String(validate=validate.OneOf([ASSERTION_TYPE]))
    login = fields.String(
        validate=validate.Regexp(r"^[A-Za-z0-9_-]{1,64}(?!\n)$"),
        metadata={"description": "Of Keycloak's own login page: its `tab_id`. An application leaves it out."},
    )


class Start(Client):
    """Starts a challenge."""

    connection = fields.String(
        required=True,
        validate=validate.Length(1, 64),
        metadata={"description": "The passwordless connection of the realm.", "example": "email"},
    )
    address = fields.String(
        required=True,
        validate=validate.Length(1, _MAX_ADDRESS_CHARS),
        metadata={"description": "An email address, or a number in E.164.", "example": "ada@example.org"},
    )
    method = fields.String(
        validate=validate.OneOf([it.value for it in Method]),
        metadata={
            "description": "What the message brings: a `code`, a `link` to a page of ours that shows the code,"
            " or `both`, as far as the connection sends it. Else a code, if the connection sends codes."
        },
    )
    locale = fields.String(
        load_default="",
        validate=validate.Length(0, 64),
        metadata={"description": "The message's language, a BCP 47 tag; else as Accept-Language says."},
    )


class Idempotency(Schema):
    """What lets a start be asked for again."""

    class Meta:
        """There are other headers too."""

        unknown = EXCLUDE

    key = fields.String(
        data_key="Idempotency-Key",
        validate=validate.Regexp(r"^[!-~]{1,255}$", error="must be 1 to 255 visible ASCII characters"),
        metadata={
            "description": "Chosen at random by the caller, like a UUID. The same start with the same key, for a day:"
            " the challenge as it stands, and no second message. Another start with it is refused."
        },
    )


class Verify(Client):
    """Tries a code."""

    code = fields.String(
        required=True,
        validate=validate.Length(1, 64),
        metadata={"description": "As typed.", "example": "123456"},
    )


class Challenge(Schema):
    """A challenge, as its caller may know it."""

    id = fields.String(required=True)
    connection = fields.String(required=True)
    masked_address = fields.String(required=True)
    method = fields.String(
        required=True,
        validate=validate.OneOf([it.value for it in Method]),
        metadata={"description": "What the message brings."},
    )
    digits = fields.Integer(required=True, metadata={"description": "How long the code is."})
    status = fields.String(
        required=True,
        validate=validate.OneOf(["sending", "sent", "delivered", "delayed", "failed"]),
        metadata={"description": "What became of the newest message, as far as this caller may know."},
    )
    open = fields.Boolean(required=True, metadata={"description": "Whether a code may still be tried."})
    verified = fields.Boolean(
        required=True, metadata={"description": "Whether its code was verified, by this caller."}
    )
    tries_left = fields.Integer(required=True)
    expires_in_s = fields.Integer(required=True)
    resend_in_s = fields.Integer(required=True)


class Ticket(Schema):
    """What a right code buys: `login_hint` of a login at Keycloak, once."""

    ticket = fields.String(required=True)
    expires_in_s = fields.Integer(required=True)


class Problem(Schema):
    """RFC 9457."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    tries_left = fields.Integer()
    errors = fields.Dict()
