"""What several commands share: reading the settings, and answering as JSON."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import click

from sidecar import settings as settings_module
from sidecar.errors import SettingsError
from sidecar.settings import Realm, Settings

DEFAULT_FILE = Path("passwordless.toml")

json_option = click.option("--json", "as_json", is_flag=True, help="Answer as JSON, for scripts.")


def settings_from(ctx: click.Context) -> Settings:
    """The settings of this run, from `--settings`, the environment or ./passwordless.toml.

    Raises:
        SettingsError: they can't be used; the text names each key and the fix.
    """
    return settings_module.load(settings_path(ctx))


def settings_path(ctx: click.Context) -> Path | None:
    """The settings file of this run; `None` where the environment alone has to do."""
    path: Path | None = ctx.find_root().obj
    return DEFAULT_FILE if path is None and DEFAULT_FILE.exists() else path


def realm_from(settings: Settings, name: str) -> Realm:
    """The settings of a realm.

    Raises:
        SettingsError: it has none.
    """
    if name not in settings.realms:
        known = ", ".join(sorted(settings.realms))
        raise SettingsError(f"there is no realm '{name}' in the settings, only: {known}")
    return settings.realms[name]


def inert(text: str) -> str:
    """What was stored, such that a terminal does nothing but show it: escapes, controls and overrides are spelt out."""
    return "".join(it if _is_shown(it) else it.encode("unicode_escape").decode() for it in text)


def _is_shown(character: str) -> bool:
    return character == " " or unicodedata.category(character)[0] not in "CZ"


def echo_json(value: Any) -> None:
    """Print it as JSON, with what a terminal would act on escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    click.echo("".join(it if it == "\n" or _is_shown(it) else json.dumps(it)[1:-1] for it in text))
