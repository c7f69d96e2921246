"""What the catalogue promises to pages and mails."""

from __future__ import annotations

import pytest

from sidecar.words import Catalogue


@pytest.fixture
def folder(tmp_path):
    """Some locales with a few texts each, as an operator's theme might have them."""
    files = {
        "en": "plain=Hello\nquote=Don''t\ntwo={1}, then {0}\nonly=English\n"
        "tries.one={0} try of {1}\ntries.other={0} tries of {1}",
        "de": "plain=Grüße\ntries.one={0} Versuch von {1}\ntries.other={0} Versuche von {1}",
        "ar": "plain=مرحبا\ntries.few={0} محاولات من {1}\ntries.other={0} محاولة من {1}",
        "zh_CN": "plain=你好",
        "zh_TW": "plain=你好",
        "pt": "plain=Olá",
        "pt_BR": "plain=Oi",
        "nb": "plain=Hei",
        "he": "plain=שלום",
    }
    for locale, text in files.items():
        (tmp_path / f"messages_{locale}.properties").write_text(text + "\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def catalogue(folder):
    return Catalogue(folder)


def test_arguments_take_their_places_and_two_apostrophes_are_one(catalogue):
    words = catalogue.words("en")
    assert words("two", "a", "b") == "b, then a"
    assert words("quote") == "Don't"


def test_an_argument_is_text_and_never_a_pattern(catalogue):
    assert catalogue.words("en")("two", "{1}", "''") == "'', then {1}"


def test_files_are_utf8(catalogue):
    assert catalogue.words("de")("plain") == "Grüße"


def test_a_text_that_a_locale_lacks_is_english(catalogue):
    assert catalogue.words("de")("only") == "English"


def test_an_unknown_key_is_an_error(catalogue):
    with pytest.raises(KeyError):
        catalogue.words("de")("nothing")
    with pytest.raises(KeyError):
        catalogue.words("de").plural("nothing", 1)


def test_a_missing_argument_is_an_error(catalogue):
    with pytest.raises(IndexError):
        catalogue.words("en")("two", "a")


@pytest.mark.parametrize(
    ("locale", "n", "text"),
    [
        ("en", 1, "1 try of 5"),
        ("en", 0, "0 tries of 5"),
        ("de", 1, "1 Versuch von 5"),
        ("ar", 3, "3 محاولات من 5"),
        ("ar", 1, "1 محاولة من 5"),  # Arabic has a form for one, this file has not
        ("zh-CN", 2, "2 tries of 5"),
    ],
)
def test_the_plural_form_follows_the_locale(catalogue, locale, n, text):
    assert catalogue.words(locale).plural("tries", n, 5) == text


def test_a_caller_need_not_know_that_a_text_has_plural_forms(catalogue):
    assert catalogue.words("en")("tries", 1, 5) == "1 try of 5"


def test_the_direction_is_the_script_s(catalogue):
    assert catalogue.words("ar").direction == "rtl"
    assert catalogue.words("de").direction == "ltr"


def test_words_do_not_print_the_whole_catalogue(catalogue):
    assert repr(catalogue.words("de")) == "Words('de')"


@pytest.mark.parametrize("text", ["don't", "{name}", "{0", "a}", "'quoted'"])
def test_a_message_that_keycloak_would_read_otherwise_stops_the_start(folder, text):
    (folder / "messages_de.properties").write_text(f"plain={text}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"messages_de\.properties: plain has a stray .*write ''"):
        Catalogue(folder)


ALL = ("en", "de", "ar", "zh-TW", "zh-CN", "pt", "pt-BR", "nb", "he")


@pytest.mark.parametrize(
    ("preferred", "header", "allowed", "locale"),
    [
        ([], None, ALL, "en"),
        ([], None, ("de", "en"), "de"),
        (["de"], "ar", ALL, "de"),
        (["xx", "ar"], "de", ALL, "ar"),
        (["xx"], "de", ALL, "de"),
        ([], "de-AT", ALL, "de"),
        ([], "DE-at;q=0.5, ar;q=0.9", ALL, "ar"),
        ([], "de;q=0, ar;q=0.1", ALL, "ar"),
        ([], "de;q=0", ALL, "en"),
        (["zh-CN"], None, ALL, "zh-CN"),
        ([], "zh-Hans-CN", ALL, "zh-CN"),
        ([], "zh-Hans", ALL, "zh-CN"),
        ([], "zh-SG", ALL, "zh-CN"),
        ([], "zh", ALL, "zh-CN"),
        ([], "zh-TW", ALL, "zh-TW"),
        ([], "zh-Hant-HK", ALL, "zh-TW"),
        ([], "zh-HK", ("en", "zh-CN"), "en"),
        ([], "pt-BR", ALL, "pt-BR"),
        ([], "pt-PT", ALL, "pt"),
        ([], "pt", ("en", "pt-BR"), "pt-BR"),
        ([], "nb-NO", ALL, "nb"),
        ([], "no", ALL, "nb"),
        ([], "nn-NO", ALL, "nb"),
        ([], "iw", ALL, "he"),
        ([], "*", ALL, "en"),
        ([], "de", ("en",), "en"),
        ([], "fr", ("fr", "de"), "de"),  # allowed, but there is no file
        ([], "fr", (), "en"),
    ],
)
def test_the_locale_is_the_first_wish_that_the_realm_grants(catalogue, preferred, header, allowed, locale):
    assert catalogue.negotiate(preferred, header, allowed).locale == locale


@pytest.mark.parametrize(
    "header",
    [
        "de;q=2",
        "de;q=x",
        "de;level=1",
        "de-../../etc",
        "d",
        ";",
        ",,,",
        "de\x00",
        "de, " * 300,
        "q=1",
        "de;q=0.0000",
    ],
)
def test_a_junk_header_counts_as_absent(catalogue, header):
    assert catalogue.negotiate([], header, ALL).locale == "en"


@pytest.mark.parametrize("tag", ["../en", "de@euro", "de_DE_x", "", "x" * 500, "ar\n", "de;q=1", "C.UTF-8"])
def test_a_junk_wish_counts_as_absent(catalogue, tag):
    assert catalogue.negotiate([tag], None, ALL).locale == "en"
