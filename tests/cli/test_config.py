"""`passwordless config` and `passwordless db`, run as an operator runs them, and what a start refuses."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from click.testing import CliRunner

from sidecar import store
from sidecar.cli import main
from sidecar.errors import SettingsError
from sidecar.settings import load
from sidecar.store.engine import Database
from sidecar.store.migration import config
from sidecar.store.revision import HEAD
from sidecar.store.tables import metadata
from tests.conftest import SECRET_KEY, SETTINGS
from tests.stack import free_port

DATABASE_PASSWORD = "dbpass4711"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the command in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PASSWORDLESS_SETTINGS", raising=False)

    def run(*arguments: str, **environment: str):
        return CliRunner().invoke(main, arguments, env=environment)

    return run


@pytest.fixture
def settings_file(tmp_path):
    def settings_file(database_url: str = "sqlite:///passwordless.db") -> str:
        path = tmp_path / "mine.toml"
        path.write_text(SETTINGS % (SECRET_KEY, database_url), encoding="utf-8")
        return str(path)

    return settings_file


class TestInit:
    def test_it_writes_a_file_for_its_owner_only_that_check_takes(self, run, tmp_path):
        written = run("config", "init", "new.toml")

        assert written.exit_code == 0
        assert stat.S_IMODE((tmp_path / "new.toml").stat().st_mode) == 0o600
        assert run("--settings", "new.toml", "config", "check").exit_code == 0

    def test_each_file_has_a_secret_of_its_own_which_is_not_printed(self, run, tmp_path):
        printed = run("config", "init", "one.toml").output + run("config", "init", "two.toml").output

        one, two = (
            load(tmp_path / name, {}).server.secret_keys[0].reveal() for name in ("one.toml", "two.toml")
        )
        assert one != two
        assert one not in printed
        assert two not in printed

    def test_it_never_writes_over_a_file(self, run, tmp_path):
        (tmp_path / "passwordless.toml").write_text("mine", encoding="utf-8")

        refused = run("config", "init")

        assert refused.exit_code == 2
        assert "passwordless.toml is there already: name another file" in refused.stderr
        assert (tmp_path / "passwordless.toml").read_text(encoding="utf-8") == "mine"

    def test_a_place_that_can_not_be_written_is_named(self, run):
        refused = run("config", "init", "nowhere/new.toml")

        assert refused.exit_code == 2
        assert (
            refused.stderr == "passwordless: nowhere/new.toml can't be written: No such file or directory\n"
        )


class TestCheck:
    def test_good_settings_are_0(self, run, settings_file):
        good = run("--settings", settings_file(), "config", "check")
        assert good.exit_code == 0
        assert good.stdout == "The settings are fine: 2 realm(s): acme, other.\n"

    def test_bad_settings_are_1_with_every_key_and_no_value_of_a_secret(self, run, settings_file):
        bad = run(
            *("--settings", settings_file(), "config", "check"),
            PASSWORDLESS__SERVER__SECRET_KEYS='["weak-and-secret"]',
            PASSWORDLESS__REALMS__ACME__COLOUR="blue",
        )
        assert bad.exit_code == 1
        assert bad.stdout == ""
        assert "server.secret_keys.0: is weak" in bad.stderr
        assert "realms.acme.colour: is no setting" in bad.stderr
        assert "weak-and-secret" not in bad.stderr

    def test_both_are_json_for_scripts(self, run, settings_file):
        path = settings_file()
        good = run("--settings", path, "config", "check", "--json")
        bad = run("--settings", path, "config", "check", "--json", PASSWORDLESS__SERVER__TRUSTED_HOPS="9")
        assert json.loads(good.stdout) == {"ok": True, "realms": ["acme", "other"], "test_addresses": {}}
        assert bad.exit_code == 1
        answer = json.loads(bad.stdout)
        assert answer["ok"] is False
        assert "server.trusted_hops" in answer["error"]

    def test_the_file_is_the_options_then_the_variables_then_the_folders(self, run, settings_file, tmp_path):
        path = Path(settings_file())
        (tmp_path / "passwordless.toml").write_text(
            path.read_text(encoding="utf-8").replace("acme", "here"), encoding="utf-8"
        )
        (tmp_path / "other.toml").write_text(
            path.read_text(encoding="utf-8").replace("acme", "there"), encoding="utf-8"
        )

        def realm(*arguments: str, **environment: str) -> str:
            answer = run(*arguments, "config", "check", "--json", **environment)
            return json.loads(answer.stdout)["realms"][0]

        assert realm() == "here"
        assert realm(PASSWORDLESS_SETTINGS="other.toml") == "other"
        assert realm("--settings", str(path), PASSWORDLESS_SETTINGS="other.toml") == "acme"

    def test_without_any_settings_it_says_what_is_missing(self, run):
        empty = run("config", "check")
        assert empty.exit_code == 1
        assert "server: is missing" in empty.stderr


class TestShow:
    def test_it_prints_what_is_in_force_as_json(self, run, settings_file):
        shown = run(
            "--settings", settings_file(), "config", "show", PASSWORDLESS__SERVER__LOG_LEVEL="warning"
        )
        assert shown.exit_code == 0
        settings = json.loads(shown.stdout)
        assert settings["server"]["log_level"] == "warning"
        assert settings["realms"]["acme"]["connections"]["email"]["limits"]["messages_per_hour"] == 5

    def test_it_prints_no_secret(self, run, settings_file):
        shown = run(
            *("--settings", settings_file(), "config", "show"),
            PASSWORDLESS__DATABASE__URL=f"postgresql://me:{DATABASE_PASSWORD}@db/x",
            PASSWORDLESS__PROVIDERS__SMTP__SECURITY="tls",
            PASSWORDLESS__PROVIDERS__SMTP__PASSWORD="hunter22",
        )
        settings = json.loads(shown.stdout)
        assert settings["server"]["secret_keys"] == ["***"]
        assert settings["database"]["url"] == "***" == settings["providers"]["smtp"]["password"]
        for secret in (SECRET_KEY, DATABASE_PASSWORD, "hunter22"):
            assert secret not in shown.output

    def test_settings_that_can_not_be_used_are_2(self, run, settings_file):
        refused = run("--settings", settings_file(), "config", "show", PASSWORDLESS__SERVER__X="1")
        assert refused.exit_code == 2
        assert refused.stderr.startswith("passwordless: the settings in ")


def test_secret_prints_another_key_each_time_that_the_settings_take(run, settings_file):
    keys = [run("config", "secret").stdout.strip() for _ in range(3)]

    assert 3 == len(set(keys))
    given = json.dumps(keys)
    taken = run("--settings", settings_file(), "config", "check", PASSWORDLESS__SERVER__SECRET_KEYS=given)
    assert taken.exit_code == 0


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    """The URL of a database without tables, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server = request.getfixturevalue("postgres_server")
    name = f"empty_{time.monotonic_ns()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_upgrade_twice_makes_the_tables_and_then_changes_nothing(run, settings_file, empty_url):
    path = settings_file(empty_url)

    first = json.loads(run("--settings", path, "db", "upgrade", "--json").stdout)
    second = json.loads(run("--settings", path, "db", "upgrade", "--json").stdout)
    third = run("--settings", path, "db", "upgrade")

    head = HEAD
    assert first == {"before": None, "after": head}
    assert second == {"before": head, "after": head}
    assert third.exit_code == 0
    assert third.stdout == f"The database is up to date (revision {head}).\n"


def test_upgrade_says_what_it_did(run, settings_file):
    done = run("--settings", settings_file(), "db", "upgrade")
    assert done.stdout == f"The database is at revision {HEAD} now (before: no tables).\n"


def test_upgrade_of_a_database_that_is_away_is_2_without_its_password(run, settings_file):
    url = f"postgresql://me:{DATABASE_PASSWORD}@127.0.0.1:{free_port()}/x"
    refused = run("--settings", settings_file(url), "db", "upgrade")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("passwordless: database.url: ")
    assert refused.stderr.endswith("start the database, or mend the URL\n")
    assert DATABASE_PASSWORD not in refused.output


def test_migrations_make_the_tables_that_the_code_expects(database_url):
    database = Database(database_url)
    # SQLite numbers rows by the type of the column; Alembic takes the missing IDENTITY for a missing default.
    options = {"compare_type": True, "compare_server_default": database.is_postgresql}
    with database.engine.connect() as connection:
        assert [] == compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    database.dispose()


def test_migrations_make_the_indexes_that_the_code_expects_conditions_included(empty_url):
    """Alembic does not compare the conditions of partial indexes, and one of them guards the current key."""
    database = Database(empty_url)
    metadata.create_all(database.engine)
    expected = indexes(database)
    metadata.drop_all(database.engine)

    store.migrate(empty_url)

    assert any("WHERE" in definition for definition in expected)
    assert expected == indexes(database)
    database.dispose()


def indexes(database: Database) -> set[str]:
    definitions = (
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        if database.is_postgresql
        else "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    )
    with database.read() as connection:
        return {" ".join(row[0].split()) for row in connection.exec_driver_sql(definitions)}


def test_there_is_one_line_of_migrations():
    assert [HEAD] == ScriptDirectory.from_config(config()).get_heads()


def refusal_of_a_start(url: str) -> str:
    """What `serve` and `worker` ask first; `test_serve_and_worker…` shows that they do."""
    database = Database(url)
    with pytest.raises(SettingsError) as refused:
        store.check(database)
    database.dispose()
    return str(refused.value)


def test_a_start_refuses_a_database_without_tables(empty_url):
    text = refusal_of_a_start(empty_url)
    assert text.endswith("has no tables yet: run `passwordless db upgrade`")


@pytest.mark.parametrize("revision", ["0000", "9999"])
def test_a_start_refuses_a_database_of_another_version(sqlite_url, revision):
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()
    text = refusal_of_a_start(sqlite_url)
    assert f"is at revision {revision}, this version needs {HEAD}: run `passwordless db" in text


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_start_refuses_a_database_that_is_away_and_keeps_its_password(tmp_path, kind):
    url = {
        "sqlite": f"sqlite:///{tmp_path}/nowhere/passwordless.db",
        "postgresql": f"postgresql://me:{DATABASE_PASSWORD}@127.0.0.1:{free_port()}/x",
    }[kind]
    text = refusal_of_a_start(url)
    assert text.startswith("database.url: ")
    assert "can't be reached" in text
    assert text.endswith("start the database, or mend the URL")
    assert DATABASE_PASSWORD not in text


def test_a_start_takes_a_database_that_is_up_to_date(database_url):
    database = Database(database_url)
    store.check(database)
    database.dispose()


@pytest.mark.parametrize("command", [["serve"], ["worker"]])
def test_serve_and_worker_end_with_2_and_one_sentence(settings_file, tmp_path, command):
    """In a process of its own: nothing of it may be left running, and no stack trace be printed."""
    ended = subprocess.run(
        [sys.executable, "-m", "sidecar.cli", "--settings", settings_file(), *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == (
        "passwordless: database.url: sqlite:///passwordless.db has no tables yet: run `passwordless db upgrade`"
    )
    assert "Traceback" not in ended.stderr


def test_serve_ends_with_2_when_a_template_can_not_be_used(settings_file, sqlite_url, tmp_path):
    """F5: before it listens, with the file and what to write."""
    folder = tmp_path / "templates" / "login_email"
    folder.mkdir(parents=True)
    (folder / "body.txt").write_text("Welcome!", encoding="utf-8")
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "sidecar.cli",
            "--settings",
            settings_file(),
            "serve",
            "--bind",
            "127.0.0.1:0",
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PASSWORDLESS__DATABASE__URL": sqlite_url,
            "PASSWORDLESS__REALMS__ACME__TEMPLATES": str(folder.parent),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].endswith("body.txt leaves the code out: write {{ code }}")
