"""Text messages: the code first, bound to its page at the end, and how many parts each language takes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sidecar.delivery.render import Renderer
from sidecar.errors import DeliveryFailed, SettingsError
from sidecar.words import Catalogue
from tests.docs.markdown import DOCS, rows, sections
from tests.flow import ASKER
from tests.texts import with_texts

CATALOGUE = Catalogue()
HOST = "login.example.org"
#: 3GPP TS 23.038 §6.2.1, and the characters of §6.2.1.1, which take two places.
GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_EXTENSION = frozenset("\f^{}\\[~]|€")
SEPTETS, UCS_2_CHARS = 160, 70
#: Languages of GSM-7 whose text is longer than the docs say; each with its reason.
TOO_LONG: dict[str, str] = {}


@pytest.fixture
def realm(settings_for, sqlite_url):
    return settings_for(sqlite_url).realms["acme"]


@pytest.fixture
def own(realm, tmp_path):
    def write(text: str):
        path = tmp_path / "templates" / "login_sms" / "body.txt"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
        return replace(realm, templates=tmp_path / "templates")

    return write


def render(realm, **changed):
    values = {"realm": realm.name, "template": "login_sms", "code": "01234567", "locale": "en", "minutes": 5}
    values |= {"asker": ASKER, "asked_at": 0, "link_url": "", "not_me_url": f"https://{HOST}/not-me/x"}
    return Renderer(CATALOGUE, [realm], host=HOST).render(**{**values, **changed})


def is_gsm_7(text: str) -> bool:
    return set(text) <= GSM_7 | GSM_7_EXTENSION


def left_in_one_part(text: str) -> int:
    """How many more characters of its alphabet one part has room for; below zero: it takes two."""
    if is_gsm_7(text):
        return SEPTETS - len(text) - sum(char in GSM_7_EXTENSION for char in text)
    return UCS_2_CHARS - len(text.encode("utf-16-be")) // 2


def test_the_tables_of_the_alphabet_are_whole():
    assert (127, 10) == (len(GSM_7), len(GSM_7_EXTENSION))


@pytest.mark.parametrize("locale", CATALOGUE.locales)
def test_it_begins_with_the_code_and_ends_with_where_it_is_typed(realm, locale):
    """D8: a phone that knows the format offers the code on our pages and on no other's."""
    message = render(realm, locale=locale)

    assert re.match(r"01234567\D", message.text)
    assert f"@{HOST} #01234567" == message.text.rpartition("\n")[2]
    assert ("", "") == (message.subject, message.html)


def test_typed_on_an_applications_page_it_names_that_ones_host(realm):
    """D8: bound to ours, no phone would offer it there."""
    message = render(realm, page_host="shop.example.org")

    assert "@shop.example.org #01234567" == message.text.rpartition("\n")[2]
    assert HOST not in message.text


@pytest.mark.parametrize("locale", CATALOGUE.locales)
def test_it_links_nowhere(realm, locale):
    """B8: a link that is short enough is guessed; one that is long enough takes a second part."""
    assert not re.search(r"//|not-me|www\.", render(realm, locale=locale).text)


@pytest.mark.parametrize("method", ["link", "both"])
def test_a_connection_of_numbers_is_not_let_send_links(settings_for, sqlite_url, method):
    """B8: the settings say so at start, before anybody's text lacks what was asked for."""
    with pytest.raises(SettingsError, match="a link goes by email only"):
        settings_for(sqlite_url, **with_texts(), REALMS__ACME__CONNECTIONS__SMS__METHOD=method)


@pytest.mark.parametrize("locale", CATALOGUE.locales)
def test_it_is_one_part_for_names_as_long_as_the_docs_say(realm, locale):
    in_docs = rows(sections((DOCS / "templates.md").read_text("utf-8"))["Text messages"])
    gsm_7, other = (int(cells[1]) for cells in in_docs)
    text = render(replace(realm, display_name=""), locale=locale, code="012345").text

    has_room = left_in_one_part(text) + len(HOST) >= (gsm_7 if is_gsm_7(text) else other)

    assert has_room is (locale not in TOO_LONG)


WRONG = {
    "no code": ("Welcome!", "leaves the code out"),
    "not first": ("Your code: {{ code }}\n@{{ host }} #{{ code }}", "does not begin with the code"),
    "unbound": ("{{ code }} is your code.", "does not end with the line"),
    "another host": ("{{ code }}\n@evil.example #{{ code }}", "does not end with the line"),
    "a link to its page": (
        "{{ code }} https://{{ host }}/\n@{{ host }} #{{ code }}",
        "links to https://page",
    ),
    "our host, always": (f"{{{{ code }}}}\n@{HOST} #{{{{ code }}}}", "does not end with the line"),
    "not last": ("{{ code }}\n@{{ host }} #{{ code }}\nBye", "does not end with the line"),
    "another code": ("{{ code }}\n@{{ host }} #000000", "does not end with the line"),
    "a foreign link": ("{{ code }} https://evil.example/\n@{{ host }} #{{ code }}", "links to https://evil"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_template_that_is_none_stops_the_start(own, wrong):
    """F5."""
    text, message = WRONG[wrong]

    with pytest.raises(SettingsError, match=rf"login_sms/body\.txt {message}"):
        render(own(text))


def test_a_realms_own_text_is_sent_without_the_ends_of_its_file(own):
    assert f"01234567!\n@{HOST} #01234567" == render(own("\n{{ code }}!\n@{{ host }} #{{ code }}\n\n")).text


def test_a_message_that_this_version_does_not_know_fails_for_good(realm):
    """A row that another version queued must not be tried until its end."""
    with pytest.raises(DeliveryFailed, match="no message login_pigeon") as failed:
        render(realm, template="login_pigeon")

    assert failed.value.is_final
