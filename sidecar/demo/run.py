"""One run of `passwordless demo`: from the lock to the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from sidecar.demo import banner
from sidecar.demo.distribution import keycloak_distribution
from sidecar.demo.folders import cache_folder, downloads_folder, require_version, state_folder
from sidecar.demo.java import bundled_java, find_java
from sidecar.demo.ports import Ports
from sidecar.demo.report import Report
from sidecar.demo.stack import DemoStack, without_proxy
from sidecar.demo.state import State


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be chosen; see the command's help."""

    keycloak_port: int
    sidecar_port: int
    inbox_port: int
    smtp_port: int
    flask_port: int | None
    keycloak_version: str
    maven_repository: str | None
    theme: str
    reset: bool

    @property
    def ports(self) -> Ports:
        return Ports.chosen(
            keycloak=self.keycloak_port,
            sidecar=self.sidecar_port,
            inbox=self.inbox_port,
            smtp=self.smtp_port,
            flask=self.flask_port,
        )


def run_demo(
    options: Options, *, environment: Mapping[str, str], show: Callable[[DemoStack, State], None]
) -> None:
    """Start the demo, show the banner, and stay until a signal or a part of it ends.

    Raises:
        DemoError: it did not start, or a part ended by itself.
    """
    require_version(options.keycloak_version)
    # Also for this process, which talks to Keycloak through python-keycloak.
    os.environ.update(without_proxy(environment))
    report = Report(Console(stderr=True))
    cache = cache_folder(environment)
    state = State(state_folder(cache, options.keycloak_version))
    java = find_java(environment, bundled=bundled_java())

    with state.locked():
        if options.reset:
            state.reset()
            report.done("What earlier runs kept is thrown away")
        stack = DemoStack(
            state,
            distribution=lambda: keycloak_distribution(
                options.keycloak_version,
                downloads=downloads_folder(cache),
                report=report,
                repository=options.maven_repository,
            ),
            java=java,
            ports=options.ports,
            environment=environment,
            report=report,
            admin_password=environment.get("KC_BOOTSTRAP_ADMIN_PASSWORD", ""),
            theme=options.theme,
            command="make demo" if "MAKELEVEL" in environment else "passwordless demo",
        )
        with stack:
            show(stack, state)
            stack.watch()


def show(console: Console, stack: DemoStack, state: State) -> None:
    """Show the banner for people."""
    banner.show(stack, console, state=str(state.folder))


def show_as_json(echo: Callable[[Any], None], stack: DemoStack, state: State) -> None:
    """Show the banner for scripts."""
    echo(banner.as_json(stack, state=str(state.folder)))
