"""A breaker opens after failures in a row, lets one try through after a while, and closes with a success."""

from __future__ import annotations

from sidecar.delivery.breaker import FAILURES, PAUSE_S, Breaker


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed(at)
    return breaker


def test_it_opens_at_the_last_of_so_many_failures_in_a_row():
    breaker = Breaker()

    said = [breaker.failed(0.0) for _ in range(FAILURES)]

    assert [*[False] * (FAILURES - 1), True] == said
    assert breaker.is_open(0.0)


def test_a_success_between_failures_starts_the_count_anew():
    breaker = Breaker()
    for _ in range(FAILURES - 1):
        breaker.failed(0.0)
    breaker.succeeded()

    breaker.failed(0.0)

    assert not breaker.is_open(0.0)


def test_it_lets_a_try_through_after_its_pause_and_no_sooner():
    breaker = opened(at=100.0)

    assert breaker.is_open(100.0 + PAUSE_S - 0.1)
    assert not breaker.is_open(100.0 + PAUSE_S)


def test_the_try_decides():
    closed, again = opened(), opened()

    assert closed.succeeded()
    assert again.failed(PAUSE_S)

    assert not closed.is_open(PAUSE_S)
    assert again.is_open(PAUSE_S + 1)
    assert not again.is_open(2 * PAUSE_S)


def test_failures_of_a_last_resort_do_not_put_the_next_try_off():
    """It is asked while open only where every other is open too."""
    breaker = opened(at=0.0)

    breaker.failed(PAUSE_S - 1)

    assert not breaker.is_open(PAUSE_S)
