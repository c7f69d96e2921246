"""Of a User-Agent header words of ours are made, and nothing of it goes on (threats D5, D8)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.edge.asker import _told
from sidecar.login.asked import asked
from sidecar.model.asker import Asker, Browser, System
from sidecar.words import Catalogue

CATALOGUE = Catalogue()
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
IOS = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
MAC = "Macintosh; Intel Mac OS X 10_15_7"
REAL = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0": "Firefox on Windows",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36": "Chrome on Windows",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0": (
        "Edge on Windows"
    ),
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36 OPR/124.0.0.0": (
        "Opera on Windows"
    ),
    f"Mozilla/5.0 ({MAC}) {WEBKIT} Chrome/142.0.0.0 Safari/537.36": "Chrome on a Mac",
    f"Mozilla/5.0 ({MAC}) {IOS} Version/18.6 Safari/605.1.15": "Safari on a Mac or an iPad",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0": "Firefox on a Mac",
    f"Mozilla/5.0 ({MAC}) {IOS} CriOS/142.0.7444.77 Version/11.1.1 Safari/605.1.15": "Chrome on an iPad",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {IOS} Version/18.6 Mobile/15E148 Safari/604.1": (
        "Safari on an iPhone"
    ),
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {IOS} CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1": (
        "Chrome on an iPhone"
    ),
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {IOS} FxiOS/145.0 Mobile/15E148 Safari/605.1.15": (
        "Firefox on an iPhone"
    ),
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6_0 like Mac OS X) {IOS} Version/18.0 EdgiOS/142.0.3595.66 "
    "Mobile/15E148 Safari/604.1": "Edge on an iPhone",
    f"Mozilla/5.0 (iPad; CPU OS 12_5_7 like Mac OS X) {IOS} Version/12.1.2 Mobile/15E148 Safari/604.1": (
        "Safari on an iPad"
    ),
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36": "Chrome on Android",
    "Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0": "Firefox on Android",
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36": (
        "Samsung Internet on Android"
    ),
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36 EdgA/142.0.0.0": (
        "Edge on Android"
    ),
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36": "Chrome on Linux",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0": "Firefox on Linux",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/142.0.0.0 Safari/537.36": "Chrome on a Chromebook",
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/142.0.0.0 Safari/537.36": "a browser on Linux",
    f"Mozilla/5.0 (Linux; U; Tizen 2.0) {WEBKIT} Version/2.0 Mobile Safari/537.36": "a browser",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": "a browser",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)": "a browser",
    "curl/8.14.1": "a browser",
    "python-requests/2.32.5": "a browser",
    "": "a browser",
}
FIREFOX = next(iter(REAL))
HOSTILE = [
    "Evil/1.0 (https://evil.example)",
    "<script>alert(1)</script>",
    "Firefox on Windows, says evil.example",
    "A" * 10_000,
    FIREFOX + "A" * 10_000,
    FIREFOX + "\r\nBcc: eve@example.org",
    FIREFOX + "\u202egnihsihp",
    f"\u200f{FIREFOX}",
    "Mozilla/5.0 (" + "(" * 5_000,
    "Mozilla/5.0 (" + "a;" * 90 + ") " + "a/1 " * 70,
    "Mozilla/5.0 (evil.example) Evil/1.0 https://evil.example",
]
TOLD = {member.value for kind in (Browser, System) for member in kind} | {None}


def words_for(header: str) -> str:
    browser, system = _told(header)
    return asked(CATALOGUE.words("en"), Asker(browser=browser, system=system), 0).browser


@pytest.mark.parametrize("header", REAL)
def test_real_browsers_are_told_by_name_and_system(header):
    assert REAL[header] == words_for(header)


@pytest.mark.parametrize("header", HOSTILE, ids=range(len(HOSTILE)))
def test_a_header_that_is_no_browsers_own_is_a_browser(header):
    """D5: too long, of several lines, in other letters or of another shape."""
    assert "a browser" == words_for(header)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=600) | st.from_regex(r"Mozilla/5\.0 \([ -~]{0,40}\) [ -~]{0,80}", fullmatch=True))
def test_whatever_the_header_says_only_words_off_the_list_come_of_it(header):
    """D5."""
    assert set(_told(header)) <= TOLD


def test_a_header_made_to_be_slow_is_read_in_no_time():
    """F4: a thousand of each."""
    before = time.process_time()
    for _ in range(1_000):
        for header in HOSTILE:
            _told(header)

    assert time.process_time() - before < 5


@pytest.mark.parametrize("locale", CATALOGUE.locales)
def test_every_browser_and_system_has_words_in_every_language(locale):
    words = CATALOGUE.words(locale)
    unknown = words("mailAskedBrowser")
    told = {asked(words, Asker(browser=browser), 0).browser for browser in Browser}

    assert len(Browser) == len(told - {unknown})
    told = {asked(words, Asker(system=system), 0).browser for system in System}
    assert len(System) == len(told - {unknown})


def test_what_the_list_does_not_hold_is_not_shown():
    """D5: not even out of the database: a newer version's word, or anybody's."""
    sentence = asked(CATALOGUE.words("en"), Asker(browser="evil.example", system="<b>"), 0).sentence

    assert "Asked for with a browser on January 1, 1970 at 00:00 UTC." == sentence


@pytest.mark.parametrize(
    ("locale", "asker", "sentence"),
    [
        (
            "en",
            Asker(browser="firefox", system="windows", city="Berlin", country="Germany"),
            "Asked for with Firefox on Windows, near Berlin, Germany, on November 23, 2026 at 14:03 UTC.",
        ),
        (
            "de",
            Asker(browser="edge", system="linux", city="Rom", country="Italien"),
            "Angefordert am 23. November 2026 um 14:03 Uhr (UTC) mit Edge unter Linux, in der Nähe von Rom, Italien.",
        ),
        (
            "en",
            Asker(browser="chrome", country="United States"),
            "Asked for with Chrome (United States) on November 23, 2026 at 14:03 UTC.",
        ),
        ("de", Asker(), "Angefordert am 23. November 2026 um 14:03 Uhr (UTC) mit einem Browser."),
    ],
)
def test_the_sentence(locale, asker, sentence):
    assert sentence == asked(CATALOGUE.words(locale), asker, 1_795_442_580_000).sentence
