"""The same for numbers: what a stranger can see of one, byte for byte (C9, D1, D3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sidecar.app import Parts
from sidecar.model.events import Event
from sidecar.store import ledger
from sidecar.store.pumping import SqlStops
from sidecar.store.tables import messages
from tests.gateway import Gateway
from tests.journeys.test_strangers import (
    HOUR_S,
    Channel,
    StandingClock,
    Town,
    Walk,
    differences,
    for_tests,
)
from tests.ledger import events_of, rows
from tests.oidc.realm import Realms
from tests.texts import CONNECTION, REALM, with_texts
from tests.web.browser import Browser

#: Equal in how they are masked; no two side by side.
KNOWN, UNKNOWN, MUTED, DENIED, PRESENT, TEST = (f"+44740{each}000023" for each in "012389")
GATEWAY_WEATHERS = {
    "no gateway": ("", ""),
    "refused for good": ("404", "404"),
    "not delivered": ("take", "take"),
}
TELLS = {
    "no gateway": "delayed",
    "refused for good": "sent",
    "not delivered": "sent",
}
#: Budgets of text messages that no walk meets.
WIDE = {
    "messages_per_prefix_per_hour": 10_000,
    "messages_per_country_per_hour": 10_000,
    "messages_per_client_per_hour": 10_000,
    "messages_per_day": 10_000,
    "conversion_sample": 10_000,
}


def shown(number: str) -> str:
    """As pages write it: `+44 7400 000023`."""
    return f"{number[:3]} {number[3:7]} {number[7:]}"


def channel_of(gateway: Gateway) -> Channel:
    def deliver(parts: Parts, answer: str) -> None:
        if not answer:
            gateway.stop()
        elif not gateway.is_running:
            gateway.start()
        gateway.refuse(0 if answer in {"", "take"} else int(answer))
        worker = parts.worker()
        while worker.step():
            pass

    return Channel(CONNECTION, GATEWAY_WEATHERS, deliver, shown)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as running:
        yield running


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def build(
    database_url: str, settings_for: Any, clock: StandingClock, realms: Realms, gateway: Gateway
) -> Iterator[Callable[..., Parts]]:
    """Parts over the one database, with these settings of the connection over the usual ones."""
    built: list[Parts] = []

    def make(*, signup: bool = True, countries: str = '["*"]', **pumping: int) -> Parts:
        own = {
            **with_texts(gateway_url=gateway.url, signup=signup, **{**WIDE, **pumping}),
            "KEYCLOAK__INTERNAL_URL": realms.url,
            "REALMS__ACME__CONNECTIONS__SMS__COUNTRIES": countries,
            "REALMS__ACME__CONNECTIONS__SMS__TEST_ADDRESSES": for_tests(TEST),
            "REALMS__ACME__CONNECTIONS__SMS__LIMITS__STARTS_PER_NETWORK_PER_HOUR": "10000",
        }
        built.append(Parts.build(settings_for(database_url, **own), clock=clock))
        return built[-1]

    yield make
    for parts in built:
        parts.database.dispose()


@pytest.fixture
def town(build: Callable[..., Parts], realms: Realms, clock: StandingClock, gateway: Gateway) -> Town:
    found = Town(build(), build(signup=False), realms, clock, channel_of(gateway))
    for number in (KNOWN, MUTED, DENIED, PRESENT):
        found.sign_in(number)
    clock.shift(seconds=25 * HOUR_S)  # what the owners did counts no more
    return found


def within(town: Town, parts: Parts) -> Town:
    """The same town seen through other settings."""
    return Town(parts, parts, town.realms, town.clock, town.channel)


def started(town: Town, number: str) -> tuple[Browser, str]:
    browser = town.browser(town.open)
    return browser, browser.start(number, connection=CONNECTION)


@pytest.mark.parametrize("weather", GATEWAY_WEATHERS)
def test_a_stranger_sees_the_same_bytes_whatever_the_number_is(town: Town, weather: str) -> None:
    """D1: it has an account or none, sign-up on or off, muted, denied, signing in right now, or for tests."""
    town.deny(*started(town, MUTED))
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
    }

    assert {} == {name: found for name, walk in others.items() if (found := differences(known, walk))}
    told = {step: text for step, _, _, text in known.seen if step.startswith("status")}
    assert '"sending"' in told["status queued"]
    assert f'"{TELLS[weather]}"' in told["status after the worker"]
    assert {303} == {status for step, status, _, _ in known.seen if step.startswith("resend")}
    page = next(text for step, _, _, text in known.seen if step == "page queued")
    assert "+44 ••• 23" in page
    assert not re.search(r"0{4}|ADDRESS", page.partition("<main")[2])


def limit(town: Town, number: str) -> None:
    """Strangers use up its messages of an hour."""
    for each in range(6):
        town.browser(town.open, f"198.51.100.{each}").authorize(connection=CONNECTION, login_hint=number)


def lock(town: Town, number: str) -> None:
    """A hundred and four wrong codes in a row, two hours ago: strangers wait sixteen hours."""
    with town.open.database.write() as connection:
        for _ in range(104):
            subject = ledger.Subject(REALM, CONNECTION, number)
            ledger.record(connection, Event.CODE_TRIED, subject, at=town.clock.at - 2 * HOUR_S * 1000)


@pytest.mark.parametrize(("exhaust", "budget"), [(limit, "messages_per_hour"), (lock, "failures_in_a_row")])
def test_a_limit_is_told_for_every_number_alike(
    town: Town, exhaust: Callable[[Town, str], None], budget: str
) -> None:
    """D3: it is counted whether or not there is an account; status, wait and words agree."""
    plain = Walk(town, town.open, PRESENT).refused()
    town.deny(*started(town, MUTED))
    for number in (KNOWN, UNKNOWN, MUTED):
        exhaust(town, number)

    walks = [
        Walk(town, parts, number).refused()
        for parts in (town.open, town.closed)
        for number in (KNOWN, UNKNOWN, MUTED)
    ]

    assert [] == differences(*walks)
    assert ["start form", "authorize"] == differences(plain, walks[0])
    assert {429} == {status for step, status, _, _ in walks[0].seen if step in {"start form", "authorize"}}
    assert {budget} == {event.detail for event in events_of(town.open, Event.BUDGET_REFUSED)}


@pytest.mark.parametrize(
    ("pumping", "budget"),
    [
        ({"messages_per_country_per_hour": 1}, "pumping.messages_per_country_per_hour"),
        ({"messages_per_day": 1}, "pumping.messages_per_day"),
    ],
)
def test_a_budget_against_pumping_refuses_every_number_alike(
    town: Town, build: Callable[..., Parts], pumping: dict[str, int], budget: str
) -> None:
    """C9, D3: it hangs on where numbers lie, never on who has one."""
    town.deny(*started(town, MUTED))
    town.clock.shift(seconds=60)
    narrow = [within(town, build(signup=signup, **pumping)) for signup in (True, False)]

    walks = [Walk(seen, seen.open, number).refused() for seen in narrow for number in (KNOWN, UNKNOWN, MUTED)]

    assert [] == differences(*walks)
    assert {429} == {status for step, status, _, _ in walks[0].seen if step in {"start form", "authorize"}}
    assert {budget} == {event.detail for event in events_of(town.open, Event.BUDGET_REFUSED)}


def test_a_country_that_gets_no_texts_is_refused_for_every_number_alike(
    town: Town, build: Callable[..., Parts]
) -> None:
    """C9, D1: also for those who signed in while it did."""
    before = len(rows(town.open, messages))
    german = within(town, build(countries='["DE"]'))

    walks = [Walk(german, german.open, number).refused() for number in (KNOWN, UNKNOWN, MUTED)]

    assert [] == differences(*walks)
    assert 400 in {status for step, status, _, _ in walks[0].seen if step == "start form"}
    assert before == len(rows(town.open, messages))


@pytest.mark.parametrize("after_s", [31, 301])
def test_a_resend_to_such_a_country_is_refused_for_every_number_alike(
    town: Town, build: Callable[..., Parts], after_s: int
) -> None:
    """C9, D1."""
    german = build(countries='["DE"]')
    seen = []
    for number in (KNOWN, UNKNOWN):
        browser, challenge_id = started(town, number)
        town.clock.shift(seconds=after_s)
        walk = Walk(within(town, german), german, number)
        walk._browser.secret = browser.secret
        walk.resends("to a country that has left the list", challenge_id)
        walk.looks("after it", challenge_id)
        seen.append(walk)

    assert [] == differences(*seen)
    assert 400 == seen[0].seen[0][1]


def test_an_operators_stop_is_told_for_every_number_alike(town: Town) -> None:
    """D1."""
    SqlStops(town.open.database).stop(REALM, CONNECTION)

    walks = [
        Walk(town, parts, number).refused()
        for parts in (town.open, town.closed)
        for number in (KNOWN, UNKNOWN, MUTED)
    ]

    assert [] == differences(*walks)
    assert {503} == {status for step, status, _, _ in walks[0].seen if step in {"start form", "authorize"}}
