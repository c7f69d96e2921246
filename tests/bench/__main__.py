"""`python -m tests.bench`: the figures of docs/performance.md."""

from __future__ import annotations

import argparse
import http.client
import statistics
import time
from pathlib import Path

from sidecar import store
from tests import stack
from tests.bench import flame, load, rows, statements, whole
from tests.bench.cpu import cpu_s, memory_mib
from tests.bench.house import House, bare, create_database, house, postgres
from tests.bench.load import Cost

REQUESTS_A_LOGIN = 4


def main() -> None:
    options = _options()
    if options.whole:
        _whole(options)
        return
    with postgres() as (server_url, postmaster):
        if options.rows:
            _rows(server_url, postmaster, options)
            return
        for number in range(options.rounds):
            print(f"== round {number + 1} of {options.rounds}")
            baseline = _baseline(create_database(server_url), postmaster, options)
            with house(create_database(server_url), postmaster, workers=options.workers) as home:
                _logins(home, options, baseline)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="What a login costs.")
    parser.add_argument("--logins", type=int, default=2000, help="logins to measure (default: %(default)s)")
    parser.add_argument("--warm-up", type=int, default=400, help="logins before that (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=8, help="at once (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="gunicorn's processes (default: %(default)s)")
    parser.add_argument(
        "--single", type=int, default=200, help="logins by one client, for the mail (default: %(default)s)"
    )
    parser.add_argument(
        "--rounds", type=int, default=2, help="times to measure it all (default: %(default)s)"
    )
    parser.add_argument(
        "--flames",
        type=Path,
        metavar="FOLDER",
        help="write flame graphs of the measured logins there; recording them costs CPU, so not with figures to keep",
    )
    parser.add_argument(
        "--whole",
        action="store_true",
        help="instead: the whole login through the deployment with Keycloak in production mode; "
        "--warm-up 4000 before it says something about Keycloak",
    )
    parser.add_argument(
        "--rows",
        type=int,
        default=0,
        metavar="N",
        help="instead: compare an empty database with N past challenges, messages and events each, "
        "and N/10 identities (the target is 10000000)",
    )
    return parser.parse_args()


def _baseline(database_url: str, postmaster: int, options: argparse.Namespace) -> Cost:
    """A request of the bare endpoint."""
    with bare(database_url, workers=options.workers) as (pid, port):

        def run(times: int) -> int:
            load.at_once(
                lambda: http.client.HTTPConnection("127.0.0.1", port), load.get, range(times), options.clients
            )
            return times

        run(options.warm_up)
        times = options.logins * REQUESTS_A_LOGIN
        cost = load.measure(lambda: run(times), application=[pid], database=[postmaster])
    _print("bare endpoint, a request", cost)
    return cost


def _logins(home: House, options: argparse.Namespace, baseline: Cost) -> None:
    home.enrol(options.warm_up + options.logins + options.single)
    walk(home, options.warm_up, options.clients)
    with flame.graphs(options.flames, dict(zip(("worker", "server"), home.application, strict=True))):
        cost = walk(home, options.logins, options.clients)
    _print(f"login, {options.clients} clients", cost)
    ratio = cost.total_ms / baseline.total_ms
    print(
        f"{'login / bare request':32} {ratio:6.2f} × 1   {ratio / REQUESTS_A_LOGIN:6.2f} × {REQUESTS_A_LOGIN}"
    )
    _mail(home, options.single)
    memory = memory_mib(home.application[1])
    print(
        f"{'memory of the server':32} "
        + ", ".join(f"{value:.0f} MiB {name}" for name, value in memory.items())
    )
    print(
        f"{'started, until it was ready':32} {home.ready_after_s:6.2f} s, {home.ready_after_cpu_s:.2f} s of CPU"
    )


def _whole(options: argparse.Namespace) -> None:
    """Addresses sign in again and again, so all but their first logins find an account."""
    addresses = [f"user{number}@example.org" for number in range(options.logins)]
    with whole.deployed() as (deployment, mailbox):
        for begin in range(0, options.warm_up, len(addresses)):
            some = addresses[: options.warm_up - begin]
            cost = whole.walk(deployment, mailbox, some, options.clients)
            print(
                f"  warming up: {begin + len(some)} of {options.warm_up}, {cost.total_ms:.1f} ms", flush=True
            )
        for number in range(options.rounds):
            print(f"== round {number + 1} of {options.rounds}")
            with postgres() as (server_url, postmaster):
                baseline = _baseline(create_database(server_url), postmaster, options)
            before = whole.shares(deployment)
            cost = whole.walk(deployment, mailbox, addresses, options.clients)
            _print("the whole login", cost)
            for name, spent in whole.shares(deployment).items():
                print(f"  of it {name:26} {(spent - before[name]) * 1000 / len(addresses):6.2f} ms")
            print(f"{'whole login / bare request':32} {cost.total_ms / baseline.total_ms:6.2f}")


def _rows(server_url: str, postmaster: int, options: argparse.Namespace) -> None:
    """Two databases of one server in turn, so that both see the same machine."""
    empty, full = create_database(server_url), create_database(server_url)
    identities = max(options.rows // 10, options.rounds * (options.warm_up + options.logins) + 1)
    store.migrate(full)
    began = time.perf_counter()
    rows.fill(full, identities=identities, past=options.rows)
    print(f"filled in {time.perf_counter() - began:.0f} s")
    for table, (count, size) in rows.sizes(full).items():
        print(f"  {table:24} {count:12,} rows {size:>10}")
    # Rows that retention would delete are another run's subject: none is old enough here.
    keep = {f"PASSWORDLESS__RETENTION__{name}_DAYS": "400" for name in ("CHALLENGES", "MESSAGES", "EVENTS")}
    with (
        house(empty, postmaster, workers=options.workers, **keep) as without,
        house(full, postmaster, workers=options.workers, **keep) as with_rows,
    ):
        without.enrol(options.rounds * (options.warm_up + options.logins))
        for number in range(options.rounds):
            print(f"== round {number + 1} of {options.rounds}")
            costs = [_walked(home, options) for home in (without, with_rows)]
            _print("login, empty database", costs[0])
            _print(f"login, {options.rows:,} past ones", costs[1])
            print(f"{'ratio':32} {costs[1].total_ms / costs[0].total_ms:6.2f}")
        for statement, plan in statements.plans(with_rows, "user77@example.org"):
            print(f"\n{' '.join(statement.split())[:300]}\n{plan}")
        _with_retention(with_rows, options)


def _walked(home: House, options: argparse.Namespace) -> Cost:
    walk(home, options.warm_up, options.clients)
    return walk(home, options.logins, options.clients)


def _with_retention(home: House, options: argparse.Namespace) -> None:
    """Logins while `passwordless db purge` deletes half of the challenges and messages; its process is not counted."""
    days = str(rows.DAYS // 2)
    cut = {f"PASSWORDLESS__RETENTION__{name}_DAYS": days for name in ("CHALLENGES", "MESSAGES")}
    purge = stack.run(["db", "purge"], settings=home.settings, log=home.folder / "purge.log", **cut)
    try:
        cost = walk(home, options.logins, options.clients)
        is_still_going = purge.process.poll() is None
    finally:
        purge.stop()
    _print("login, retention meanwhile", cost)
    print(f"  deleting all the while: {is_still_going}; the database's share contains the deleting")


def walk(home: House, count: int, clients: int) -> Cost:
    """That many logins."""
    tickets = home.tickets(count)

    def run() -> int:
        load.at_once(home.visitor, lambda visitor, ticket: visitor.walk(ticket), tickets, clients)
        home.settle()
        return count

    before = [cpu_s(pid) for pid in home.application]
    cost = load.measure(run, application=home.application, database=[home.postmaster])
    parts = [(cpu_s(pid) - was) * 1000 / count for pid, was in zip(home.application, before, strict=True)]
    print(f"{'  of it: worker, server':32} {parts[0]:6.2f} {parts[1]:6.2f} ms")
    return cost


def _mail(home: House, count: int) -> None:
    walked = load.at_once(home.visitor, lambda visitor, ticket: visitor.walk(ticket), home.tickets(count), 1)
    waits = sorted((one.mailed - one.started) * 1000 for one in walked)
    median, late = statistics.median(waits), waits[int(len(waits) * 0.95)]
    print(f"{'start request to DATA, 1 client':32} {median:6.2f} ms median  {late:6.2f} ms at 95 %")


def _print(what: str, cost: Cost) -> None:
    print(
        f"{what:32} {cost.total_ms:6.2f} ms CPU = {cost.application_ms:5.2f} application"
        f" + {cost.database_ms:5.2f} database   {cost.per_s:6.1f}/s"
    )


if __name__ == "__main__":
    main()
