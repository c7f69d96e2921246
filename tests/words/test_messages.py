"""The message files: complete, alike in every locale, and without a text that nobody shows."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import javaproperties
import pytest
from babel import Locale

from sidecar.assets import THEMES
from sidecar.words import MESSAGES, Catalogue

SIDECAR = Path(__file__).parents[2] / "sidecar"
SOURCES = [
    *(SIDECAR / "web").rglob("*.py"),
    *(SIDECAR / "login").rglob("*.py"),
    *(SIDECAR / "web" / "templates").rglob("*.html"),
    *(SIDECAR / "delivery" / "templates").rglob("*.*"),
    *(THEMES / "passwordless").rglob("*.ftl"),
]
#: Used by Keycloak's own template, which has no text for it.
KEYCLOAKS_OWN = {"languages"}
#: What a realm tells the login page, with their defaults.
THEME_SETTINGS = {"passwordlessConnections", "passwordlessPasswordForm"}
#: Texts of pages and messages that are being built.
COMING = {
    "passwordlessLinkHelp",
    "passwordlessLinkImprint",
    "passwordlessLinkPrivacy",
    "passwordlessLinkTerms",
}
PLURALS = (".zero", ".one", ".two", ".few", ".many", ".other")
ARGUMENT = re.compile(r"\{\d\}")
KEY = re.compile(r"""["']((?:passwordless|mail|sms)[A-Z][A-Za-z.]*)["']""")


def read(locale):
    with (MESSAGES / f"messages_{locale}.properties").open(encoding="utf-8") as file:
        return javaproperties.load(file)


def base(key):
    return next((key.removesuffix(form) for form in PLURALS if key.endswith(form)), key)


def form_of(key):
    return key.removeprefix(base(key)).removeprefix(".")


def forms_of_one_number(locale):
    forms = Counter(Locale.parse(locale).plural_form(n) for n in range(1000))
    return {form for form, numbers in forms.items() if numbers == 1}


def used_keys():
    return {key for path in SOURCES for key in KEY.findall(path.read_text("utf-8"))}


LOCALES = Catalogue().locales
TRANSLATIONS = [locale for locale in LOCALES if locale != "en"]


def test_english_and_german_are_there():
    assert {"en", "de"} <= set(LOCALES)


@pytest.mark.parametrize("locale", TRANSLATIONS)
def test_a_translation_has_every_text_and_no_setting(locale):
    """Keycloak takes a theme's text in the user's language before a realm's English one: a setting there would win."""
    assert {base(key) for key in read(locale)} == {base(key) for key in read("en")} - THEME_SETTINGS


@pytest.mark.parametrize("locale", TRANSLATIONS)
def test_a_translation_keeps_the_arguments(locale):
    english = {base(key): ARGUMENT.findall(text) for key, text in read("en").items()}
    for key, text in read(locale).items():
        kept, asked = sorted(ARGUMENT.findall(text)), sorted(english[base(key)])
        # "Two minutes" is one word in some languages: a form of one number only may leave the number out.
        assert kept == asked or (form_of(key) in forms_of_one_number(locale) and ["{0}", *kept] == asked), key


@pytest.mark.parametrize("locale", LOCALES)
def test_no_text_is_empty_or_padded(locale):
    assert [key for key, text in read(locale).items() if not text or text != text.strip()] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_no_key_stands_twice(locale):
    lines = (MESSAGES / f"messages_{locale}.properties").read_text("utf-8").splitlines()
    keys = [line.split("=")[0] for line in lines if line and not line.startswith("#")]
    assert len(keys) == len(set(keys))


def test_every_key_in_use_exists():
    assert used_keys() - {base(key) for key in read("en")} == set()


def test_every_text_is_in_use():
    assert {base(key) for key in read("en")} - used_keys() - KEYCLOAKS_OWN - COMING == set()


def test_german_says_sie():
    informal = re.compile(r"\b(du|dir|dich|dein\w*)\b", re.IGNORECASE)
    assert [key for key, text in read("de").items() if informal.search(text)] == []
