"""`passwordless serve` and `passwordless worker`."""

from __future__ import annotations

import os
import signal
import sys
import threading

import click

from sidecar import app as composition
from sidecar import logs, serving
from sidecar.cli.options import settings_from, settings_path
from sidecar.telemetry import exporter


@click.command()
@click.option("--bind", default="127.0.0.1:5080", show_default=True, help="Address and port to listen on.")
@click.option(
    "--workers", default=2, show_default=True, help="Processes. SQLite bears a few, PostgreSQL many."
)
@click.option("--threads", default=8, show_default=True, help="Threads in each.")
@click.pass_context
def serve(ctx: click.Context, bind: str, workers: int, threads: int) -> None:
    """Serve logins with gunicorn.

    Checks settings, database and mail templates first, and does not start with wrong ones. Each process has a thread
    that sends messages; with `server.embedded_worker = false` run `passwordless worker` beside it instead.
    """
    settings = settings_from(ctx)
    if settings.metrics.bind and not exporter.has_folder():
        # The library looks for the folder when it is imported, so this process begins again with one.
        exporter.prepare_folder()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
    parts = composition.Parts.build(settings)
    parts.database.dispose()
    parts.renderer()
    path = settings_path(ctx)
    if path:
        os.environ["PASSWORDLESS_SETTINGS"] = str(path)
    # This process is gunicorn from here on, so a service manager signals the right one.
    serving.Server(bind=bind, workers=workers, threads=threads).run()


@click.command()
@click.pass_context
def worker(ctx: click.Context) -> None:
    """Send queued messages until stopped.

    Run as many as you like: each message is taken by one. Stopped or killed, it loses nothing; another one, or the
    next start, sends what is left while its code lives.
    """
    settings = settings_from(ctx)
    logs.configure(settings.server.log_level)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if settings.metrics.bind:
        composition.start_exporter(settings)
    composition.Parts.build(settings).worker().run(stop)
