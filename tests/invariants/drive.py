"""Runs the machine: a fixed number of examples for the gate, or seed after seed for as long as one likes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.invariants.machine import MEANWHILE, Machine
from tests.invariants.world import World, logging_into
from tests.oidc.realm import Realms

STEPS = 40

#: What must have happened, at least in the beginning of its name, or a run has shown nothing.
ESSENTIAL = ("code_accepted", "token", "message_sent", "code_tried", "twins: ")
#: What a tour, and a long run, must have met.
INTERESTING = (
    *ESSENTIAL,
    "restarts with other secrets",
    "fenced with an open challenge",
    "auth_code_refused",
    "auth_code_replayed",
    "address_muted",
    "budget_refused: failures_in_a_row",
    "budget_refused: messages_per_hour",
    "device_remembered",
    "message_failed",
    "the clock jumped back",
    "twins: guess 400",
    "twins: start 303",
    "a guess after a back-off",
    "address_unlocked",
    "address_unmuted",
    "budget_refused: failures_per_hour",
    "budget_refused: messages_per_day",
    "budget_refused: starts_per_network_per_hour",
    "fault: after",
    "fault: before",
    "fault: commit",
    "fault: dropped",
    "fault: lost commit",
    "fenced with an open authorization code",
    "lucky guess of a suppressed code",
    "message_delayed",
    "purges of something",
    "revoked with an open challenge",
    "revoked with an open authorization code",
    "twins: start 429",
    "link confirmed",
    "link opened",
    "link pressed elsewhere",
    "link renewed",
    *(f"while: {it}" for it in MEANWHILE),
    "worker ended by WorkerDied",
)


def missing(seen: Counter[str], names: Iterable[str]) -> list[str]:
    """Those that did not happen."""
    return [name for name in names if not any(count for it, count in seen.items() if it.startswith(name))]


@contextmanager
def world_on(database_url: str, realms: Realms, folder: Path) -> Iterator[World]:
    world = World(database_url, realms, folder)
    try:
        with logging_into(world.log):
            yield world
    finally:
        world.close()


def explore(world: World, *, seed: int, examples: int, shrinks: bool = False) -> None:
    """Run the examples of this seed.

    Raises:
        Breach: an invariant does not hold; hypothesis has noted the steps that lead there.
    """
    phases = (Phase.generate, Phase.shrink) if shrinks else (Phase.generate,)
    world.seen["examples"] += examples
    run_state_machine_as_test(
        hypothesis.seed(seed)(type("SeededMachine", (Machine,), {"world": world})),
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
