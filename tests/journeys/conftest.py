"""A sidecar as it runs in production: gunicorn with four processes on PostgreSQL, real mails, a realm's real keys."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sidecar.app import Parts
from sidecar.settings import load
from tests.conftest import SECRET_KEY, _execute, _named
from tests.journeys.mails import Mails, mail_server
from tests.oidc.fixtures import realms
from tests.oidc.realm import Realms
from tests.stack import free_port, serving, write_settings

__all__ = ["realms"]


@dataclass(frozen=True)
class House:
    """The running sidecar, and what it runs with; `parts` is the same database seen from the test's process."""

    port: int
    parts: Parts
    mails: Mails
    log: Path

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def issuer(self) -> str:
        return f"http://{self.host}/realms/acme/email"


@pytest.fixture(scope="session")
def served(
    postgres_server: str, postgres_template: str, realms: Realms, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    name = f"served_{uuid.uuid4().hex[:8]}"
    _execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    with mail_server() as mails:
        settings = write_settings(
            folder / "settings.toml",
            sidecar_port=port,
            keycloak_url=realms.url,
            database_url=_named(postgres_server, name),
            smtp_port=mails.port,
            realms={"acme": True},
            secret_key=SECRET_KEY,
            methods={"acme": "both"},
        )
        parts = Parts.build(load(settings, {}))
        with serving(settings, port=port, log=folder / "sidecar.log", workers=4):
            yield House(port=port, parts=parts, mails=mails, log=folder / "sidecar.log")
        parts.database.dispose()
    _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")
