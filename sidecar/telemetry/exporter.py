"""`/metrics` on a port of its own, off the public listener, for all processes of a server."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, multiprocess, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sidecar.errors import SettingsError, StoreUnavailable
from sidecar.telemetry.metrics import REGISTRY

_log = structlog.get_logger()
#: Where the processes of one server leave their counts; prometheus_client reads it when it is imported.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_FOLDER_PREFIX = "passwordless-metrics-"


@dataclass(frozen=True)
class Queue:
    """What waits to be sent: how many messages, and for how long the oldest is due."""

    messages: int
    oldest_s: float


class _QueueCollector(Collector):
    """Asks the database at each scrape; a database that is away leaves the two out and is told by `up`."""

    def __init__(self, ask: Callable[[], Queue]) -> None:
        self._ask = ask

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("passwordless_database_up", "Whether the database answered this scrape.")
        try:
            queue = self._ask()
        except StoreUnavailable as err:
            _log.warning("metrics_without_database", reason=str(err))
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        for name, text, value in (
            ("passwordless_queue_messages", "Messages that are due and not sent.", queue.messages),
            ("passwordless_queue_age_seconds", "For how long the oldest of them is due.", queue.oldest_s),
        ):
            gauge = GaugeMetricFamily(name, text)
            gauge.add_metric([], value)
            yield gauge


def has_folder() -> bool:
    """Whether this process began with a folder that `prepare_folder` made."""
    return Path(os.environ.get(FOLDER_VARIABLE, "")).name.startswith(_FOLDER_PREFIX)


def prepare_folder() -> None:
    """Give the processes that will be started a fresh folder to count in; call it before they import the library."""
    os.environ[FOLDER_VARIABLE] = tempfile.mkdtemp(prefix=_FOLDER_PREFIX)


def remove_folder() -> None:
    """The server ended."""
    folder = os.environ.pop(FOLDER_VARIABLE, "")
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def start(bind: str, ask: Callable[[], Queue]) -> WSGIServer:
    """Serve `/metrics` from a thread of this process.

    Raises:
        SettingsError: the address can't be listened on.
    """
    host, _, port = bind.rpartition(":")
    registry = CollectorRegistry()
    if os.environ.get(FOLDER_VARIABLE):
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(_Of(REGISTRY))
    registry.register(_QueueCollector(ask))
    try:
        server, _thread = start_http_server(int(port), host.strip("[]"), registry)
    except OSError as err:
        raise SettingsError(
            f"metrics.bind: {bind} can't be listened on ({err.strerror}): free it, or name another"
        ) from err
    return server


def forget_process(pid: int) -> None:
    """A process of the server ended: its counts stay, its gauges go."""
    if os.environ.get(FOLDER_VARIABLE):
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


class _Of(Collector):
    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Any:
        return self._registry.collect()
