"""The bench itself: it walks whole logins through real processes. What they cost is no test's business."""

from __future__ import annotations

import pytest

from tests.bench import house, load
from tests.bench.cpu import cpu_s, memory_mib, tree


@pytest.mark.faults
def test_the_bench_walks_logins_and_counts_their_cost():
    """Two browsers at once come back with ID tokens, and the CPU of both trees is seen."""
    with (
        house.postgres() as (server_url, postmaster),
        house.house(house.create_database(server_url), postmaster, workers=1) as home,
    ):
        home.enrol(4)

        def run() -> int:
            walked = load.at_once(
                home.visitor, lambda visitor, ticket: visitor.walk(ticket), home.tickets(4), 2
            )
            assert all(one.id_token.count(".") == 2 and one.mailed > one.started for one in walked)
            home.settle()
            return len(walked)

        cost = load.measure(run, application=home.application, database=[postmaster])

        assert 4 == cost.times == home.mailbox.count
        assert cost.application_s > 0
        assert cpu_s(postmaster) > 0
        assert len(tree(home.application[1])) > 1
        assert memory_mib(home.application[1])["resident"] > 1
