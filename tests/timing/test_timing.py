"""D2: the time of an answer tells nothing of an address. The short run; `python -m tests.timing` is the long one.

No verdict hangs on how fast this machine is: pairs are interleaved, ranks are compared, what looks different is
measured again, and a planted delay is looked for with more pairs until it is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sidecar.app import Parts
from tests.timing.arms import COMPARISONS, ENVIRONMENT, STEPS, Arms, slowed
from tests.timing.verdict import judge

PAIRS = 40
MOST_PAIRS = 1200


@pytest.fixture
def parts(database_url: str, settings_for: Any) -> Iterator[Parts]:
    built = Parts.build(settings_for(database_url, **ENVIRONMENT))
    yield built
    built.database.dispose()


@pytest.mark.parametrize("states", COMPARISONS.values(), ids=COMPARISONS)
def test_an_answer_takes_as_long_whatever_the_address_is(parts: Parts, states: tuple[str, str]) -> None:
    """A known address beside an unknown one (sign-up is off), and beside a muted one; start and wrong code."""
    arms = Arms(parts, states)
    verdicts = {step: judge(pairs) for step, pairs in arms.measure(PAIRS).items()}
    if any(it.is_different for it in verdicts.values()):
        verdicts = {step: judge(pairs) for step, pairs in arms.measure(5 * PAIRS).items()}

    assert [] == [f"{step}: {it}" for step, it in verdicts.items() if it.is_different]


def test_a_delay_of_two_milliseconds_is_found(parts: Parts) -> None:
    """The control: this test can fail."""
    arms = Arms(slowed(parts), COMPARISONS["known, unknown"])
    pairs = arms.measure(PAIRS)
    while not all(judge(pairs[step]).is_different for step in STEPS) and len(pairs["start"]) < MOST_PAIRS:
        pairs = {step: pairs[step] + more for step, more in arms.measure(PAIRS).items()}

    assert dict.fromkeys(STEPS, True) == {step: judge(pairs[step]).is_different for step in STEPS}


def test_equal_times_with_noise_are_not_called_different() -> None:
    """Nor is a real difference that is too small to matter, however many pairs there are."""
    noise = [(0.010 + n % 7 / 1000, 0.010 + n * 3 % 7 / 1000) for n in range(700)]

    assert not judge(noise).is_different
    assert not judge([(first, first + 0.0003) for first, _ in noise]).is_different
    assert judge([(first, second + 0.0015) for first, second in noise]).is_different
