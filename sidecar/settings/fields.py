"""What the tables of the settings file are built from."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, post_load

from sidecar.settings.values import Secret

#: The key under which a named table learns its name: none that a file may hold.
OWN_NAME = "\0"


class Section(Schema):
    """A table of the file: unknown keys are refused, and loading makes the frozen object."""

    target: type[Any]

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Any:
        return self.target(**data)


class SecretField(fields.String):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return Secret(super()._deserialize(value, attr, data, **kwargs))


class Whole(fields.Integer):
    """A whole number; 2.5 is refused rather than cut off."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strict=True, error_messages={"invalid": "must be a whole number"}, **options)


class Strings(fields.List[Any]):
    """A list of strings that loads into a tuple."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return tuple(super()._deserialize(value, attr, data, **kwargs))


def plain(validator: Any) -> Any:
    """Let a validator of strings look inside a `Secret`."""
    return lambda value: validator(value.reveal() if isinstance(value, Secret) else value)
