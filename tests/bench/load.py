"""Many at once, and the CPU that it took."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.bench.cpu import cpu_s


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a run took: CPU of the application's and the database's processes, and the time that passed."""

    times: int
    application_s: float
    database_s: float
    passed_s: float

    @property
    def application_ms(self) -> float:
        return self.application_s * 1000 / self.times

    @property
    def database_ms(self) -> float:
        return self.database_s * 1000 / self.times

    @property
    def total_ms(self) -> float:
        return self.application_ms + self.database_ms

    @property
    def per_s(self) -> float:
        return self.times / self.passed_s


def measure(action: Callable[[], int], *, application: Sequence[int], database: Sequence[int]) -> Cost:
    """Run `action`, which answers how often it did its thing; processes are named by the roots of their trees."""
    application_s, database_s, began = cpu_s(*application), cpu_s(*database), time.perf_counter()
    times = action()
    return Cost(
        times=times,
        application_s=cpu_s(*application) - application_s,
        database_s=cpu_s(*database) - database_s,
        passed_s=time.perf_counter() - began,
    )


def at_once(
    make: Callable[[], Any], step: Callable[[Any, Any], Any], work: Sequence[Any], clients: int
) -> list[Any]:
    """`step(client, item)` for each item, shared by as many clients; an error ends the run."""
    waiting, lock, results = iter(work), threading.Lock(), []

    def run() -> None:
        client = make()
        try:
            while True:
                with lock:
                    item = next(waiting, None)
                if item is None:
                    return
                results.append(step(client, item))
        finally:
            client.close()

    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(run) for _ in range(clients)]:
            done.result()
    return results


def get(connection: http.client.HTTPConnection, _number: int) -> None:
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.read() == b"ok", response.status
