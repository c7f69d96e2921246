"""docs/settings.md says of every key what the code does, and of no other."""

from __future__ import annotations

import re
import tomllib

import pytest
from marshmallow import Schema, fields

from sidecar import settings
from sidecar.errors import SettingsError
from sidecar.settings import load
from sidecar.settings.providers import ProviderField
from tests.docs.markdown import DOCS, blocks, rows, sections

TEXT = (DOCS / "settings.md").read_text(encoding="utf-8")
#: Where a dictionary of tables stands, with the name that its entries have in the docs.
NAMES = {"realms": "REALM", "connections": "CONNECTION", "test_addresses": "ADDRESS", "clients": "CLIENT"}
EXAMPLES = {"REALM": "acme", "CONNECTION": "email", "ADDRESS": "review@acme.example", "CLIENT": "shop"}
#: The names of the tables, which the loader writes into them.
INTERNAL = {
    ("providers.SMTP", "id"),
    ("providers.WEBHOOK", "id"),
    ("providers.TWILIO", "id"),
    ("providers.APPRISE", "id"),
    ("providers.CONSOLE", "id"),
    ("realms.REALM", "name"),
    ("realms.REALM.connections.CONNECTION", "id"),
    ("realms.REALM.clients.CLIENT", "client_id"),
}
DOCUMENTED = {
    (section.strip("[]"), cells[0].strip("`")): cells
    for section, text in sections(TEXT).items()
    if section.startswith("[")
    for cells in rows(text)
}
#: The examples of the sections are one settings file.
EXAMPLE = "\n".join(
    block for name, text in sections(TEXT).items() if name.startswith("[") for block in blocks(text, "toml")
)


def keys_of(schema: Schema, path: str = "") -> dict[tuple[str, str], fields.Field]:
    found: dict[tuple[str, str], fields.Field] = {}
    for key, field in schema.fields.items():
        here = f"{path}.{key}" if path else key
        if isinstance(field, fields.Nested):
            found |= keys_of(field.schema, here)
        elif isinstance(field, fields.Dict) and isinstance(field.value_field, ProviderField):
            for kind, schema_of_kind in field.value_field.schemas.items():
                found |= keys_of(schema_of_kind(), f"{here}.{kind.upper()}")
        elif isinstance(field, fields.Dict):
            found |= keys_of(field.value_field.schema, f"{here}.{NAMES[key]}")
        elif (path, key) not in INTERNAL:
            found[path, key] = field
    return found


KEYS = keys_of(settings.SettingsSchema())


def test_every_key_is_documented_and_no_other():
    assert set(KEYS) == set(DOCUMENTED)


@pytest.mark.parametrize("key", KEYS, ids=".".join)
def test_the_documented_default_is_the_one_in_force(key):
    _, _, default, *_ = DOCUMENTED[key]
    field = KEYS[key]
    if field.required:
        assert default == "required"
    elif default.startswith("`") and re.fullmatch(r'["\[\d].*|true|false', default.strip("`")):
        load_default = field.load_default
        value = load_default() if callable(load_default) else load_default
        shown = value.reveal() if isinstance(value, settings.Secret) else value
        shown = list(shown) if isinstance(shown, tuple) else shown
        assert shown == tomllib.loads(f"value = {default.strip('`')}")["value"]
    else:  # taken from another key, or nothing
        assert field.load_default in {"", None}


def choices_and_bounds(field):
    for validator in field.validators:
        yield from (f"`{choice}`" for choice in getattr(validator, "choices", ()))
        if isinstance(getattr(validator, "max", None), int) and not isinstance(field, fields.List):
            yield f"{validator.min}–{validator.max}"


@pytest.mark.parametrize(
    "key", [key for key, field in KEYS.items() if any(choices_and_bounds(field))], ids=".".join
)
def test_the_documented_choices_and_bounds_are_those_in_force(key):
    assert ", ".join(choices_and_bounds(KEYS[key])) == DOCUMENTED[key][1]


@pytest.fixture
def load_example(tmp_path):
    """The examples as one file, with variables over them."""

    def load_example(**environment: str) -> settings.Settings:
        path = tmp_path / "passwordless.toml"
        path.write_text(EXAMPLE, encoding="utf-8")
        return load(path, environment)

    return load_example


def test_the_examples_together_are_a_settings_file_with_every_key(load_example):
    load_example()
    raw = tomllib.loads(EXAMPLE)
    for section, key in KEYS:
        table = raw
        for step in section.split("."):
            table = next(iter(table.values())) if step in NAMES.values() else table[step.lower()]
        assert key in table, f"{section}.{key}"


@pytest.mark.parametrize("key", KEYS, ids=".".join)
def test_the_documented_variable_reaches_the_key(key, load_example):
    """Proven by a value that no key takes, which is refused under the key's own name."""
    section, name = key
    prefix = re.search(r"^Environment: `(.+?)…`(?:$|;)", sections(TEXT)[f"[{section}]"], re.MULTILINE)[1]
    for word, example in EXAMPLES.items():
        prefix = prefix.replace(f"__{word}__", f"__{example.upper()}__")
    with pytest.raises(SettingsError) as refused:
        load_example(**{f"{prefix}{name.upper()}": "[{ no = 'value' }]"})
    assert f"\n  {readable(section, name)}" in str(refused.value)


def readable(section: str, name: str) -> str:
    for word, example in EXAMPLES.items():
        section = section.replace(word, example)
    if section.startswith("providers."):
        section = section.lower()
    return f"{section}.{name}"


def test_the_schemas_of_apprise_are_those_that_are_taken():
    text = sections(TEXT)["[providers.APPRISE]"]
    listed = text.partition("These schemas are taken: ")[2].partition(".\n")[0].partition(". All")[0]

    assert set(settings.APPRISE_SCHEMAS) == set(re.findall(r"`(\w+)`", listed)) - {"private_network"}


def test_the_quoted_number_of_the_text_is_taken_as_a_text(load_example):
    assignment = re.search(r"`PASSWORDLESS__PROVIDERS__SMTP__PASSWORD='(.+)'`", TEXT)[1]
    loaded = load_example(PASSWORDLESS__PROVIDERS__SMTP__PASSWORD=assignment)
    assert loaded.providers["smtp"].password.reveal() == "12345678"
