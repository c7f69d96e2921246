"""One Keycloak server in development mode, from its own copy of the distribution."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import requests

from sidecar.demo.java import Java
from sidecar.demo.processes import Child, Supervisor

ADMIN = "admin"
_READY_TIMEOUT_S = 300.0
_ASK_TIMEOUT_S = 2
# What would make it another Keycloak than the demo's, were it set in the environment (bin/kc.sh, Keycloak's guides).
_FOREIGN_PREFIXES = ("KC_", "QUARKUS_", "JBOSS_")
_FOREIGN_NAMES = frozenset(
    {"DEBUG", "DEBUG_PORT", "JAVA", "JAVA_HOME", "JAVA_OPTS", "JAVA_ADD_OPENS", "PRINT_ENV"}
)

#: The JVM's second compiler pays after thousands of logins, which no demo or test run sees; without it Keycloak
#: takes two thirds of the time to start. Room for what the first one makes is then set by hand: 48 MiB, the default
#: of a single compiler, fill up within minutes, and from there on everything is interpreted. What the environment says
#: comes after it, and wins.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"


class KeycloakServer:
    """Keycloak at http://localhost:PORT, listening on the loopback interface only.

    Args:
        home: its folder, from `copy_distribution`; its database and build are kept in it between starts.
        port: where it listens.
        java: what runs it.
        log: where its output goes.
        admin_password: of the user `admin`, made at the very first start; later starts keep the one there is.
        environment: what it inherits; Keycloak's own variables in it are left out.
        supervisor: who watches and stops it; one of its own by default.
    """

    def __init__(
        self,
        home: Path,
        *,
        port: int,
        java: Java,
        log: Path,
        admin_password: str,
        environment: Mapping[str, str],
        supervisor: Supervisor | None = None,
    ) -> None:
        self.home = home
        self.url = f"http://localhost:{port}"
        self._supervisor = supervisor or Supervisor()
        self.process = Child(
            "Keycloak",
            [
                home / "bin" / "kc.sh",
                "start-dev",
                f"--http-port={port}",
                "--http-host=127.0.0.1",
                f"--hostname={self.url}",
            ],
            log=log,
            folder=home,
            environment={
                **_without_foreign(environment),
                "JAVA": str(java.executable),
                "JAVA_OPTS_APPEND": f"{JAVA_OPTIONS} {environment.get('JAVA_OPTS_APPEND', '')}".strip(),
                "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
                "KC_BOOTSTRAP_ADMIN_PASSWORD": admin_password,
            },
        )

    def link_themes(self, themes: Path) -> None:
        """Let it see a checkout's theme folders: links, so that it follows edits (development mode caches none)."""
        for theme in (entry for entry in themes.iterdir() if entry.is_dir()):
            link = self.home / "themes" / theme.name
            if link.is_symlink():
                link.unlink()
            if not link.exists():
                link.symlink_to(theme)

    def start(self) -> None:
        """Start it, and don't wait.

        Raises:
            DemoError: it can't be started.
        """
        self._supervisor.start(self.process)

    def wait_ready(self, timeout_s: float = _READY_TIMEOUT_S) -> None:
        """Wait until it answers.

        Raises:
            DemoError: it ended, or does not answer in time; with the last lines of its log.
        """
        self._supervisor.wait_until(self.is_ready, waiting_for=self.process, timeout_s=timeout_s)

    def is_ready(self) -> bool:
        return answers(f"{self.url}/realms/master")

    def stop(self) -> None:
        """Stop it, and all else its supervisor watches."""
        self._supervisor.stop()


def answers(url: str) -> bool:
    """Whether a GET there is answered with success; never through a proxy."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, timeout=_ASK_TIMEOUT_S).ok
        except requests.RequestException:
            return False


def _without_foreign(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name not in _FOREIGN_NAMES and not name.startswith(_FOREIGN_PREFIXES)
    }
