"""The sidecar's pages, as HTML."""

from __future__ import annotations

import re

import pytest

from .rendering import CATALOGUE, STATES, asset, page

#: Each kind of script and of name; that every text is there is `tests/words`'.
pytestmark = pytest.mark.parametrize("locale", ["en", "de", "pt-BR", "ar"])


@pytest.mark.parametrize("state", STATES)
def test_a_page_has_a_language_one_heading_a_main_part_and_a_title(state, locale):
    html = page(state, locale)
    direction = "rtl" if locale == "ar" else "ltr"
    assert f'<html class="pwl-html" lang="{locale.replace("_", "-")}" dir="{direction}">' in html
    assert len(re.findall(r"<h1[ >]", html)) == len(re.findall(r"<main[ >]", html)) == 1
    assert re.search(r"<title>[^<]+ – Demo &amp; Co</title>", html)


@pytest.mark.parametrize("state", STATES)
def test_a_page_obeys_a_strict_content_security_policy(state, locale):
    html = page(state, locale)
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", html) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)", html) == []


@pytest.mark.parametrize("state", STATES)
def test_a_page_asks_for_files_that_exist(state, locale):
    for name in re.findall(r'"/static/([^"]+)"', page(state, locale)):
        assert asset(name).is_file()


@pytest.mark.parametrize("state", STATES)
def test_ids_are_unique_and_references_lead_somewhere(state, locale):
    html = page(state, locale)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for references in re.findall(r'\s(?:for|aria-describedby)="([^"]+)"', html):
        assert set(references.split()) <= set(ids)


def test_hidden_fields_are_in_every_form_and_escaped(locale):
    html = page("address", locale)
    field = '<input type="hidden" name="request" value="sealed&#34;&lt;&amp;">'
    assert html.count(field) == len(re.findall("<form", html)) == 2
    html = page("code", locale)
    assert html.count('name="challenge" value="chl"') == len(re.findall("<form", html))


def test_an_error_is_tied_to_its_field(locale):
    for state, field in (("address-wrong", "address"), ("code-wrong", "code")):
        tag = re.search(rf'<input [^>]*id="{field}".*?>', page(state, locale), re.DOTALL)[0]
        assert 'aria-invalid="true"' in tag
        assert f"{field}-error" in tag
        assert "autofocus" in tag
    assert "aria-invalid" not in page("code", locale)


def test_a_code_that_is_over_can_not_be_typed(locale):
    html = page("code-over", locale)
    assert 'name="code"' not in html
    assert 'id="new-code"' in html


def test_the_code_field_takes_what_people_paste(locale):
    pattern = re.search(r'pattern="([^"]+)"', page("code", locale))[1]
    for typed in ("123456", "123 456", "123-456", " 12 34 56 "):
        assert re.fullmatch(pattern, typed)
    for typed in ("12345", "1234567", "12345a"):
        assert not re.fullmatch(pattern, typed)


def test_without_a_script_the_page_says_in_words_how_long(locale):
    words = CATALOGUE.words(locale)
    assert words.plural("passwordlessCodeMinutesLeft", 4) in page("code", locale)
    assert words.plural("passwordlessResendWait", 24) in page("code", locale)
    assert words("passwordlessCodeUnderAMinute") in page("code-delayed", locale)
    assert words("passwordlessResendUsedUp") in page("code-failed", locale)
