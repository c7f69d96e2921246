"""The mail with a code, as its templates make it."""

from __future__ import annotations

import re

import pytest

from sidecar.delivery import render
from sidecar.model.colours import OURS
from sidecar.settings import Branding

from .rendering import CATALOGUE

FOLDER = render._TEMPLATES / "login_email"
pytestmark = pytest.mark.parametrize("locale", CATALOGUE.locales)


def mail(locale, **given):
    words = CATALOGUE.words(locale)
    values = {
        "code": "123456",
        "link_url": "",
        "realm_name": "Demo & <b>Co</b>",
        "client_name": "",
        "logo_url": "",
        "logo_width": 0,
        "logo_height": 0,
        "accent": OURS.light,
        "accent_dark": OURS.dark,
        **{f"{name}_url": "" for name in Branding.LINKS},
        "not_me_url": "https://login.example.org/not-me/token",
        "minutes": 5,
        "asked": "Asked for with <b>it</b>.",
        "lang": words.locale,
        "direction": words.direction,
        "words": words,
    } | given
    values.setdefault("brand_name", values["client_name"] or values["realm_name"])
    return [
        render._environment(is_html=name.endswith(".html"))
        .from_string((FOLDER / name).read_text("utf-8"))
        .render(**values)
        for name in render.FILES
    ]


def test_the_code_comes_first(locale):
    subject, text, html = mail(locale)
    assert subject.startswith("123456 ")
    assert text.startswith("123456\n")
    assert ">123456<" in html


def test_it_says_what_for_how_long_and_what_to_do_otherwise(locale):
    words = CATALOGUE.words(locale)
    _, text, html = mail(locale, realm_name="Demo")
    for sentence in (
        words("mailCodeLead", "Demo"),
        words.plural("mailCodeLifetime", 5),
        words("mailCodeSecret", "Demo"),
        words("mailCodeNotYou"),
    ):
        assert sentence in text
        assert sentence.replace("'", "&#39;") in html


LINK = "https://login.example.org/l/token"


@pytest.mark.parametrize("code", ["", "123456"])
def test_a_link_says_what_for_how_long_where_and_what_to_do_otherwise(locale, code):
    words = CATALOGUE.words(locale)
    subject, text, html = mail(locale, realm_name="Demo", link_url=LINK, code=code)
    assert (
        subject.strip() == words("mailCodeSubject", code, "Demo")
        if code
        else words("mailLinkSubject", "Demo")
    )
    for sentence in (
        words("mailLinkLead", "Demo"),
        words.plural("mailLinkLifetime", 5),
        words("mailLinkElsewhere"),
        words("mailLinkSecret", "Demo"),
        words("mailLinkNotYou"),
        *([words("mailBothCode")] if code else []),
    ):
        assert sentence in text
        assert sentence.replace("'", "&#39;") in html
    assert (words("mailBothCode") in text) == bool(code)
    # Alone on its line, so that no mail program takes a word or a stop into it.
    assert LINK in text.splitlines()
    assert text.startswith("123456\n") == bool(code)
    assert ("123456" in html) == bool(code)


def test_a_link_is_one_button_and_the_only_other_link_says_no(locale):
    *_, html = mail(locale, link_url=LINK, code="")
    links = re.findall(r'<a\b[^>]*href="([^"]*)"', html)
    assert links == [LINK, "https://login.example.org/not-me/token"]
    assert re.findall(r"<(?:img|link|script)\b|url\(", html) == []
    assert html.count("https://") == 2


def test_the_application_is_named_if_there_is_a_name(locale):
    expected = CATALOGUE.words(locale)("mailCodeLeadApplication", "Shop", "Demo")
    _, text, html = mail(locale, realm_name="Demo", client_name="Shop")
    assert expected in text
    assert expected in html


def test_names_are_text_and_never_html(locale):
    _, _, html = mail(locale, client_name="<script>")
    assert "<b>" not in html
    assert "<script" not in html


def test_it_loads_nothing_and_links_only_to_where_its_reader_can_say_no(locale):
    """Pictures and links are what filters and people distrust in such a mail."""
    *_, html = mail(locale)
    assert re.findall(r"<(?:img|link|script)\b|url\(", html) == []
    assert re.findall(r'<a\b[^>]*href="([^"]*)"', html) == ["https://login.example.org/not-me/token"]
    assert html.count("https://") == 1


def branded(locale):
    """A mail with all that there can be in it."""
    links = {f"{name}_url": f"https://www.example.org/{name}" for name in Branding.LINKS}
    logo = {"logo_url": "https://login.example.org/static/x/logo.png", "logo_width": 120, "logo_height": 40}
    return mail(locale, link_url=LINK, client_name="Shop", **links, **logo)[2]


OUTLOOKS = re.compile(r"<!--\[if mso\]>.*?<!\[endif\]-->")


def test_it_is_made_of_what_common_mail_programs_show(locale):
    """Tables and inline styles: some programs take no classes, Outlook no max-width and no layout but tables."""
    html = branded(locale)
    body = OUTLOOKS.sub("", html[html.index("<body") :])
    assert (
        re.findall(r"<(?:section|article|main|nav|footer|header|button|form|svg|video|script)\b", body) == []
    )
    assert re.findall(r"display:(?:flex|grid)|position:|float:|var\(|calc\(", html) == []
    for tag in re.findall(r"<(?:td|p|a|h1|img)\b[^>]*>", body):
        assert "style=" in tag or 'class="button"' in tag, tag
    for tag in re.findall(r"<table\b[^>]*>", body):
        assert 'role="presentation"' in tag, tag
    assert 'width="120" height="40"' in html
    assert len(OUTLOOKS.findall(html)) == html.count("<!--[") == html.count("<![endif]")
    # Gmail cuts off what is longer.
    assert len(html.encode()) < 102 * 1024


def test_every_colour_has_another_in_the_dark(locale):
    """An element that kept its light colour could not be read on a ground that has changed."""
    html = branded(locale)
    dark = html[html.index("@media (prefers-color-scheme: dark)") : html.index("</style>")]
    changed = {
        kind: set(re.findall(rf"\.([a-z]+) \{{[^}}]*(?<![a-z-]){kind}:", dark))
        for kind in ("color", "background-color", "border-color")
    }
    for tag in re.findall(r"<[a-z0-9]+\b[^>]*style=\"[^\"]*#[0-9a-f]{3,6}[^>]*>", html):
        classes = set((re.search(r'class="([^"]*)"', tag) or ["", ""])[1].split())
        style = re.search(r'style="([^"]*)"', tag)[1]
        for kind in ("color", "background-color"):
            if re.search(rf"(?<![a-z-]){kind}:#", style):
                assert classes & changed[kind], tag
        if re.search(r"border[a-z-]*:[^;]*#", style):
            assert classes & changed["border-color"], tag
