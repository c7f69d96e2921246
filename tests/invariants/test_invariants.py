"""I1 to I10 after every step of the login flow, in orders that nobody thought of, on both databases.

`python -m tests.invariants --minutes 30` walks on from seed to seed; this is the same walk, the first steps of it.
"""

from __future__ import annotations

import itertools
import time

from tests.invariants.drive import ESSENTIAL, INTERESTING, explore, missing, world_on
from tests.invariants.tour import walk
from tests.oidc.fixtures import realms

__all__ = ["realms"]

#: These are walked however long they take, so that a slow machine meets the same; others while there is time.
EXAMPLES, MORE, SECONDS = 10, 3, 16


def test_a_tour_comes_by_all_that_matters(database_url, realms, tmp_path):
    with world_on(database_url, realms, tmp_path) as world:
        walk(world)

        assert [] == missing(world.seen, INTERESTING)


def test_no_order_of_steps_breaks_an_invariant(database_url, realms, tmp_path):
    ends_at = time.monotonic() + SECONDS
    with world_on(database_url, realms, tmp_path) as world:
        explore(world, seed=1, examples=EXAMPLES)
        assert [] == missing(world.seen, ESSENTIAL)

        seeds = itertools.count(2)
        while time.monotonic() < ends_at:
            explore(world, seed=next(seeds), examples=MORE)
