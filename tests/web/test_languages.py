"""A login in every language, as its pages and messages really arrive: each of their texts is the catalogue's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any, ClassVar

import pytest
from babel.core import Locale
from babel.dates import format_date
from werkzeug.test import TestResponse

from sidecar.app import Parts
from sidecar.assets import locales
from sidecar.words import Catalogue, Words
from tests.edge.test_asker import FIREFOX
from tests.gateway import Gateway
from tests.journeys.mails import Mail, mail_server
from tests.texts import with_texts
from tests.web.browser import PERSON, Browser, form_of
from tests.web.test_link import opened

CATALOGUE = Catalogue()
LOCALES = sorted(locales())
ADDRESS, NUMBER = "ada@example.org", "+4915112345678"
#: What stands on pages and in messages beside the catalogue's texts: names, codes, addresses, links.
OTHER = re.compile(
    r"Acme|\d+|a•+@example\.org|\+49[\d •]+|https://login\.example\.org/\S+|@login\.example\.org #\d+"
)


@pytest.fixture(scope="module")
def environment(gateway: Gateway) -> dict[str, str]:
    return {
        **with_texts(gateway_url=gateway.url),
        "REALMS__ACME__LOCALES": json.dumps(["en", *(tag for tag in LOCALES if tag != "en")]),
        "REALMS__ACME__CONNECTIONS__EMAIL__METHOD": "both",
    }


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with Gateway() as running:
        yield running


class _Texts(HTMLParser):
    """What a person reads or hears of a page, and its `lang` and `dir`."""

    SAID: ClassVar[tuple[str, ...]] = ("title", "aria-label", "alt", "placeholder")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.root: dict[str, str | None] = {}
        self.directions: dict[str, str | None] = {}
        self._unread = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self._unread += tag in {"style", "script"}
        if tag == "html":
            self.root = values
        if tag == "input" and values.get("type") != "hidden":
            self.directions[values.get("id") or ""] = values.get("dir")
        said = [name for name in values if name in self.SAID or name.startswith(("data-text", "data-over"))]
        self.texts += [values[name] or "" for name in said]

    def handle_endtag(self, tag: str) -> None:
        self._unread -= tag in {"style", "script"}

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._unread:
            # Not `split()`: French has spaces that don't break, and they are to stay.
            self.texts.append(re.sub(r"[ \n\t]+", " ", data).strip(" "))


def _patterns(words: Words) -> list[re.Pattern[str]]:
    """Each text of a language, with anything in the place of its arguments."""
    return [
        re.compile("".join(re.escape(part) if isinstance(part, str) else ".+?" for part in parts), re.DOTALL)
        for parts in words._messages.values()
    ]


#: Without those that are nothing but arguments and signs, which would explain anything.
PATTERNS = {
    tag: [it for it in _patterns(CATALOGUE.words(tag)) if re.search(r"\w", it.pattern.replace(".+?", ""))]
    for tag in LOCALES
}
PLAIN = {
    tag: {
        text
        for (text, *more) in CATALOGUE.words(tag)._messages.values()
        if isinstance(text, str) and not more
    }
    for tag in LOCALES
}


def foreign(texts: list[str], tag: str) -> list[str]:
    """The texts that are neither the language's nor names and numbers; a title is a heading with the realm's name."""
    bare = [text.removesuffix(" – Acme").strip() for text in texts]
    english = PLAIN["en"] - PLAIN[tag]
    return [
        text
        for text in bare
        if text in english or not (OTHER.fullmatch(text) or any(it.fullmatch(text) for it in PATTERNS[tag]))
    ]


def check(page: TestResponse, words: Words, *said: str) -> None:
    """The page is in that language, all of it, and says that."""
    seen = _Texts(page.get_data(as_text=True))
    assert (words.locale, words.direction) == (seen.root["lang"], seen.root["dir"])
    assert words.locale == page.headers["Content-Language"]
    assert foreign(seen.texts, words.locale) == []
    assert set(said) <= set(seen.texts)
    # Addresses, numbers and codes run from left to right in every language.
    assert set(seen.directions.values()) <= {"ltr"}


def sent(parts: Parts) -> list[Mail]:
    with mail_server() as mails:
        mails.send_all(parts)
    return mails.kept


@pytest.fixture(params=LOCALES)
def words(request: pytest.FixtureRequest) -> Words:
    return CATALOGUE.words(request.param)


def code_page(browser: Browser, words: Words, connection: str = "email", **changed: str) -> tuple[str, str]:
    """A challenge that was started in the language, and the address of its page."""
    headers = {**PERSON, "User-Agent": FIREFOX}
    answer = browser.authorize("acme", connection, headers, ui_locales=words.locale, **changed)
    assert 303 == answer.status_code
    return answer.location.partition("challenge=")[2], answer.location.partition("example.org")[2]


def test_address_page_and_what_is_wrong_with_an_address(browser: Browser, words: Words) -> None:
    page = browser.authorize(ui_locales=words.locale)
    check(page, words, words("passwordlessAddressTitle"), words("passwordlessAddressLeadBoth"))

    page = browser.post("/realms/acme/email/start", {**form_of(page).hidden, "address": "ada@"})
    check(page, words, words("passwordlessErrorAddress"))


def test_code_page_and_wrong_codes(parts: Parts, browser: Browser, words: Words) -> None:
    challenge_id, url = code_page(browser, words, login_hint=ADDRESS)
    check(browser.get(url), words, words("passwordlessCodeTitle"), words("passwordlessCodeLeadBoth", 6))

    for left in (4, 3, 2, 1):
        page = browser.type_code(challenge_id, browser.wrong_code(parts, challenge_id))
        check(page, words, words.plural("passwordlessErrorCode", left))
    page = browser.type_code(challenge_id, browser.wrong_code(parts, challenge_id))
    check(page, words, words("passwordlessErrorCodeOver"), words("passwordlessCodeOverTitle"))


def test_mail_and_what_is_behind_its_link(app: Any, parts: Parts, browser: Browser, words: Words) -> None:
    challenge_id, _ = code_page(browser, words, login_hint=ADDRESS)
    (mail,) = sent(parts)
    message, text = mail.message, mail.message.get_body(("plain",)).get_content()
    html = _Texts(message.get_body(("html",)).get_content())

    assert words.locale == message["Content-Language"]
    assert (words.locale, words.direction) == (html.root["lang"], html.root["dir"])
    assert words("mailCodeSubject", mail.code, "Acme") == message["Subject"]
    assert foreign(_lines(text, words), words.locale) == []
    assert foreign(html.texts, words.locale) == []
    moment = datetime.fromtimestamp(browser.challenge(parts, challenge_id).created_at / 1000, UTC)
    assert format_date(moment, "long", locale=Locale.parse(words.locale, sep="-")) in text

    path = mail.link.partition("example.org")[2]
    check(opened(browser, path), words, words("passwordlessLinkConfirmTitle"))
    elsewhere = opened(Browser(app, network="198.51.100.7"), path)
    check(elsewhere, words, words("passwordlessLinkForeignTitle"), mail.code)


def test_number_pages_and_text_message(
    gateway: Gateway, parts: Parts, browser: Browser, words: Words
) -> None:
    page = browser.authorize(connection="sms", ui_locales=words.locale)
    check(page, words, words("passwordlessNumberTitle"), words("passwordlessNumberLead"))
    _, url = code_page(browser, words, "sms", login_hint=NUMBER)
    check(browser.get(url), words, words("passwordlessCodeLeadSms", 6))

    gateway.texts.clear()
    worker = parts.worker()
    while worker.step():
        pass
    (text,) = gateway.texts
    assert foreign(text.text.splitlines(), words.locale) == []
    assert words("smsCode", text.code, "Acme") == text.text.splitlines()[0]
    assert words.locale == text.body["req"]["locale"]


def test_an_unknown_wish_is_followed_by_the_browsers(browser: Browser) -> None:
    page = browser.authorize(headers={**PERSON, "Accept-Language": "nn-NO, en;q=0.5"}, ui_locales="tlh")
    check(page, CATALOGUE.words("nb"), CATALOGUE.words("nb")("passwordlessAddressTitle"))


@pytest.mark.parametrize(("header", "read_in"), [("fr-CA, de;q=0.5", "fr"), ("tlh", "ja"), (None, "ja")])
def test_elsewhere_a_link_is_in_the_readers_language_or_the_messages(
    app: Any, parts: Parts, browser: Browser, header: str | None, read_in: str
) -> None:
    code_page(browser, CATALOGUE.words("ja"), login_hint=ADDRESS)
    (mail,) = sent(parts)
    elsewhere = Browser(app, network="198.51.100.7")
    elsewhere.get(mail.link.partition("example.org")[2], PERSON)
    page = elsewhere.get("/l", {**PERSON, **({"Accept-Language": header} if header else {})})
    check(page, CATALOGUE.words(read_in), mail.code)


def test_a_text_that_is_not_the_catalogues_is_seen() -> None:
    """What the other tests hang on."""
    assert foreign(["Weiter", "12", "Acme"], "de") == []
    assert foreign(["Continue", "passwordlessContinue", "Not a text"], "de") == [
        *("Continue", "passwordlessContinue", "Not a text")
    ]


def _lines(text: str, words: Words) -> list[str]:
    """A text's lines, without the address behind "this was not me"."""
    lines = [line for line in text.splitlines() if line.strip()]
    return [line.partition(": http")[0] if line.startswith(words("mailNotMe")) else line for line in lines]
