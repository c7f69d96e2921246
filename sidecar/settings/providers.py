"""Ways to send a message: which there are, and what each of them takes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from sidecar.settings.fields import OWN_NAME, SecretField, Section, Whole, plain
from sidecar.settings.values import (
    APPRISE_RECIPIENT,
    APPRISE_SCHEMAS,
    BASE64_SECRET,
    AppriseProvider,
    ConsoleProvider,
    Secret,
    SmtpProvider,
    TwilioProvider,
    WebhookProvider,
)

_port = validate.Range(1, 65535)
# RFC 7518 §3.2: a key of HS256 is at least as long as its hash.
_MIN_SECRET_CHARS = 32


def _sender(value: str) -> None:
    if any(c in value for c in "\r\n") or "@" not in value:
        raise ValidationError('must be an address like "Acme <login@example.org>"')


def _gateway_secret(value: str) -> None:
    if value and len(value) < _MIN_SECRET_CHARS:
        raise ValidationError(
            "is weak: it needs at least 32 random characters; `passwordless config secret` prints one"
        )


def _callback_secret(value: str) -> None:
    _gateway_secret(value)
    if value.startswith(BASE64_SECRET):
        try:
            base64.b64decode(value.removeprefix(BASE64_SECRET), validate=True)
        except binascii.Error:
            raise ValidationError(f"must have base64 behind {BASE64_SECRET}") from None


def _require_https(url: str, *, private_network: bool) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValidationError("must be a URL like https://gateway.example.org/messages", "url")
    if parts.username or parts.password or parts.fragment:
        raise ValidationError("must have no user and no fragment: what is secret goes into `secret`", "url")
    if parts.scheme == "http" and not private_network:
        raise ValidationError("must be https (http is for a gateway with private_network = true)", "url")


class _SmtpSchema(Section):
    target = SmtpProvider
    id = fields.String(required=True, data_key=OWN_NAME)
    type = fields.String(required=True, validate=validate.OneOf(["smtp"]))
    host = fields.String(required=True)
    port = Whole(load_default=587, validate=_port)
    security = fields.String(load_default="starttls", validate=validate.OneOf(["starttls", "tls", "none"]))
    username = fields.String(load_default="")
    password = SecretField(load_default=lambda: Secret(""))
    sender = fields.String(required=True, validate=_sender)
    timeout_s = Whole(load_default=10, validate=validate.Range(1, 60))
    ca_file = fields.String(load_default="")
    private_network = fields.Boolean(load_default=False)

    @validates_schema(skip_on_field_errors=True)
    def _no_password_in_the_clear(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["security"] == "none" and data["password"]:
            raise ValidationError("would send the password in the clear: use starttls or tls", "security")


class _WebhookSchema(Section):
    target = WebhookProvider
    id = fields.String(required=True, data_key=OWN_NAME)
    type = fields.String(required=True, validate=validate.OneOf(["webhook"]))
    url = fields.String(required=True)
    secret = SecretField(required=True, validate=plain(_gateway_secret))
    callback_secret = SecretField(load_default=lambda: Secret(""), validate=plain(_callback_secret))
    sender = fields.String(load_default="")
    timeout_s = Whole(load_default=5, validate=validate.Range(1, 10))
    private_network = fields.Boolean(load_default=False)

    @validates_schema(skip_on_field_errors=True)
    def _over_tls(self, data: Mapping[str, Any], **_: Any) -> None:
        _require_https(data["url"], private_network=data["private_network"])


def _sid(prefix: str) -> validate.Regexp:
    return validate.Regexp(
        rf"^({prefix}[0-9a-f]{{32}})?$", error=f"must be {prefix} and 32 digits of 0-9 and a-f"
    )


class _TwilioSchema(Section):
    target = TwilioProvider
    id = fields.String(required=True, data_key=OWN_NAME)
    type = fields.String(required=True, validate=validate.OneOf(["twilio"]))
    account_sid = fields.String(required=True, validate=[validate.Length(1), _sid("AC")])
    auth_token = SecretField(load_default=lambda: Secret(""))
    api_key = fields.String(load_default="", validate=_sid("SK"))
    api_secret = SecretField(load_default=lambda: Secret(""))
    messaging_service_sid = fields.String(load_default="", validate=_sid("MG"))
    sender = fields.String(load_default="")
    url = fields.String(load_default="https://api.twilio.com")
    timeout_s = Whole(load_default=5, validate=validate.Range(1, 10))
    private_network = fields.Boolean(load_default=False)

    @validates_schema(skip_on_field_errors=True)
    def _has_what_it_needs(self, data: Mapping[str, Any], **_: Any) -> None:
        _require_https(data["url"], private_network=data["private_network"])
        if data["url"].endswith("/"):
            raise ValidationError("must have no trailing slash", "url")
        if bool(data["api_key"]) != bool(data["api_secret"]):
            raise ValidationError("goes with api_secret: set both or neither", "api_key")
        if not data["auth_token"] and not data["api_key"]:
            raise ValidationError("is missing: set it, or api_key and api_secret", "auth_token")
        if bool(data["messaging_service_sid"]) == bool(data["sender"]):
            raise ValidationError("or messaging_service_sid must be set, and not both", "sender")


#: Apprise's that go over plain http to a host of the URL's.
_IN_THE_CLEAR = frozenset({"json", "form", "xml"})


class _AppriseSchema(Section):
    target = AppriseProvider
    id = fields.String(required=True, data_key=OWN_NAME)
    type = fields.String(required=True, validate=validate.OneOf(["apprise"]))
    url = SecretField(required=True)
    timeout_s = Whole(load_default=5, validate=validate.Range(1, 10))
    private_network = fields.Boolean(load_default=False)

    @validates_schema(skip_on_field_errors=True)
    def _is_for_one_number(self, data: Mapping[str, Any], **_: Any) -> None:
        schema, found, rest = data["url"].reveal().partition("://")
        if not found or schema.lower() not in APPRISE_SCHEMAS:
            raise ValidationError(f"must begin with one of: {', '.join(sorted(APPRISE_SCHEMAS))}", "url")
        if rest.count(APPRISE_RECIPIENT) != 1:
            raise ValidationError(f"must have {APPRISE_RECIPIENT} once, where the number goes", "url")
        if schema.lower() in _IN_THE_CLEAR and not data["private_network"]:
            raise ValidationError(
                f"must begin with {schema}s ({schema} is for private_network = true)", "url"
            )


class _ConsoleSchema(Section):
    target = ConsoleProvider
    id = fields.String(required=True, data_key=OWN_NAME)
    type = fields.String(required=True, validate=validate.OneOf(["console"]))


class ProviderField(fields.Field[Any]):
    """A table whose key `type` says which other keys it has."""

    schemas: Mapping[str, type[Schema]] = {
        "smtp": _SmtpSchema,
        "webhook": _WebhookSchema,
        "twilio": _TwilioSchema,
        "apprise": _AppriseSchema,
        "console": _ConsoleSchema,
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:  # noqa: ARG002
        if not isinstance(value, dict):
            raise ValidationError("must be a table")
        if "type" not in value:
            raise ValidationError({"type": ["is missing"]})
        schema = self.schemas.get(value["type"]) if isinstance(value["type"], str) else None
        if schema is None:
            raise ValidationError({"type": [f"must be one of: {', '.join(self.schemas)}"]})
        return schema().load(value)
