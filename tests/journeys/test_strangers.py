"""What a stranger can see of an address: whole answers, byte for byte, over states and endpoints (D1, D3).

Ids, sealed requests and cookies are random; they are replaced by their length. The clock stands still unless a walk
moves it, so that even seconds must agree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import BigInteger, ColumnElement, bindparam, select, update
from werkzeug.test import TestResponse

from sidecar.app import Parts, create_app
from sidecar.errors import KeycloakUnavailable
from sidecar.login import not_me
from sidecar.model.challenge import Challenge
from sidecar.model.events import Event
from sidecar.store import ledger
from sidecar.store.tables import challenges, messages
from tests.journeys.mails import mail_server
from tests.ledger import events_of
from tests.oidc.realm import Realms
from tests.web.browser import NAVIGATION, Browser, form_of

#: Equal in length and in how they are masked.
KNOWN, UNKNOWN, MUTED, DENIED, PRESENT, TEST = (f"a{letter}a@example.org" for letter in "knmdpt")
#: Sign-up is off, and Keycloak has an account for it, or can't be asked.
IN_KEYCLOAK, UNASKED = "aca@example.org", "aua@example.org"
HOUR_S = 3600
#: What the provider says to a recipient at the first try, and from the second on; nothing: it is away.
WEATHERS = {
    "mail": ("250 ok", "250 ok"),
    "no mail": ("", ""),
    "refused, then no mail": ("450 later", ""),
    "refused for good": ("550 no such user", "550 no such user"),
    "not delivered": ("250 ok", "250 ok"),
}
#: What the provider says later of what it took.
RECEIPTS = {"not delivered": "undelivered"}


def for_tests(address: str) -> str:
    """The setting by which its code is fixed for a while."""
    until = datetime.now(UTC).date() + timedelta(days=30)
    return f'{{"{address}" = {{code = "73190482", until = {until}}}}}'


class StandingClock:
    """A clock that moves when a test says so; both databases get their time from it."""

    def __init__(self) -> None:
        self.at = 1_790_000_000_000

    def now(self) -> ColumnElement[int]:
        return bindparam(None, type_=BigInteger, callable_=lambda: self.at)

    def shift(self, *, seconds: float) -> None:
        self.at += int(seconds * 1000)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@dataclass(frozen=True)
class Channel:
    """A connection, how its addresses stand in pages, and how its messages go out.

    `deliver`: what is queued, to a provider that answers each recipient so; to one that is away, if there is no answer.
    """

    connection: str
    weathers: dict[str, tuple[str, str]]
    deliver: Callable[[Parts, str], None]
    shown: Callable[[str], str] = str


def _deliver_mail(parts: Parts, answer: str) -> None:
    if answer:
        with mail_server(answer) as mails:
            mails.send_all(parts)
        return
    worker = parts.worker()  # the port of the settings is closed
    while worker.step():
        pass


MAIL = Channel("email", WEATHERS, _deliver_mail)


class WithKeycloak(Parts):
    """A house whose Keycloak knows one address, and is away when it is asked for another."""

    def _has_account(self) -> Callable[[Challenge], bool]:
        def has_account(challenge: Challenge) -> bool:
            if challenge.address == UNASKED:
                raise KeycloakUnavailable("away")
            return challenge.address == IN_KEYCLOAK

        return has_account


class Town:
    """One database under two applications: with sign-up, and without."""

    def __init__(
        self, opened: Parts, closed: Parts, realms: Realms, clock: StandingClock, channel: Channel = MAIL
    ) -> None:
        self.open, self.closed, self.realms, self.clock = opened, closed, realms, clock
        self.channel = channel
        self._apps = {id(parts): create_app(parts) for parts in (opened, closed)}

    def browser(self, parts: Parts, network: str = "203.0.113.7") -> Browser:
        return Browser(self._apps[id(parts)], network)

    def sign_in(self, address: str) -> None:
        """Its owner does, in a browser and a network of his own."""
        self.browser(self.open, "198.51.100.1").log_in(self.open, address, connection=self.channel.connection)

    def deny(self, browser: Browser, challenge_id: str) -> None:
        """The reader of the mail says that this start was not his."""
        challenge = browser.challenge(self.open, challenge_id)
        not_me.deny(self.open.room(), not_me.token_for(self.open.keys, challenge))


@pytest.fixture
def town(database_url: str, settings_for: Any, clock: StandingClock, realms: Realms) -> Iterator[Town]:
    own = {
        "KEYCLOAK__INTERNAL_URL": realms.url,
        "REALMS__ACME__CONNECTIONS__EMAIL__LIMITS__STARTS_PER_NETWORK_PER_HOUR": "10000",
        "REALMS__ACME__CONNECTIONS__EMAIL__TEST_ADDRESSES": for_tests(TEST),
    }
    parts = [
        WithKeycloak.build(
            settings_for(database_url, REALMS__ACME__CONNECTIONS__EMAIL__SIGNUP=signup, **own), clock=clock
        )
        for signup in ("true", "false")
    ]
    built = Town(*parts, realms, clock)
    for address in (KNOWN, MUTED, DENIED, PRESENT):
        built.sign_in(address)
    clock.shift(seconds=25 * HOUR_S)  # what the owners did counts no more
    yield built
    for part in parts:
        part.database.dispose()


class Walk:
    """Every endpoint that a stranger reaches, with all that it answers."""

    def __init__(self, town: Town, parts: Parts, address: str) -> None:
        self._town = town
        self._parts = parts
        self._address = address
        self._connection = town.channel.connection
        self._pages = f"/realms/acme/{self._connection}"
        self._browser = town.browser(parts)
        self.seen: list[tuple[str, int, list[tuple[str, str]], str]] = []

    def all(
        self,
        weather: str = "mail",
        meanwhile: Callable[[Browser, str], None] = lambda _browser, _challenge_id: None,
    ) -> Walk:
        """From the address page to the token endpoint; `meanwhile`: what others do once it has started."""
        first, later = self._town.channel.weathers[weather]
        receipt = RECEIPTS.get(weather)
        self.asks()
        challenge_id = self.starts()
        self.looks("queued", challenge_id)
        meanwhile(self._browser, challenge_id)
        self.looks("after meanwhile", challenge_id)
        _work(self._town.channel, self._parts, first, receipt)
        self.looks("after the worker", challenge_id)
        self.types(challenge_id)
        self.resends("too soon", challenge_id)
        self._town.clock.shift(seconds=31)
        _work(self._town.channel, self._parts, later, receipt)
        self.looks("after its second try", challenge_id)
        self.resends("in time", challenge_id)
        self.looks("resent", challenge_id)
        _work(self._town.channel, self._parts, later, receipt)
        self.looks("resent, after the worker", challenge_id)
        self._town.clock.shift(seconds=300)
        _work(self._town.channel, self._parts, later, receipt)
        self.looks("over", challenge_id)
        self.leaves()
        self.forges(challenge_id)
        return self

    def asks(self) -> None:
        self.note("prefilled", self.authorizes(NAVIGATION))
        self.note("prompt=none", self.authorizes(prompt="none"))

    def authorizes(self, headers: dict[str, str] | None = None, **changed: str) -> TestResponse:
        return self._browser.authorize(
            connection=self._connection, headers=headers, login_hint=self._address, **changed
        )

    def starts(self) -> str:
        page = self.authorizes(NAVIGATION)
        self.note("start page", page)
        form = {**form_of(page).hidden, "address": self._address}
        self.note("start form", self._browser.post(f"{self._pages}/start", form))
        started = self.authorizes()
        self.note("authorize", started)
        return re.sub(".*challenge=", "", started.location)

    def refused(self) -> Walk:
        """Where no start is let through."""
        self.asks()
        page = self.authorizes(NAVIGATION)
        form = {**form_of(page).hidden, "address": self._address}
        self.note("start form", self._browser.post(f"{self._pages}/start", form))
        self.note("authorize", self.authorizes())
        return self

    def looks(self, when: str, challenge_id: str) -> None:
        query = f"?challenge={challenge_id}"
        self.note(f"page {when}", self._browser.get(f"{self._pages}/code{query}"))
        self.note(f"status {when}", self._browser.get(f"{self._pages}/code/status{query}"))

    def types(self, challenge_id: str) -> None:
        for raw in ("12", "x" * 200, self._browser.wrong_code(self._parts, challenge_id)):
            self.note(f"code of {len(raw)}", self._types(challenge_id, raw))
        self.looks("after a wrong code", challenge_id)

    def _types(self, challenge_id: str, raw: str) -> TestResponse:
        return self._browser.type_code(challenge_id, raw, connection=self._connection)

    def resends(self, when: str, challenge_id: str) -> None:
        form = {"challenge": challenge_id}
        self.note(f"resend {when}", self._browser.post(f"{self._pages}/code/resend", form))

    def leaves(self) -> None:
        for way in ("another", "cancel"):
            self._town.clock.shift(seconds=2 * HOUR_S)
            challenge_id = self._browser.start(self._address, connection=self._connection)
            form = {"challenge": challenge_id}
            self.note(way, self._browser.post(f"{self._pages}/code/{way}", form))
            self.looks(f"after {way}", challenge_id)
            self.note("start anew", self._browser.get(f"{self._pages}/start?challenge={challenge_id}"))

    def forges(self, challenge_id: str) -> None:
        token = f"/not-me/{challenge_id}.{'A' * 43}"
        self.note("not me", self._browser.get(token))
        self.note("not me, sent", self._browser.post(token, {}))
        self.note("not me, undone", self._browser.post(f"{token}/undo", {}))
        form = self._town.realms.token_form("c" * 43, connection=self._connection)
        self.note("token", self._browser.open("POST", f"{self._pages}/token", data=form))
        self.note("nowhere", self._browser.authorize(connection="gone", login_hint=self._address))

    def note(self, step: str, answer: TestResponse) -> None:
        body = answer.get_data(as_text=True)
        # The body is compared; its length depends on how well the address that was typed packs into the sealed request.
        assert len(body.encode()) == int(answer.headers.pop("Content-Length"))
        headers = sorted((name, self._plain(value)) for name, value in answer.headers)
        self.seen.append((step, answer.status_code, headers, self._plain(body)))

    def _plain(self, text: str) -> str:
        for spelling in (
            self._address,
            quote(self._address, safe=""),
            self._town.channel.shown(self._address),
        ):
            text = text.replace(spelling, "ADDRESS")
        text = re.sub(r'(?<=name="request" value=")[^"]+', "SEALED", text)
        for pattern in (
            r"(?<=challenge=)[A-Za-z0-9_-]{22}\b",
            r'(?<=name="challenge" value=")[^"]*',
            r"(?<=__Host-passwordless=)[^;]*",
            r"(?<=Expires=)[^;]*",  # by the machine's own clock
            r"^[0-9a-f]{16}$",  # the request's id
        ):
            text = re.sub(pattern, lambda found: f"RANDOM{len(found[0])}", text)
        return text


def _work(channel: Channel, parts: Parts, answer: str, receipt: str | None) -> None:
    """The worker; the receipt comes for what was really sent."""
    channel.deliver(parts, answer)
    if answer and receipt:
        was_real = select(challenges.c.id).where(challenges.c.is_suppressed.is_(False))
        with parts.database.write() as connection:
            connection.execute(
                update(messages)
                .where(messages.c.provider.is_not(None), messages.c.challenge_id.in_(was_real))
                .values(receipt=receipt, receipt_at=1)
            )


def differences(*walks: Walk) -> list[str]:
    """At which steps the walks show anything that differs."""
    first = walks[0].seen
    assert all(len(first) == len(walk.seen) for walk in walks)
    return [
        steps[0][0]
        for steps in zip(*(walk.seen for walk in walks), strict=True)
        if len(set(map(repr, steps))) > 1
    ]


@pytest.mark.parametrize(
    ("weather", "word"),
    [
        ("mail", "sent"),
        ("no mail", "delayed"),
        ("refused, then no mail", "sent"),
        ("refused for good", "sent"),
        ("not delivered", "sent"),
    ],
)
def test_a_stranger_sees_the_same_bytes_whatever_the_address_is(town: Town, weather: str, word: str) -> None:
    """D1: it has an account or none, sign-up on or off, muted, denied, signing in right now, or for tests."""
    town.deny(*_started(town, MUTED))
    town.clock.shift(seconds=60)

    known = Walk(town, town.open, KNOWN).all(weather)
    others = {
        "unknown": Walk(town, town.open, UNKNOWN).all(weather),
        "muted": Walk(town, town.open, MUTED).all(weather),
        "denied": Walk(town, town.open, DENIED).all(weather, town.deny),
        "present": Walk(town, town.open, PRESENT).all(weather, lambda *_: town.sign_in(PRESENT)),
        "for tests": Walk(town, town.open, TEST).all(weather),
    }
    town.clock.shift(seconds=25 * HOUR_S)
    others |= {
        "known, sign-up off": Walk(town, town.closed, KNOWN).all(weather),
        "unknown, sign-up off": Walk(town, town.closed, UNKNOWN).all(weather),
        "in Keycloak, sign-up off": Walk(town, town.closed, IN_KEYCLOAK).all(weather),
        "Keycloak away, sign-up off": Walk(town, town.closed, UNASKED).all(weather),
    }

    assert {} == {name: found for name, walk in others.items() if (found := differences(known, walk))}
    told = {step: text for step, _, _, text in known.seen if step.startswith("status")}
    assert '"sending"' in told["status queued"]
    assert f'"{word}"' in told["status after the worker"]


def _started(town: Town, address: str) -> tuple[Browser, str]:
    browser = town.browser(town.open)
    return browser, browser.start(address)


def _limit(town: Town, address: str) -> None:
    """Strangers use up its messages of an hour."""
    for number in range(6):
        town.browser(town.open, f"198.51.100.{number}").authorize(login_hint=address)


def _lock(town: Town, address: str) -> None:
    """A hundred and four wrong codes in a row, two hours ago: strangers wait sixteen hours."""
    with town.open.database.write() as connection:
        for _ in range(104):
            subject = ledger.Subject("acme", "email", address)
            ledger.record(connection, Event.CODE_TRIED, subject, at=town.clock.at - 2 * HOUR_S * 1000)


@pytest.mark.parametrize(("exhaust", "budget"), [(_limit, "messages_per_hour"), (_lock, "failures_in_a_row")])
def test_a_limit_is_told_for_every_address_alike(
    town: Town, exhaust: Callable[[Town, str], None], budget: str
) -> None:
    """D3: it is counted whether or not there is an account; status, wait and words agree."""
    plain = Walk(town, town.open, PRESENT).refused()
    town.deny(*_started(town, MUTED))
    for address in (KNOWN, UNKNOWN, MUTED):
        exhaust(town, address)

    walks = [
        Walk(town, parts, address).refused()
        for parts in (town.open, town.closed)
        for address in (KNOWN, UNKNOWN, MUTED)
    ]

    assert [] == differences(*walks)
    assert ["start form", "authorize"] == differences(plain, walks[0])
    assert {429} == {status for step, status, _, _ in walks[0].seen if step in {"start form", "authorize"}}
    assert {budget} == {event.detail for event in events_of(town.open, Event.BUDGET_REFUSED)}
