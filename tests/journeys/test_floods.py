"""How many mails anybody can be made to get, and that they hold nothing of whoever asked (threats D4, D5, D7, D8)."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sidecar.model.events import Event
from tests.flow import at_once
from tests.journeys.mails import mail_server
from tests.ledger import events_of
from tests.oidc.fixtures import house
from tests.web.browser import PERSON, Browser

__all__ = ["house"]


@pytest.mark.parametrize("at", ["one after another", "once"])
def test_of_fifty_requests_from_ten_networks_five_mails_come(parts, app, at):
    """D4: browsers, networks, spellings and connections make no difference, nor does haste; in a real mailbox."""
    spellings = ["ada@example.org", "ADA@example.org", "Ada@EXAMPLE.org", " ada@example.org"]

    def ask(number: int) -> int:
        browser = Browser(app, network=f"192.0.2.{number % 10}")
        connection = ("email", "partner")[number % 2]
        hint = spellings[number % len(spellings)]
        return browser.authorize(connection=connection, login_hint=hint).status_code

    with mail_server() as mails:
        statuses = at_once(ask, 50) if at == "once" else [ask(number) for number in range(50)]
        mails.send_all(parts)

    assert 5 == len(mails.kept) == len(events_of(parts, Event.CHALLENGE_STARTED))
    assert [303] * 5 + [429] * 45 == sorted(statuses)
    assert {1} == {len(mail.recipients) for mail in mails.kept}


HOSTILE = {
    "login_hint": "plain@example.org",
    "ui_locales": "en <b>evil</b> https://evil.example \u202egnihsihp",
    "state": "x.y.PGEgaHJlZj0iaHR0cDovL2V2aWwuZXhhbXBsZSI-ZXZpbDwvYT4",
    "nonce": "https://evil.example",
    "client_name": "<a href='https://evil.example'>Evil Bank</a>",
    "send": "evil",
    "acr_values": "evil",
    "display": "https://evil.example",
}
HOSTILE_HEADERS = {
    **PERSON,
    "User-Agent": "Evil/1.0 (https://evil.example) <script>alert(1)</script>" + "A" * 5_000,
    "Accept-Language": "en, evil-EVIL;q=0.9",
    "Referer": "https://evil.example/",
    "X-Forwarded-For": "<evil>",
    "X-Request-Id": "evil-request",
    "From": "evil@evil.example",
}


def test_a_mail_holds_nothing_that_whoever_asked_wrote(parts, app):
    """D5: the same bytes whatever the request and its headers say; but for code, link, ids and time."""
    with mail_server() as mails:
        Browser(app).authorize(login_hint="plain@example.org")
        Browser(app, network="203.0.113.5").authorize(headers=HOSTILE_HEADERS, **HOSTILE)
        mails.send_all(parts)

    plain, hostile = (_without_what_differs(mail.raw) for mail in mails.kept)
    assert plain == hostile
    assert b"evil" not in mails.kept[1].raw.lower()


def _without_what_differs(raw: bytes) -> str:
    text = raw.decode("ascii").replace("=\r\n", "")
    boundary = re.search(r'boundary="([^"]+)"', text)[1]
    moment = r"\w+ \d{1,2}, \d{4} at \d\d:\d\d UTC"
    ours = (re.escape(boundary), moment, r"not-me/[\w.=-]+", r"^(Date|Message-ID): .*$", r"\b\d{6}\b")
    for pattern in ours:
        text = re.sub(pattern, "…", text, flags=re.MULTILINE)
    return text


def test_a_mail_names_realm_action_and_life_and_says_what_never_to_do(parts, app):
    """D8: who sends it, what the code does, that it is for nobody else, and what to do if one did not ask."""
    with mail_server() as mails:
        Browser(app).authorize(login_hint="ada@example.org")
        mails.send_all(parts)

    message = mails.kept[0].message
    for kind in ("plain", "html"):
        text = re.sub(r"\s+", " ", message.get_body((kind,)).get_content())
        for said in (
            "Acme",
            "sign in",
            "5 minutes",
            "Asked for with a browser on",
            "give this code to anyone",
            "You didn",
            "/not-me/",
        ):
            assert said in text, (kind, said)
    assert "Acme" in message["Subject"]


@example([0, 0, 0, 0, 1_801])
@example([0, 0, 0, 0, 3_599])
@example([3_599, 0, 0, 0, 0, 1])
@given(
    st.lists(st.sampled_from([0, 1, 29, 600, 1_799, 1_800, 3_599, 3_600, 3_601, 40_000, 86_399]), max_size=30)
)
@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_hour_and_no_day_has_more_mails_than_its_limit_wherever_it_begins(house, waits):
    """D7: the windows slide, so the end of one and the beginning of the next hold no more than one of them may."""
    address = f"edge{next(_numbers)}@example.org"
    browser = Browser(house.app, network=f"10.1.{next(_numbers) % 250}.1")
    for wait_s in [*waits, *[0] * 12]:
        house.parts.database.clock.shift(seconds=wait_s)
        browser.authorize(login_hint=address)

    at = [event.at for event in events_of(house.parts, Event.CHALLENGE_STARTED) if event.address == address]
    for limit, window_s in ((5, 3_600), (10, 86_400)):
        for first, beyond in zip(at, at[limit:], strict=False):
            assert beyond - first >= window_s * 1_000
    assert len(at) >= 5


_numbers = iter(range(100_000))
