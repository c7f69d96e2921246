"""A mail says who asked for it, as far as a stranger may read that, and as it really arrives (threats D5, D8)."""

from __future__ import annotations

import re

import pytest

from sidecar.app import Parts, create_app
from sidecar.login.not_me import token_for
from sidecar.store.tables import challenges
from tests.edge.test_asker import FIREFOX, HOSTILE, REAL
from tests.journeys.mails import mail_server
from tests.ledger import rows
from tests.places import database, place
from tests.web.browser import PERSON, Browser

BERLIN, LAN = "203.0.114.9", "192.168.1.1"
SAFARI = next(header for header, words in REAL.items() if words == "Safari on an iPhone")
MOMENT = r"on \w+ \d{1,2}, \d{4} at \d\d:\d\d UTC\."
NEAR = rf"Asked for with Firefox on Windows, near Berlin, Germany, {MOMENT}"


@pytest.fixture(scope="module")
def geoip(tmp_path_factory):
    known = {"203.0.114.0/24": place({"en": "Berlin"}, {"en": "Germany", "de": "Deutschland"})}
    return database(tmp_path_factory.mktemp("places") / "City.mmdb", known)


@pytest.fixture
def parts(sqlite_url, settings_for, clock, geoip):
    built = Parts.build(settings_for(sqlite_url, SERVER__GEOIP_DATABASE=geoip), clock=clock)
    yield built
    built.database.dispose()


@pytest.fixture
def app(parts):
    return create_app(parts)


def ask(app, agent=FIREFOX, network=BERLIN, address="ada@example.org", **changed):
    browser = Browser(app, network=network)
    headers = {**PERSON, "User-Agent": agent}
    answer = browser.authorize(headers=headers, login_hint=address, **changed)
    assert 303 == answer.status_code
    return browser, answer.location.partition("challenge=")[2]


def sent(parts):
    with mail_server() as mails:
        mails.send_all(parts)
    return mails.kept


def read(mail, kind="plain"):
    text = mail.message.get_body((kind,)).get_content()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_mail_says_with_what_about_where_and_when_it_was_asked_for(parts, app, kind):
    """D8: in the text and in the HTML."""
    ask(app)

    assert re.search(NEAR, read(*sent(parts), kind))


def test_it_says_it_in_the_readers_language(parts, app):
    ask(app, ui_locales="de")

    assert re.search(
        r"Angefordert am \d+\. \w+ \d{4} um \d\d:\d\d Uhr \(UTC\) mit Firefox unter Windows, in der Nähe von Berlin,"
        r" Deutschland\.",
        read(*sent(parts)),
    )


def test_a_private_network_is_no_place(parts, app):
    ask(app, network=LAN)

    assert re.search(rf"Asked for with Firefox on Windows {MOMENT}", read(*sent(parts)))


def without_newlines(text):
    return not re.search(r"[\r\n]", text) and text.isascii()


@pytest.mark.parametrize(
    "header", [each for each in HOSTILE if without_newlines(each)], ids=lambda it: it[:20]
)
def test_no_header_that_is_made_up_changes_a_byte(parts, app, header):
    """D5: an unknown browser is an unknown browser, whatever it calls itself; other letters and lines are no header."""
    ask(app, agent="curl/8.14.1")
    ask(app, agent=header)

    plain, hostile = (_without_what_differs(mail.raw) for mail in sent(parts))
    assert plain == hostile
    (row, other) = rows(parts, challenges)
    assert [None] * 4 == [row.asked_browser, row.asked_system, other.asked_browser, other.asked_system]


def test_browsers_of_one_name_and_system_get_one_mail(parts, app):
    """D5: versions and what else is in the header are not told."""
    ask(app)
    ask(app, agent="Mozilla/5.0 (Windows NT 10.0; evil.example; rv:99.0) Gecko/99 Evil/66 Firefox/99.9")

    plain, hostile = (_without_what_differs(mail.raw) for mail in sent(parts))
    assert plain == hostile


def _without_what_differs(raw):
    text = raw.decode("ascii").replace("=\r\n", "")
    boundary = re.search(r'boundary="([^"]+)"', text)[1]
    for pattern in (
        re.escape(boundary),
        MOMENT,
        r"not-me/[\w.=-]+",
        r"^(Date|Message-ID): .*$",
        r"\b\d{6}\b",
    ):
        text = re.sub(pattern, "…", text, flags=re.MULTILINE)
    return text


@pytest.mark.parametrize("wait_s", [31, 250], ids=["the same code", "a fresh one"])
def test_sent_again_it_says_who_started(parts, app, wait_s):
    """D8: the browser is the same by its cookie; what it says of itself later is not."""
    browser, challenge = ask(app)
    parts.database.clock.shift(seconds=wait_s)
    browser._network = LAN
    agent = {"User-Agent": SAFARI}
    again = browser.post("/realms/acme/email/code/resend", {"challenge": challenge}, headers=agent)

    assert 303 == again.status_code
    first, second = sent(parts)[-2:] if wait_s == 31 else (None, *sent(parts)[-1:])
    assert re.search(NEAR, read(second))
    assert first is None or re.search(NEAR, read(first))


def test_the_page_of_this_was_not_me_says_it_too(parts, app):
    browser, challenge = ask(app)
    token = token_for(parts.keys, browser.challenge(parts, challenge))

    assert re.search(NEAR, Browser(app).get(f"/not-me/{token}").get_data(as_text=True))


def test_the_database_holds_words_off_the_list_and_no_header(parts, app):
    """D5."""
    ask(app, agent=FIREFOX.replace("x64;", "x64; evil;"))

    (row,) = rows(parts, challenges)
    assert ("firefox", "windows", "Berlin", "Germany") == (
        row.asked_browser,
        row.asked_system,
        row.asked_city,
        row.asked_country,
    )
