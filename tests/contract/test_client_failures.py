"""A3: what fails through one client of the API makes its codes long; nobody else's, and nobody is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.app import Parts
from sidecar.errors import ChallengeRefused
from sidecar.login import tickets
from sidecar.login.resend import resend
from sidecar.login.room import api_caller
from sidecar.login.verify import verify
from sidecar.model.events import Event
from tests.contract.test_tickets import CLIENT, OTHER, started
from tests.flow import at_once, caller, right_code, start, wrong_code
from tests.ledger import events_of

LIMIT = 5
ANOTHER = replace(CLIENT, client_id="other", application=OTHER)


@pytest.fixture
def parts(database_url, settings_for, clock):
    limits = {"CLIENT": str(LIMIT), "NETWORK": "1000", "CONNECTION": "1000"}
    environment = {
        f"REALMS__ACME__CONNECTIONS__EMAIL__LIMITS__FAILURES_PER_{name}_PER_HOUR": limit
        for name, limit in limits.items()
    }
    built = Parts.build(settings_for(database_url, **environment), clock=clock)
    yield built
    built.database.dispose()


def program(number: int, client=CLIENT):
    return api_caller(client, network=f"203.0.113.{number}")


def begin(parts, number, client=CLIENT):
    return started(parts, program(number, client), client, f"user{number}@example.org")


def attempt(parts, challenge, code, number, client=CLIENT):
    return tickets.verify(
        parts.room(), challenge=challenge, unverified_code=code, caller=program(number, client), client=client
    )


def use_up(parts):
    for number in range(LIMIT):
        challenge = begin(parts, number)
        with pytest.raises(ChallengeRefused):
            attempt(parts, challenge, wrong_code(parts, challenge), number)


def test_of_sixteen_guesses_at_once_at_as_many_addresses_five_are_compared(parts):
    challenges = [begin(parts, number) for number in range(16)]

    results = at_once(
        lambda number: attempt(parts, challenges[number], wrong_code(parts, challenges[number]), number), 16
    )

    assert all(isinstance(it, ChallengeRefused) for it in results)
    assert LIMIT == len(events_of(parts, Event.CODE_WRONG))


def test_then_a_short_code_of_the_client_is_over_and_a_long_one_takes_its_place(parts):
    before = begin(parts, 20)
    use_up(parts)

    with pytest.raises(ChallengeRefused) as over:
        attempt(parts, before, right_code(parts, before), 20)
    assert 0 == over.value.tries_left
    again = resend(parts.room(), challenge=before, caller=program(20))
    assert 8 == again.digits
    assert attempt(parts, again, right_code(parts, again), 20).raw_ticket
    afresh = begin(parts, 21)
    assert 8 == afresh.digits


def test_pages_and_other_clients_go_on_with_short_ones(parts):
    use_up(parts)

    for_page = start(parts, "user0@example.org", by=caller("ada", "198.51.100.1"))
    assert 6 == for_page.digits
    code = right_code(parts, for_page)
    assert verify(
        parts.room(), challenge=for_page, unverified_code=code, caller=caller("ada", "198.51.100.1")
    )
    theirs = begin(parts, 1, ANOTHER)
    assert 6 == theirs.digits
    assert attempt(parts, theirs, right_code(parts, theirs), 1, ANOTHER).raw_ticket


def test_right_codes_are_no_failures(parts):
    for number in range(2 * LIMIT):
        challenge = begin(parts, number)
        assert 6 == challenge.digits
        attempt(parts, challenge, right_code(parts, challenge), number)


def test_after_an_hour_codes_are_short_again(parts, clock):
    use_up(parts)
    clock.shift(seconds=3601)

    assert 6 == begin(parts, 30).digits
