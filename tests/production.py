"""The deployment of `docker-compose.yml`, run natively: each service's very command, without containers.

    with production(folder) as stack:
        stack.url, stack.sidecar, stack.keycloak   # what browsers see; the two inside
        stack.pids["keycloak"]                     # also: sidecar, worker, postgres, nginx, mailpit

Commands, environment and health checks come from `docker-compose.yml` and `Dockerfile`, nginx's settings from
`deploy/nginx`; only ports, host names and paths are others. Keycloak is built for production as the Dockerfile says,
once: the build is kept beside the downloads. Mailpit's place is taken by the demo's inbox, which has its API.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from sidecar.demo.java import bundled_java, find_java
from sidecar.keycloak import Admin, connect
from sidecar.settings import Settings, load
from tests import clusters, compose, images
from tests.authority import issue_certificate
from tests.stack import Server, free_port, wait_until

HOST = "login.example.org"
REALM = "acme"
_PORTS = (
    *("nginx", "http", "nginx-health", "keycloak", "management"),
    *("sidecar", "metrics", "postgres", "smtp", "mailpit"),
)
_PASSWORDS = (
    "POSTGRES_PASSWORD",
    "KEYCLOAK_DB_PASSWORD",
    "KEYCLOAK_ADMIN_PASSWORD",
    "PASSWORDLESS_DB_PASSWORD",
)
_READY_S = 240
_BETWEEN_CHECKS_S = 0.3


@dataclass
class Production:
    """The running deployment. `ca_file`: the authority of its certificate; `ports`: on 127.0.0.1, by what listens."""

    folder: Path
    ports: Mapping[str, int]
    variables: Mapping[str, str]
    ca_file: Path
    java: Path
    services: Mapping[str, Any] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    started_at: dict[str, float] = field(default_factory=dict)

    @property
    def authority(self) -> str:
        return f"{self.variables['PUBLIC_HOST']}:{self.variables['PUBLIC_PORT']}"

    @property
    def url(self) -> str:
        return f"https://{self.authority}"

    @property
    def keycloak(self) -> str:
        return f"http://127.0.0.1:{self.ports['keycloak']}"

    @property
    def sidecar(self) -> str:
        return f"http://127.0.0.1:{self.ports['sidecar']}"

    @property
    def inbox(self) -> str:
        return f"http://127.0.0.1:{self.ports['mailpit']}"

    @property
    def database_url(self) -> str:
        """The sidecar's."""
        password = quote(self.variables["PASSWORDLESS_DB_PASSWORD"], safe="")
        return f"postgresql://passwordless:{password}@127.0.0.1:{self.ports['postgres']}/passwordless"

    def settings(self) -> Settings:
        """What the sidecar runs with."""
        return load(self.settings_file, self.environment("sidecar"))

    @property
    def settings_file(self) -> Path:
        return Path(self._native(compose.ROOT / "deploy/passwordless.toml"))

    def admin(self) -> Admin:
        return connect(self.settings(), username="admin", password=self.variables["KEYCLOAK_ADMIN_PASSWORD"])

    def log(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text(encoding="utf-8", errors="replace")

    def access_log(self) -> str:
        return (self.folder / "nginx" / "access.log").read_text(encoding="utf-8")

    def environment(self, service: str) -> dict[str, str]:
        """The container's environment, with this machine's ports and paths."""
        given = self.services[service].get("environment", {})
        return {name: self._native(value) for name, value in given.items()}

    def command(self, service: str) -> list[str]:
        return self._words(compose.command_of(self.services[service]))

    def run(self, service: str, *words: str) -> subprocess.CompletedProcess[str]:
        """What `docker compose run --rm SERVICE WORDS` does; without words, the service's own."""
        described = self.services[service]
        command = self._words([*described["entrypoint"], *words]) if words else self.command(service)
        return subprocess.run(
            command,
            env=self.whole_environment(service),
            capture_output=True,
            text=True,
            check=False,
            timeout=_READY_S,
        )

    def is_healthy(self, service: str) -> bool:
        """What the very command of the service's health check says."""
        kind, *words = self.services[service]["healthcheck"]["test"]
        assert kind == "CMD"
        return (
            subprocess.run(
                self._words(words), env=self.whole_environment(service), capture_output=True, check=False
            ).returncode
            == 0
        )

    def start(self, service: str) -> None:
        self._spawn(service, self.command(service), self.whole_environment(service))

    def start_mailpit(self) -> None:
        ports = ("--smtp-port", str(self.ports["smtp"]), "--http-port", str(self.ports["mailpit"]))
        self._spawn("mailpit", [sys.executable, "-m", "sidecar.demo.inbox", *ports], dict(os.environ))

    def stop(self, service: str) -> None:
        server = self.servers.pop(service)
        self.pids.pop(service)
        if service == "postgres":
            # The image's STOPSIGNAL: it ends connections rather than wait for them.
            server.process.send_signal(signal.SIGINT)
            server.process.wait(60)
        server.stop()

    def wait_healthy(self, *services: str) -> None:
        """Ask the health checks as an engine does, only more often."""
        for service in services:
            wait_until(lambda name=service: self._becomes_healthy(name), f"{service} to be healthy", _READY_S)

    def mail_to(self, address: str, seconds: float = 20.0) -> dict[str, Any]:
        """The newest message to an address, in Mailpit's JSON."""

        def look() -> Any:
            url = f"{self.inbox}/api/v1/message/latest"
            answer = requests.get(url, params={"query": f"to:{address}"}, timeout=5)
            return answer.json() if answer.ok else None

        found: dict[str, Any] = wait_until(look, f"a message to {address}", seconds)
        return found

    def code_for(self, address: str) -> str:
        return str(self.mail_to(address)["Subject"]).split()[0]

    def _becomes_healthy(self, service: str) -> bool:
        ended = self.servers[service].process.poll() is not None
        assert not ended, f"{service} ended:\n{self.log(service)[-3000:]}"
        if self.is_healthy(service):
            return True
        time.sleep(_BETWEEN_CHECKS_S)
        return False

    def _spawn(self, service: str, command: list[str], environment: Mapping[str, str]) -> None:
        self.started_at[service] = time.time()
        with (self.folder / f"{service}.log").open("ab") as output:
            process = subprocess.Popen(
                command,
                env=environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **(clusters.USER if service == "postgres" else {}),
            )
        self.servers[service] = Server(process, self.folder / f"{service}.log")
        self.pids[service] = process.pid

    def whole_environment(self, service: str) -> dict[str, str]:
        """The container's variables over this machine's, less what would change a program's ways."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PASSWORDLESS_", "KC_", "KEYCLOAK_", "QUARKUS_", "PG", "GUNICORN_"))
        }
        # Debian puts nginx where people who are not root do not look.
        path = f"{clusters.PROGRAMS}:{kept.get('PATH', '')}:/usr/sbin"
        loopback = {
            "no_proxy": "127.0.0.1,localhost",
            "PYTHONPATH": str(compose.ROOT),
            "JAVA": str(self.java),
        }
        return {**kept, **loopback, "PATH": path, **self.environment(service)}

    def _words(self, words: list[str]) -> list[str]:
        program, *rest = (self._native(word) for word in words)
        own = {"passwordless": [sys.executable, "-m", "sidecar.cli"], "python": [sys.executable]}
        return [*own.get(program, [program]), *rest]

    def _native(self, text: object) -> str:
        """Where the containers' names, ports and paths are on this machine."""
        native = str(text)
        for written, meant in self._places().items():
            native = native.replace(written, meant)
        return native

    def _places(self) -> dict[str, str]:
        port = self.ports
        return {
            "keycloak:8080": f"127.0.0.1:{port['keycloak']}",
            "sidecar:5080": f"127.0.0.1:{port['sidecar']}",
            "0.0.0.0:5080": f"127.0.0.1:{port['sidecar']}",
            "127.0.0.1:5080": f"127.0.0.1:{port['sidecar']}",
            "127.0.0.1:9100": f"127.0.0.1:{port['metrics']}",
            "127.0.0.1:8081": f"127.0.0.1:{port['nginx-health']}",
            "127.0.0.1:8025": f"127.0.0.1:{port['mailpit']}",
            "127.0.0.1/9000": f"127.0.0.1/{port['management']}",
            "postgres:5432": f"127.0.0.1:{port['postgres']}",
            "/etc/passwordless": str(compose.ROOT / "deploy"),
            "/opt/keycloak": str(self.folder / "keycloak"),
            "/tmp/nginx.conf": str(self.folder / "nginx" / "nginx.conf"),
        }


@contextmanager
def production(
    folder: Path | None = None, *, java_options: str = "", **environment: str
) -> Iterator[Production]:
    """The whole deployment, ready to sign in to the realm `acme`.

    Args:
        folder: for logs and state; a temporary one by default.
        java_options: more of Keycloak's JVM.
        environment: more of the sidecar's and the worker's, over the Compose file's, like
            PASSWORDLESS__REALMS__ACME__CONNECTIONS__EMAIL__LIMITS__STARTS_PER_NETWORK_PER_HOUR="1000000".
    """
    with ExitStack() as ending:
        if folder is None:
            folder = Path(
                ending.enter_context(tempfile.TemporaryDirectory(prefix="passwordless-production-"))
            )
        stack = _described(folder, environment)
        stack.services["keycloak"]["environment"]["JAVA_OPTS_APPEND"] = java_options
        ending.callback(_stop_all, stack)
        images.start_postgres(stack)
        images.prepare_keycloak(stack)
        stack.start("keycloak")
        stack.start_mailpit()
        images.must(stack.run("database-upgrade"))
        stack.start("worker")
        stack.start("sidecar")
        images.prepare_nginx(stack)
        stack.start("nginx")
        stack.wait_healthy("mailpit", "sidecar", "worker", "nginx", "keycloak")
        images.must(stack.run("realm", "apply", REALM, "--create", "--yes"))
        yield stack


def _described(folder: Path, environment: Mapping[str, str]) -> Production:
    """Nothing runs yet: ports are chosen, secrets made, the Compose file is read with them."""
    # Programs of other users look inside.
    folder.chmod(0o755)
    ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
    variables = {
        "PUBLIC_HOST": HOST,
        "PUBLIC_PORT": str(ports["nginx"]),
        "HTTP_PORT": str(ports["http"]),
        "TLS_FOLDER": str(folder / "tls"),
        "PASSWORDLESS_SECRET_KEYS": f'["{secrets.token_hex(32)}"]',
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(ports["smtp"]),
        "SMTP_SECURITY": "none",
        "SMTP_PRIVATE_NETWORK": "true",
        "SMTP_SENDER": f"Acme <login@{HOST}>",
        # A password may hold anything.
        **{name: f"{secrets.token_hex(12)}:/@%'$ \\" for name in _PASSWORDS},
    }
    services = compose.read(variables)["services"]
    for name in ("sidecar", "worker", "database-upgrade", "realm"):
        services[name]["environment"] |= environment
    # What the images' own defaults say in a container.
    services["keycloak"]["environment"] |= {
        "KC_HTTP_HOST": "127.0.0.1",
        "KC_HTTP_PORT": str(ports["keycloak"]),
        "KC_HTTP_MANAGEMENT_PORT": str(ports["management"]),
    }
    services["postgres"]["environment"] |= {
        "PGDATA": str(folder / "postgres" / "data"),
        "PGPORT": str(ports["postgres"]),
        "PGHOST": str(folder / "postgres"),
    }
    return Production(
        folder=folder,
        ports=ports,
        variables=variables,
        ca_file=issue_certificate(HOST, folder / "tls"),
        java=find_java(os.environ, bundled=bundled_java()).executable,
        services=services,
    )


def _free_ports(count: int) -> list[int]:
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


def _stop_all(stack: Production) -> None:
    """All at once, but for the database, which the others write to until their end."""
    last = [service for service in stack.servers if service == "postgres"]
    for service, server in stack.servers.items():
        if service not in last:
            server.process.terminate()
    for service in [*(name for name in stack.servers if name not in last), *last]:
        stack.stop(service)
