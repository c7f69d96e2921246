"""`passwordless export`, `erase` and `db purge`, run as an operator runs them."""

from __future__ import annotations

import json

import pytest

from sidecar.app import Parts
from sidecar.settings import load
from sidecar.store.tables import challenges
from tests.conftest import SECRET_KEY, SETTINGS
from tests.flow import start
from tests.ledger import rows

WHO = ("--realm", "acme", "--address", " Ada@Example.ORG")


@pytest.fixture
def parts(sqlite_url, tmp_path):
    (tmp_path / "mine.toml").write_text(SETTINGS % (SECRET_KEY, sqlite_url), encoding="utf-8")
    built = Parts.build(load(tmp_path / "mine.toml", {}))
    yield built
    built.database.dispose()


def test_erase_without_yes_changes_nothing_and_says_so_by_its_exit_code(run, parts):
    start(parts)

    dry = run("erase", *WHO)

    assert 1 == dry.exit_code
    assert "challenges: 1 rows would go" in dry.output
    assert 1 == len(rows(parts, challenges))


def test_erase_with_yes_finds_the_address_in_any_spelling(run, parts):
    start(parts)

    done = run("erase", *WHO, "--yes", "--json")

    assert 0 == done.exit_code
    assert 1 == json.loads(done.output)["rows"]["challenges"]
    assert [] == rows(parts, challenges)
    assert 0 == run("erase", *WHO).exit_code


def test_export_is_json_of_all_tables(run, parts):
    start(parts)

    answer = json.loads(run("export", *WHO).output)

    assert "ada@example.org" == answer["address"]
    assert {"challenges", "events", "messages", "addresses", "subjects"} <= set(answer["records"])


def test_what_is_no_address_is_refused(run):
    refused = run("export", "--realm", "acme", "--address", "nobody")

    assert 2 == refused.exit_code
    assert "ada@example.org" in refused.output


def test_purge_leaves_what_is_live(run, parts):
    start(parts)

    done = run("db", "purge", "--json")

    tables = ("messages", "auth_codes", "tickets", "challenges", "events", "sms_sends")
    tables += ("account_changes", "account_sessions", "idempotency_keys")
    assert dict.fromkeys(tables, 0) == json.loads(done.output)["purged"]


def test_fence_says_what_is_void(run, parts):
    start(parts)

    assert 1 == json.loads(run("db", "fence", "--json").output)["voided"]["challenges"]
    assert "challenges: 0 are void" in run("db", "fence").output
