"""The message files: complete, alike in every locale, and without a text that nobody shows."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

import javaproperties
import pytest
from babel import Locale

from sidecar.assets import THEMES, locales
from sidecar.words import Catalogue

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
THEME_SETTINGS = {
    "passwordlessConnections",
    "passwordlessPasswordForm",
    "passwordlessBrands",
    "passwordlessApi",
}
FILES = locales()
#: Read and found right: the same word in both languages.
AS_IN_ENGLISH = {
    "de": {"passwordlessCode"},
    "fr": {"passwordlessCode"},
    "it": {"passwordlessLinkPrivacy"},
    "nl": {"passwordlessCode", "passwordlessLinkPrivacy"},
}
OURS = re.compile(r"(passwordless|mail|sms)[A-Z]|languages$")
PLURALS = (".zero", ".one", ".two", ".few", ".many", ".other")
ARGUMENT = re.compile(r"\{\d\}")
KEY = re.compile(r"""["']((?:passwordless|mail|sms)[A-Z][A-Za-z.]*)["']""")


def read(locale):
    with FILES[locale].open(encoding="utf-8") as file:
        return javaproperties.load(file)


def ours(locale):
    """Without the sentences of Keycloak's own pages, which `tests/theme/test_keycloaks_words.py` looks at."""
    return {key: text for key, text in read(locale).items() if OURS.match(key)}


def base(key):
    return next((key.removesuffix(form) for form in PLURALS if key.endswith(form)), key)


def form_of(key):
    return key.removeprefix(base(key)).removeprefix(".")


def forms_of_one_number(locale):
    forms = Counter(Locale.parse(locale, sep="-").plural_form(n) for n in range(1000))
    return {form for form, numbers in forms.items() if numbers == 1}


def used_keys():
    return {key for path in SOURCES for key in KEY.findall(path.read_text("utf-8"))}


LOCALES = Catalogue().locales
#: The texts that depend on a number.
PLURAL = sorted({base(key) for key in read("en") if form_of(key)})
TRANSLATIONS = [locale for locale in LOCALES if locale != "en"]


def test_the_languages_are_these():
    """Norwegian is there twice: `no` is the name that Keycloak's own list has for `nb`."""
    assert set(LOCALES) == {
        *(
            "ar",
            "ca",
            "cs",
            "da",
            "de",
            "el",
            "en",
            "es",
            "fa",
            "fi",
            "fr",
            "he",
            "hu",
            "id",
            "it",
            "ja",
            "ko",
        ),
        *(
            "nb",
            "nl",
            "no",
            "pl",
            "pt",
            "pt-BR",
            "ro",
            "ru",
            "sk",
            "sv",
            "th",
            "tr",
            "uk",
            "vi",
            "zh-CN",
            "zh-TW",
        ),
    }


def test_norwegian_is_the_same_by_both_of_its_names():
    """Browsers ask for `nb`, realms that took it from Keycloak's list have `no`: copy the one file over the other."""
    assert FILES["no"].read_bytes() == FILES["nb"].read_bytes()


@pytest.mark.parametrize("locale", TRANSLATIONS)
def test_a_translation_has_every_text_and_no_setting(locale):
    """Keycloak takes a theme's text in the user's language before a realm's English one: a setting there would win."""
    assert {base(key) for key in ours(locale)} == {base(key) for key in read("en")} - THEME_SETTINGS


@pytest.mark.parametrize("locale", LOCALES)
def test_a_plural_has_just_the_forms_of_its_language(locale):
    forms = defaultdict(set)
    for key in read(locale):
        forms[base(key)].add(form_of(key))
    # "other" is what every language's rule leaves over; Babel does not list it.
    wanted = {*Locale.parse(locale, sep="-").plural_form.tags, "other"}
    assert {key: forms[key] for key in PLURAL} == dict.fromkeys(PLURAL, wanted)


@pytest.mark.parametrize("locale", TRANSLATIONS)
def test_what_is_as_in_english_was_looked_at(locale):
    english = {base(key): text for key, text in read("en").items()}
    same = {key for key, text in ours(locale).items() if text == english[base(key)]}
    assert same == AS_IN_ENGLISH.get(locale, set())


@pytest.mark.parametrize("locale", TRANSLATIONS)
def test_a_translation_keeps_the_arguments(locale):
    english = {base(key): ARGUMENT.findall(text) for key, text in read("en").items()}
    for key, text in ours(locale).items():
        kept, asked = sorted(ARGUMENT.findall(text)), sorted(english[base(key)])
        # "Two minutes" is one word in some languages: a form of one number only may leave the number out.
        assert kept == asked or (form_of(key) in forms_of_one_number(locale) and ["{0}", *kept] == asked), key


@pytest.mark.parametrize("locale", LOCALES)
def test_no_text_is_empty_or_padded(locale):
    assert [key for key, text in read(locale).items() if not text or text != text.strip()] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_no_key_stands_twice(locale):
    lines = FILES[locale].read_text("utf-8").splitlines()
    keys = [line.split("=")[0] for line in lines if line and not line.startswith("#")]
    assert len(keys) == len(set(keys))


def test_every_key_in_use_exists():
    assert used_keys() - {base(key) for key in read("en")} == set()


def test_every_text_is_in_use():
    assert {base(key) for key in read("en")} - used_keys() - KEYCLOAKS_OWN == set()


def test_german_says_sie():
    informal = re.compile(r"\b(du|dir|dich|dein\w*)\b", re.IGNORECASE)
    assert [key for key, text in read("de").items() if informal.search(text)] == []
