"""Fields of a body or a query, as SDKs send them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from sidecar.api.sdk.errors import SdkRefused
from sidecar.errors import InvalidRequest

_MAX_CHARS = 4096


def body() -> dict[str, Any]:
    """JSON or a form; an empty text is an absent field."""
    given = request.get_json(silent=True) if request.is_json else request.form.to_dict()
    if not isinstance(given, dict):
        raise SdkRefused(400, "bad.request", "the body is no JSON object")
    return {name: value for name, value in given.items() if value is not None and value != ""}


def text(fields: Mapping[str, Any], name: str) -> str:
    """One of them, or nothing if it is no text."""
    value = fields.get(name, "")
    return value.strip()[:_MAX_CHARS] if isinstance(value, str) else ""


def one(name: str) -> str:
    """A parameter of the query; empty if it is not there.

    Raises:
        InvalidRequest: it is given more than once (RFC 6749 §3.1).
    """
    values = request.args.getlist(name)
    if len(values) > 1:
        raise InvalidRequest("a parameter is given twice")
    return values[0] if values else ""
