"""The demo itself: Keycloak, the sidecar and the inbox as processes, and the realm `demo` in front of them."""

from __future__ import annotations

import json
import secrets as random_secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sidecar import assets, store
from sidecar import settings as settings_module
from sidecar.demo import clients
from sidecar.demo.distribution import copy_distribution
from sidecar.demo.java import Java
from sidecar.demo.keycloak import ADMIN, KeycloakServer, answers
from sidecar.demo.leftovers import end_leftovers, record
from sidecar.demo.ports import Ports
from sidecar.demo.processes import Child, Supervisor
from sidecar.demo.report import Report
from sidecar.demo.state import Secrets, State
from sidecar.errors import DemoError, KeycloakUnavailable
from sidecar.keycloak import Change, apply_realm, bootstrap_realm, connect
from sidecar.keycloak.desired import STOCK_THEME
from sidecar.settings import CLASSIC_THEME, UNIVERSAL_THEME, Settings

REALM = "demo"
#: Raised, since all of a demo's logins come from one network, this machine.
STARTS_PER_NETWORK_PER_HOUR = 10_000
_READY_TIMEOUT_S = 60.0
_WATCH_S = 0.5
_ADMIN_TIMEOUT_S = 60  # a Keycloak that has just started on a slow machine takes its time
_LOOPBACK = "localhost,127.0.0.1,::1"


@dataclass(frozen=True, kw_only=True)
class Urls:
    """Where people find things. All on localhost: browsers take `Secure` cookies there over HTTP too."""

    keycloak: str
    account: str
    addresses: str
    admin_console: str
    sidecar: str
    inbox: str
    example: str
    flask: str


class DemoStack:
    """All of the demo, from `start` to `stop`; a context manager that does both.

    Use it from the main thread (see `processes`), and with the state's lock held.

    Args:
        state: where it keeps what lasts.
        distribution: answers a pristine Keycloak, as `keycloak_distribution` does; asked once it is needed.
        java: what runs Keycloak.
        ports: where all listen.
        environment: what the processes inherit, but for settings that would make them others.
        report: is told the phases.
        admin_password: Keycloak's admin's; empty for the state's own.
        theme: the realm's login theme, one of ours; `stock` for Keycloak's own.
        command: how to start it again, for texts.
    """

    def __init__(
        self,
        state: State,
        *,
        distribution: Callable[[], Path],
        java: Java,
        ports: Ports,
        environment: Mapping[str, str],
        report: Report,
        admin_password: str = "",
        theme: str = "passwordless",
        command: str = "passwordless demo",
    ) -> None:
        self._state = state
        self._distribution = distribution
        self._java = java
        self._ports = ports
        self._environment = without_proxy(environment)
        self._report = report
        self._given_admin_password = admin_password
        self._theme = theme
        self._command = command
        self._supervisor = Supervisor()

    @property
    def urls(self) -> Urls:
        keycloak = f"http://localhost:{self._ports.keycloak}"
        return Urls(
            keycloak=keycloak,
            account=f"{keycloak}/realms/{REALM}/account",
            addresses=f"http://localhost:{self._ports.sidecar}/realms/{REALM}/account",
            admin_console=f"{keycloak}/admin/master/console/#/{REALM}",
            sidecar=f"http://localhost:{self._ports.sidecar}",
            inbox=f"http://localhost:{self._ports.inbox}",
            example=f"http://localhost:{self._ports.inbox}/example/",
            flask=f"http://localhost:{self._ports.flask}/",
        )

    @property
    def admin(self) -> tuple[str, str]:
        """Keycloak's admin: name and password."""
        return ADMIN, self._given_admin_password or self._secrets().admin_password

    @property
    def client_secret(self) -> str:
        """Of the confidential client that may call the API."""
        return clients.secret_of(self._secrets().server_key)

    def settings(self) -> Settings:
        """The settings the sidecar runs with."""
        return settings_module.load(self._state.settings, {})

    def start(self) -> None:
        """Start everything, set up the realm, and come back when people can sign in.

        Raises:
            DemoError: something did not start; says what and what to do. What did start is stopped.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def watch(self) -> None:
        """Stay until a process ends by itself.

        Raises:
            DemoError: one did; with its last words.
        """
        while True:
            self._supervisor.require_running()
            time.sleep(_WATCH_S)

    def stop(self) -> None:
        """Stop everything. May be called twice."""
        self._supervisor.stop()
        self._state.pids.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        self._prepare()
        keycloak, inbox, sidecar, flask = self._keycloak(), self._inbox(), self._sidecar(), self._flask()
        keycloak.link_themes(assets.THEMES)
        begun = time.monotonic()
        # Keycloak first: it takes longest, and the others start while it does.
        for child in (keycloak.process, inbox, sidecar, flask):
            self._supervisor.start(child)
            record(self._state.pids, self._supervisor.pids)
        self._wait(inbox, f"{self.urls.inbox}/readyz", "The inbox", begun)
        self._wait(sidecar, f"{self.urls.sidecar}/health/ready", "The sidecar", begun)
        hint = "" if self._state.is_whole else " (its first start builds it, which takes about a minute)"
        with self._report.phase(
            f"Keycloak is starting{hint}", f"Keycloak answers at {keycloak.url}", since=begun
        ):
            keycloak.wait_ready()
        self._wait(flask, self.urls.flask, "The Flask example", begun)
        with self._report.phase(f"Setting up the realm '{REALM}'", f"The realm '{REALM}' is set up"):
            self._set_up_realm()
        self._state.keep_admin_password(self.admin[1])
        self._state.mark_whole()
        record(self._state.pids, self._supervisor.pids)

    def _prepare(self) -> None:
        """Everything that must be there before the first process starts."""
        if end_leftovers(self._state.pids):
            self._report.note("The last demo was killed and left processes running: they are ended now.")
        self._ports.require_free(command=self._command)
        if self._state.exists and not self._state.is_whole:
            self._report.note("The last first start did not get to its end: starting anew.")
            self._state.clear()
        if not self._state.keycloak_home.is_dir():
            pristine = self._distribution()
            with self._report.phase("Copying Keycloak", "This demo has its own copy of Keycloak"):
                copy_distribution(pristine, self._state.keycloak_home)
        self._state.write_private(self._state.settings, self._settings_text(self._secrets()))
        store.migrate(self.settings().database.url.reveal())

    def _secrets(self) -> Secrets:
        return self._state.secrets(admin_password=self._given_admin_password)

    def _wait(self, child: Child, url: str, name: str, begun: float) -> None:
        where = url.rsplit("/", 2 if "/health/" in url else 1)[0]
        with self._report.phase(f"{name} is starting", f"{name} answers at {where}", since=begun):
            self._supervisor.wait_until(lambda: answers(url), waiting_for=child, timeout_s=_READY_TIMEOUT_S)

    def _keycloak(self) -> KeycloakServer:
        return KeycloakServer(
            self._state.keycloak_home,
            port=self._ports.keycloak,
            java=self._java,
            log=self._state.logs / "keycloak.log",
            admin_password=self.admin[1],
            environment=self._environment,
            supervisor=self._supervisor,
        )

    def _inbox(self) -> Child:
        ports = ("--smtp-port", str(self._ports.smtp), "--http-port", str(self._ports.inbox))
        urls = self.urls
        told = {
            "url": urls.sidecar,
            "keycloak": urls.keycloak,
            "realm": REALM,
            "clientId": clients.PUBLIC,
        }
        return self._python(
            "The inbox", "inbox.log", "-m", "sidecar.demo.inbox", *ports, "--example", json.dumps(told)
        )

    def _sidecar(self) -> Child:
        return self._python(
            "The sidecar",
            "sidecar.log",
            *("-m", "sidecar.cli", "serve", "--bind", f"127.0.0.1:{self._ports.sidecar}"),
        )

    def _flask(self) -> Child:
        return self._python(
            "The Flask example",
            "flask.log",
            str(assets.EXAMPLES / "flask" / "app.py"),
            ISSUER=f"{self.urls.keycloak}/realms/{REALM}",
            CLIENT_ID=clients.FLASK,
            PORT=str(self._ports.flask),
        )

    def _python(self, name: str, log: str, *arguments: str, **told: str) -> Child:
        # Settings of another sidecar or gunicorn in the environment would make it another one than the demo's.
        own = {
            key: value
            for key, value in self._environment.items()
            if not key.startswith("PASSWORDLESS_") and key not in {"GUNICORN_CMD_ARGS", "WEB_CONCURRENCY"}
        }
        return Child(
            name,
            [sys.executable, *arguments],
            log=self._state.logs / log,
            environment={
                **own,
                "PASSWORDLESS_SETTINGS": str(self._state.settings),
                "PYTHONUNBUFFERED": "1",
                **told,
            },
            folder=self._state.folder,
        )

    def _set_up_realm(self) -> None:
        username, password = self.admin
        changes: list[Change] = []
        try:
            admin = connect(self.settings(), username=username, password=password)
            apply_realm(
                admin,
                self.settings(),
                REALM,
                create=True,
                theme=STOCK_THEME if self._theme == STOCK_THEME else UNIVERSAL_THEME,
                on_step=changes.append,
            )
            bootstrap_realm(admin, self.settings(), REALM, on_step=changes.append)
            clients.set_up(
                admin,
                self.settings(),
                REALM,
                example_url=self.urls.example.rstrip("/"),
                flask_url=self.urls.flask.rstrip("/"),
                secret=self.client_secret,
            )
        except KeycloakUnavailable as err:
            done = f" after '{changes[-1].what}'" if changes else ""
            raise DemoError(
                f"the realm '{REALM}' could not be set up{done}: {err}. If the admin's password was changed, give it"
                " in KC_BOOTSTRAP_ADMIN_PASSWORD; else start anew with `passwordless demo --reset`"
            ) from err

    def _settings_text(self, secrets: Secrets) -> str:
        return f"""\
# Written by `passwordless demo` at each start. Copy it to begin with settings of your own.
[server]
public_url = "{self.urls.sidecar}"
secret_keys = ["{secrets.server_key}"]

[database]
url = {json.dumps(f"sqlite:///{self._state.database}")}

[keycloak]
url = "{self.urls.keycloak}"
timeout_s = {_ADMIN_TIMEOUT_S}

[sdk]
default_realm = "{REALM}"

[providers.smtp]
type = "smtp"
host = "127.0.0.1"
port = {self._ports.smtp}
security = "none"
private_network = true
sender = "Demo <login@demo.example>"

[providers.sms]
type = "webhook"
url = "{self.urls.inbox}/sms"
secret = "{random_secrets.token_urlsafe(32)}"
sender = "Demo"
private_network = true

[realms.{REALM}]
display_name = "Demo"
passwords = false
service_account = true
account_page = true
login_page = "{"classic" if self._theme == CLASSIC_THEME else "universal"}"
locales = {json.dumps(_languages())}

[realms.{REALM}.connections.email]
strategy = "email"
providers = ["smtp"]

# The one limit that is not the default: all logins of a demo come from one network, this machine.
[realms.{REALM}.connections.email.limits]
starts_per_network_per_hour = {STARTS_PER_NETWORK_PER_HOUR}

[realms.{REALM}.connections.sms]
strategy = "sms"
countries = ["*"]
providers = ["sms"]

[realms.{REALM}.connections.sms.limits]
starts_per_network_per_hour = {STARTS_PER_NETWORK_PER_HOUR}
"""


def _languages() -> list[str]:
    """All that there are texts in, English first; Norwegian once, though Keycloak knows it by two names."""
    return ["en", *(tag for tag in assets.locales() if tag not in {"en", "no"})]


def without_proxy(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with this machine's own names taken out of any proxy's reach."""
    kept = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    value = ",".join(part for part in (kept, _LOOPBACK) if part)
    return {**environment, "no_proxy": value, "NO_PROXY": value}
