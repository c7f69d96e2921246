"""The file, the environment over it, and what is wrong with them."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from sidecar.errors import SettingsError
from sidecar.settings.fields import OWN_NAME
from sidecar.settings.schema import SettingsSchema
from sidecar.settings.values import Settings

ENVIRONMENT_PREFIX = "PASSWORDLESS__"


def load(path: Path | None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings file and the environment over it.

    Args:
        path: the TOML file; `None` for the environment alone.
        environment: defaults to the process's; `PASSWORDLESS__SERVER__PUBLIC_URL=…` sets `server.public_url`.

    Raises:
        SettingsError: with a line for each key that is wrong, and what to write instead.
    """
    raw = _read(path) if path else {}
    _overlay(raw, os.environ if environment is None else environment)
    _name_the_tables(raw)
    try:
        settings: Settings = SettingsSchema().load(raw)
    except ValidationError as err:
        lines = _lines(err.messages)
        where = f" in {path}" if path else ""
        raise SettingsError(
            f"the settings{where} can't be used:\n" + "\n".join(f"  {line}" for line in lines)
        ) from err
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError as err:
        raise SettingsError(
            f"there is no settings file {path}: `passwordless config init {path}` writes one to start from"
        ) from err
    except (OSError, tomllib.TOMLDecodeError) as err:
        raise SettingsError(f"the settings file {path} can't be read: {err}") from err


def _overlay(raw: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Lay `PASSWORDLESS__A__B=value` over `raw["a"]["b"]`; a value is TOML where it parses as such, else a string."""
    for variable, value in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        *tables, key = variable.removeprefix(ENVIRONMENT_PREFIX).split("__")
        here = raw
        for table in tables:
            here = here.setdefault(_existing(here, table), {})
            if not isinstance(here, dict):
                raise SettingsError(f"{variable} reaches into a key that is no table")
        here[_existing(here, key)] = _toml_value(value)


def _existing(table: Mapping[str, Any], name: str) -> str:
    """Environment names are upper-case; realm names keep the case the file gave them."""
    return next((key for key in table if key.lower() == name.lower()), name.lower())


def _toml_value(value: str) -> Any:
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value


def _name_the_tables(raw: dict[str, Any]) -> None:
    """Each named table learns its own name, so that the frozen objects know theirs."""
    for key in ("providers", "realms"):
        for name, table in _tables(raw.get(key)):
            table[OWN_NAME] = name
            for inner_key in ("connections", "clients"):
                for inner_name, inner in _tables(table.get(inner_key)):
                    inner[OWN_NAME] = inner_name


def _tables(value: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(k, v) for k, v in value.items() if isinstance(v, dict)] if isinstance(value, dict) else []


def _lines(messages: Any, path: str = "") -> list[str]:
    """Flatten marshmallow's nested messages into `a.b.c: what to do`."""
    if isinstance(messages, list):
        return [f"{path}: {_plain_words(message)}" for message in messages]
    lines: list[str] = []
    for key, inner in messages.items():
        steps = [path] if path else []
        if key not in {"_schema", "value", "key"}:
            steps.append(str(key))
        lines += _lines(inner, ".".join(steps))
    return lines


def _plain_words(message: str) -> str:
    return {
        "Unknown field.": "is no setting: see docs/settings.md for the list, or mend the spelling",
        "Missing data for required field.": "is missing",
    }.get(message, message)
