"""C9 as it comes: five hundred numbers side by side, a gateway that bills each text, and people who only sign in."""

from __future__ import annotations

import contextlib
import re
from collections import Counter

import pytest

from sidecar.cli.messages import _lines
from sidecar.errors import ConnectionStopped, RateLimited
from sidecar.login.resend import resend
from sidecar.model.challenge import DeliveryStatus
from sidecar.model.events import Event
from sidecar.store import traffic
from sidecar.store.pumping import SqlStops
from sidecar.store.timeline import timeline
from tests.flow import caller
from tests.gateway import Gateway
from tests.ledger import events_of
from tests.texts import (
    BRITISH,
    CONNECTION,
    GERMAN,
    IRISH,
    REALM,
    accept,
    number,
    stranger,
    text,
    texting,
    with_texts,
)

OWNER = caller("owner", "203.0.113.9")
OWNERS = number(BRITISH, 9999)
ATTACKS = 500
EVERY_S = 10
GOOD_EVERY = 10
#: In a country of many people: the numbers are side by side all the same, for they cost most there.
PER_COUNTRY = 1000
#: The code's life in attacks, and as many as the breaker looks at: what gets through before it can know.
BEFORE_THE_BREAKER = 300 // EVERY_S + 20


@pytest.fixture
def gateway():
    with Gateway() as running:
        yield running


@pytest.fixture
def town(database_url, settings_for, clock, gateway):
    """Parts with these budgets; all others are the usual ones."""
    with contextlib.ExitStack() as stack:

        def make(**pumping):
            own = with_texts(gateway_url=gateway.url, **pumping)
            return stack.enter_context(texting(settings_for(database_url, **own), clock))

        yield make


def deliver(worker):
    while worker.step():
        pass


def pump(parts, clock, worker):
    """Start by start from networks of their own, no code typed; now and then somebody in Germany signs in."""
    refused = Counter()
    for each in range(ATTACKS):
        try:
            text(parts, number(BRITISH, each), stranger(each))
        except RateLimited as limited:
            refused[limited.budget] += 1
        if each % GOOD_EVERY == 0:
            person = stranger(10_000 + each)
            # Never refused.
            accept(parts, text(parts, number(f"+49151{each:04d}", each), person), person)
        deliver(worker)
        clock.shift(seconds=EVERY_S)
    return refused


def spent(gateway, country):
    return sum(text.recipient.startswith(country) for text in gateway.texts)


def test_five_hundred_numbers_side_by_side_open_the_breaker(town, clock, gateway):
    parts = town(messages_per_prefix_per_hour=PER_COUNTRY, messages_per_country_per_hour=PER_COUNTRY)
    worker = parts.worker()
    challenge = text(parts, OWNERS, OWNER)
    accept(parts, challenge, OWNER)

    refused = pump(parts, clock, worker)

    # The hour is over once in it: then as many are let through again, and one that the owner had.
    assert spent(gateway, "+44") <= 2 * BEFORE_THE_BREAKER + 1
    assert {"pumping.conversion_per_country"} == set(refused)
    assert ATTACKS // GOOD_EVERY == spent(gateway, "+49")
    # A known browser gets its code, and a stranger nothing.
    sent = spent(gateway, "+44")
    known = text(parts, OWNERS, OWNER)
    with pytest.raises(RateLimited):
        text(parts, OWNERS, stranger(1))
    deliver(worker)
    accept(parts, known, OWNER)
    assert sent + 1 == spent(gateway, "+44")
    assert gateway.to(OWNERS)[-1].code


def test_by_default_a_pumped_prefix_costs_twenty_messages_an_hour(town, clock, gateway):
    parts = town()
    worker = parts.worker()

    refused = pump(parts, clock, worker)

    # 83 minutes.
    assert 20 <= spent(gateway, "+44") <= 40
    assert "pumping.messages_per_prefix_per_hour" in refused
    assert ATTACKS // GOOD_EVERY == spent(gateway, "+49")
    assert sum(refused.values()) == len(events_of(parts, Event.BUDGET_REFUSED))
    check_status(parts, gateway)


def check_status(parts, gateway):
    """It tells what is pumped and what is well."""
    found = traffic.texts(parts.database, REALM, parts.settings.realms[REALM].connections[CONNECTION])
    by_name = {each.name: each for each in found.destinations}
    british, german = by_name["GB"], by_name["DE"]
    assert (True, 0) == (british.is_breaker_open, british.percent)
    assert (False, 100, 50) == (german.is_breaker_open, german.percent, german.converted_today)
    assert spent(gateway, "+44") == british.sent_today
    assert found.sent_today == len(gateway.texts)
    assert "pumping.conversion_per_prefix" in {rule.name for rule in by_name[BRITISH].refused_by}
    assert (None, ()) == (found.stopped_at, found.refused_by)
    (outcome,) = traffic.outcomes(parts.database, REALM, CONNECTION)
    assert ("gateway", "sent", len(gateway.texts)) == (outcome.provider, outcome.status, outcome.count)


def test_the_kill_switch_stops_starts_resends_and_what_is_queued(town, clock, gateway):
    parts = town()
    worker = parts.worker()
    sent = text(parts, number(BRITISH, 0))
    deliver(worker)
    queued = text(parts, number(GERMAN, 0), stranger(0))
    clock.shift(seconds=31)

    SqlStops(parts.database).stop(REALM, CONNECTION)
    deliver(worker)

    assert 1 == len(gateway.texts)
    assert ["an operator has stopped the connection"] == [
        event.detail for event in events_of(parts, Event.MESSAGE_FAILED)
    ]
    status = parts.room().challenges.find(queued.id, stranger(0).macs(parts.keys))[1]
    assert DeliveryStatus.FAILED is status
    with pytest.raises(ConnectionStopped):
        resend(parts.room(), challenge=sent, caller=caller())
    with pytest.raises(ConnectionStopped):
        text(parts, number(BRITISH, 1))

    SqlStops(parts.database).start(REALM, CONNECTION)
    resend(parts.room(), challenge=sent, caller=caller())
    deliver(worker)
    assert 2 == len(gateway.texts)
    # What failed is not sent later.
    assert 1 == len(events_of(parts, Event.MESSAGE_FAILED))


def test_the_worker_of_another_process_sees_the_switch_too(town, gateway):
    first, second = town(), town()
    text(first, number(BRITISH, 0))
    worker = second.worker()

    SqlStops(first.database).stop(REALM, CONNECTION)
    deliver(worker)

    assert [] == gateway.texts


def told_of(parts, to):
    """What `passwordless messages` says of a number, without times and names."""
    found = timeline(parts.database, realm=REALM, address=to)
    return [re.split(r" {2,}", line)[3] for line in _lines(found) if line != "Messages:"]


def test_the_timeline_says_what_stopped_a_message_the_budget_the_breaker_or_an_operator(town, clock, gateway):
    """The three of them, each seen to stop sending, in the words that support reads."""
    parts = town(messages_per_prefix_per_hour=10, conversion_sample=5)
    worker = parts.worker()
    for each in range(10):
        person = stranger(each)
        accept(parts, text(parts, number(GERMAN, each), person), person)
    for each in range(5):
        text(parts, number(IRISH, each), stranger(100 + each))
    deliver(worker)
    # Codes that can still be typed are not held against a country.
    clock.shift(seconds=301)
    queued, late = number(BRITISH, 0), number(BRITISH, 1)
    text(parts, queued, stranger(200))

    budget, breaker = number(GERMAN, 99), number(IRISH, 99)
    for to in (budget, breaker):
        with pytest.raises(RateLimited):
            text(parts, to, stranger(300))
    SqlStops(parts.database).stop(REALM, CONNECTION)
    with pytest.raises(ConnectionStopped):
        text(parts, late, stranger(400))
    deliver(worker)

    assert 15 == len(gateway.texts)
    assert ["refused: the limit pumping.messages_per_prefix_per_hour is used up"] == told_of(parts, budget)
    assert ["refused: too few codes come back from its country (pumping.conversion_per_country)"] == told_of(
        parts, breaker
    )
    assert ["refused: an operator has stopped the text messages of the connection"] == told_of(parts, late)
    assert [
        "asked to sign in: a challenge and its message",
        "message failed: an operator has stopped the connection",
        "failed, attempts 1, an operator has stopped the connection",
    ] == told_of(parts, queued)
