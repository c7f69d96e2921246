"""Fields of a form, each once."""

from __future__ import annotations

from flask import Request


def field(request: Request, name: str) -> str:
    """The field's text; empty if it is missing or given more than once, for which is meant is nothing to guess."""
    values = request.form.getlist(name)
    return values[0] if len(values) == 1 else ""
