"""Fixtures of the HTTP tests: a realm that publishes keys, the application that trusts it, a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sidecar.app import Parts, create_app
from sidecar.settings import load
from sidecar.store.clock import ShiftedClock
from tests.conftest import SECRET_KEY, SETTINGS
from tests.oidc.realm import Realms, serving_realms
from tests.web.browser import Browser


@pytest.fixture(scope="session")
def realms() -> Iterator[Realms]:
    with serving_realms() as served:
        yield served


@pytest.fixture
def environment() -> dict[str, str]:
    """Settings over the usual ones; a module overrides it for its tests."""
    return {}


@pytest.fixture
def parts(
    database_url: str, settings_for: Any, clock: Any, realms: Realms, environment: dict[str, str]
) -> Iterator[Parts]:
    settings = settings_for(database_url, KEYCLOAK__INTERNAL_URL=realms.url, **environment)
    built = Parts.build(settings, clock=clock)
    yield built
    built.database.dispose()


@pytest.fixture
def browser(app: Any) -> Browser:
    return Browser(app)


class House(NamedTuple):
    """An application for a whole module: for tables of what is refused, where no case leaves a trace."""

    parts: Parts
    app: Any
    browser: Browser


@pytest.fixture(scope="module")
def house(sqlite_template: Path, realms: Realms, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with built(
        sqlite_template,
        realms,
        tmp_path_factory.mktemp("house"),
        REALMS__ACME__CONNECTIONS__EMAIL__LIMITS__STARTS_PER_NETWORK_PER_HOUR="10000",
        # So that every page there is is among those that are looked at.
        REALMS__OTHER__SERVICE_ACCOUNT="true",
        REALMS__OTHER__ACCOUNT_PAGE="true",
    ) as house:
        yield house


@contextmanager
def built(sqlite_template: Path, realms: Realms, folder: Path, **environment: str) -> Iterator[House]:
    """A house in this folder, with settings over the usual ones."""
    shutil.copy(sqlite_template, folder / "house.db")
    (folder / "settings.toml").write_text(
        SETTINGS % (SECRET_KEY, f"sqlite:///{folder}/house.db"), encoding="utf-8"
    )
    variables = {"KEYCLOAK__INTERNAL_URL": realms.url, **environment}
    settings = load(
        folder / "settings.toml", {f"PASSWORDLESS__{name}": value for name, value in variables.items()}
    )
    parts = Parts.build(settings, clock=ShiftedClock())
    app = create_app(parts)
    yield House(parts, app, Browser(app))
    parts.database.dispose()
