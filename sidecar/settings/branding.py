"""How a realm looks, and each of its applications: name, logo, colours, links."""

from __future__ import annotations

import hashlib
import re
import struct
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from marshmallow import ValidationError, fields, post_load, validates_schema

from sidecar.model import colours
from sidecar.settings.fields import OWN_NAME, Section
from sidecar.settings.values import Branding, Client, Logo

_MAX_NAME_CHARS = 60
_MAX_URL_CHARS = 500
_MAX_LOGO_BYTES = 100 * 1024
_MAX_LOGO_PIXELS = 2000
_MAX_CLIENT_CHARS = 255
# PNG (ISO/IEC 15948) §5.2 and §11.2.2: the signature, and the first chunk, with width and height.
_PNG_HEAD = struct.Struct(">8sI4sII")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# No blank, quote or bracket: it stands in attributes and texts as it is.
_URL_CHARS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]+")
_VERSION_CHARS = 12


def _name(value: str) -> None:
    if len(value) > _MAX_NAME_CHARS:
        raise ValidationError(f"must have no more than {_MAX_NAME_CHARS} characters")
    # Controls, line ends, and what turns the direction of the text around it.
    if value != value.strip() or any(unicodedata.category(it) in {"Cc", "Cf", "Zl", "Zp"} for it in value):
        raise ValidationError("must be one line without control characters, and no blank at its ends")
    if "://" in value:
        raise ValidationError("must be a name and no URL: a mail program makes a link of it")


def _link(value: str) -> None:
    if not value:
        return
    if len(value) > _MAX_URL_CHARS or not _URL_CHARS.fullmatch(value):
        raise ValidationError(
            f"must be a URL of up to {_MAX_URL_CHARS} ASCII characters, like https://www.acme.example/help"
        )
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.username or parts.password:
        raise ValidationError("must be a URL like https://www.acme.example/help, without a user")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in {"localhost", "127.0.0.1"}):
        raise ValidationError("must be https (http works on localhost only)")


def _colour(value: str) -> None:
    if value and not colours.is_colour(value.lower()):
        raise ValidationError("must be a colour like #2350c8: # and six digits of 0-9 and a-f")


class LogoField(fields.String):
    """The path of a PNG file, which is read once to be checked and named after its content."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        path = super()._deserialize(value, attr, data, **kwargs)
        if "://" in path:
            raise ValidationError(
                "must be a PNG file of this machine: we serve it ourselves, so that no other host learns who signs in"
            )
        return _logo(Path(path)) if path else None


def _logo(path: Path) -> Logo:
    try:
        content = path.read_bytes()
    except OSError as err:
        raise ValidationError(f"{path} can't be read ({err.strerror}): mend the path") from err
    if len(content) < _PNG_HEAD.size or content[:8] != _PNG_SIGNATURE:
        raise ValidationError(f"{path} is no PNG file: mail programs show no SVG, so export it as PNG")
    if len(content) > _MAX_LOGO_BYTES:
        raise ValidationError(f"{path} is larger than {_MAX_LOGO_BYTES // 1024} KiB: export it smaller")
    _, _, chunk, width, height = _PNG_HEAD.unpack_from(content)
    if chunk != b"IHDR" or not (0 < width <= _MAX_LOGO_PIXELS and 0 < height <= _MAX_LOGO_PIXELS):
        raise ValidationError(f"{path} must have up to {_MAX_LOGO_PIXELS} pixels each way: export it smaller")
    version = hashlib.sha256(content).hexdigest()[:_VERSION_CHARS]
    return Logo(path=path, version=version, width=width, height=height)


class BrandingSchema(Section):
    target = Branding
    name = fields.String(load_default="", validate=_name)
    logo = LogoField(load_default="")
    primary = fields.String(load_default="", validate=_colour)
    primary_dark = fields.String(load_default="", validate=_colour)
    help = fields.String(load_default="", validate=_link)
    privacy = fields.String(load_default="", validate=_link)
    terms = fields.String(load_default="", validate=_link)
    imprint = fields.String(load_default="", validate=_link)

    @validates_schema(skip_on_field_errors=True)
    def _legible(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["primary_dark"] and not data["primary"]:
            raise ValidationError("goes with primary: set that too", "primary_dark")
        for key, kind, shade, legible, grounds in (
            ("primary", "light", "darker", colours.legible_on_light, colours.LIGHT_GROUNDS),
            ("primary_dark", "dark", "lighter", colours.legible_on_dark, colours.DARK_GROUNDS),
        ):
            colour = data[key].lower()
            if colour and legible(colour) != colour:
                least = colours.least_contrast(colour, grounds)
                raise ValidationError(
                    f"{colour} has a contrast of {least:.1f} to our {kind} pages, and WCAG 2.2 AA wants"
                    f" {colours.AA}: take a {shade} one, like {legible(colour)}",
                    key,
                )

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Branding:
        primary, primary_dark = data.pop("primary").lower(), data.pop("primary_dark").lower()
        data["logo"] = data["logo"] or None
        return Branding(**data, palette=colours.palette_of(primary, primary_dark) if primary else None)


def _client_name(value: str) -> None:
    if not value.isprintable() or len(value) > _MAX_CLIENT_CHARS:
        raise ValidationError("must be what Keycloak calls a client: one line of up to 255 characters")


def _theme(value: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,100}", value):
        raise ValidationError("must be the name of a login theme, as its folder is called")


class ClientSchema(Section):
    target = Client
    client_id = fields.String(required=True, data_key=OWN_NAME, validate=_client_name)
    id = fields.String(load_default="", validate=_client_name)
    connection = fields.String(load_default="")
    theme = fields.String(load_default="", validate=_theme)
    branding = fields.Nested(BrandingSchema, load_default=lambda: BrandingSchema().load({}))

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Client:
        return Client(**{**data, "id": _plain_id(data["id"])})


def _plain_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return text
