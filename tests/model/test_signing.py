"""What a signing key is for at a given time follows from when each begins, and from nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sidecar.model.signing import RETIRED_S, KeyState, states

_KEEP_MS = RETIRED_S * 1000
begins = st.lists(st.integers(0, 4 * _KEEP_MS), min_size=1, max_size=6)


def test_a_key_is_next_then_current_then_retired_then_gone():
    found = [states([1000, 0], now)[::-1] for now in (500, 1000, 1000 + _KEEP_MS - 1, 1000 + _KEEP_MS)]

    assert [
        ["current", "next"],
        ["retired", "current"],
        ["retired", "current"],
        [None, "current"],
    ] == found


@given(begins, st.integers(0, 6 * _KEEP_MS))
def test_exactly_one_key_signs_as_soon_as_one_has_begun(begins, now):
    newest_first = sorted(begins, reverse=True)
    found = states(newest_first, now)

    assert found.count(KeyState.CURRENT) == any(begin <= now for begin in begins)


@given(begins, st.integers(0, 6 * _KEEP_MS))
def test_what_signs_was_published_before_and_stays_published_after(begins, now):
    """No time at which a key signs borders on one at which it is not published."""
    newest_first = sorted(set(begins), reverse=True)
    for number, state in enumerate(states(newest_first, now)):
        if state is KeyState.CURRENT:
            before = states(newest_first, newest_first[number] - 1)[number]
            after = states(newest_first, max([now, *newest_first]))[number]
            assert before is KeyState.NEXT
            later = [begin for begin in newest_first if begin > newest_first[number]]
            if later and max([now, *newest_first]) < min(later) + _KEEP_MS:
                assert after is KeyState.RETIRED
