"""gunicorn (`passwordless serve`): this module is its settings file, and its own words go through our logs too."""

from __future__ import annotations

import gc
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import Application
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from sidecar import app as composition
from sidecar import logs
from sidecar import settings as settings_module
from sidecar.telemetry import exporter


class JsonLogger(Logger):  # type: ignore[misc]
    """Hands gunicorn's error log to the root logger; its access log stays off, for it would hold queries."""

    def setup(self, _cfg: Any) -> None:
        path = os.environ.get("PASSWORDLESS_SETTINGS")
        logs.configure(settings_module.load(Path(path) if path else None).server.log_level)
        self.error_log = logging.getLogger("gunicorn.error")
        self.error_log.handlers = []
        self.error_log.propagate = True
        # At debug it names every path, and what stands in a path may be a secret.
        self.error_log.setLevel(logging.INFO)
        self.access_log = logging.getLogger("gunicorn.access")
        self.access_log.handlers = []
        self.access_log.propagate = False


class Server(Application):  # type: ignore[misc]
    """gunicorn in this process; `GUNICORN_CMD_ARGS` is read as ever, the options given here win."""

    def __init__(self, **options: Any) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        self.load_config_from_module_name_or_filename(f"python:{__name__}")
        given = vars(self.cfg.parser().parse_args(self.cfg.get_cmd_args_from_env()))
        for name, value in {**given, **self._options}.items():
            if name != "args" and value is not None:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        return composition.load_app(composition.turns_of(self.cfg.threads))


class Threads(ThreadWorker):  # type: ignore[misc]
    """gunicorn's own, with threads for those that wait aside beside the `threads` that work (`edge.turns`)."""

    def get_thread_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=composition.turns_of(self.cfg.threads).threads)


def when_ready(server: Any) -> None:
    """Serve `/metrics` from the parent process, which counts for all of its children."""
    path = os.environ.get("PASSWORDLESS_SETTINGS")
    settings = settings_module.load(Path(path) if path else None)
    if settings.metrics.bind:
        server.exporter = composition.start_exporter(settings)
    # What is there now stays: collected in a child, it would be written to, and so no longer be shared.
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    """Threads don't survive a fork, so they begin in the child."""
    composition.begin(worker.app.callable)


def post_fork(server: Any, _worker: Any) -> None:
    """A child that is started later must not keep the parent's port."""
    if hasattr(server, "exporter"):
        server.exporter.socket.close()


def on_exit(_server: Any) -> None:
    exporter.remove_folder()


def child_exit(_server: Any, worker: Any) -> None:
    exporter.forget_process(worker.pid)


# Processes share what they don't write to.
preload_app = True
control_socket_disable = True
logger_class = JsonLogger
worker_class = Threads
graceful_timeout = 20
# Connections that Keycloak and proxies keep.
keepalive = 30
limit_request_line = 8190
