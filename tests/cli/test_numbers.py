"""Commands about one number take it as its owner writes it (C8), also when it gets no messages any more."""

from __future__ import annotations

import json

import pytest

from sidecar.app import Parts
from sidecar.settings import load
from sidecar.store.tables import challenges, sms_sends, subjects
from tests.conftest import SECRET_KEY, SETTINGS
from tests.ledger import rows
from tests.texts import BRITISH, log_in, number, with_texts

OWNERS = number(BRITISH, 1)
SPELLINGS = ["+447400000001", " +44 7400 000001", "07400 000001", "0044 (0) 7400-000001"]


@pytest.fixture
def variables(monkeypatch):
    for name, value in {**with_texts(), "REALMS__ACME__DEFAULT_REGION": "GB"}.items():
        monkeypatch.setenv(f"PASSWORDLESS__{name}", value)


@pytest.fixture
def parts(sqlite_url, tmp_path, variables):
    (tmp_path / "mine.toml").write_text(SETTINGS % (SECRET_KEY, sqlite_url), encoding="utf-8")
    built = Parts.build(load(tmp_path / "mine.toml"))
    log_in(built, OWNERS)
    yield built
    built.database.dispose()


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_export_finds_a_number_in_any_spelling(run, spelling):
    answer = json.loads(run("export", "--realm", "acme", "--address", spelling).output)

    assert OWNERS == answer["address"]
    assert {"challenges": 1, "messages": 1, "subjects": 1, "sms_sends": 1}.items() <= {
        table: len(found) for table, found in answer["records"].items()
    }.items()


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_erase_finds_a_number_in_any_spelling(run, parts, spelling):
    done = run("erase", "--realm", "acme", "--address", spelling, "--yes", "--json")

    assert 0 == done.exit_code, done.output
    assert OWNERS == json.loads(done.output)["address"]
    assert [] == rows(parts, challenges) == rows(parts, sms_sends)


@pytest.mark.parametrize("command", ["unlock", "unmute", "messages"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_so_do_the_commands_that_help_its_owner(run, command, spelling):
    answer = run(command, "--realm", "acme", "--address", spelling, "--json")

    assert 0 == answer.exit_code, answer.output
    assert OWNERS == json.loads(answer.output)["address"]


def test_what_is_held_of_a_number_can_be_erased_when_its_country_has_left_the_list(run, parts, monkeypatch):
    monkeypatch.setenv("PASSWORDLESS__REALMS__ACME__CONNECTIONS__SMS__COUNTRIES", '["DE"]')

    done = run("erase", "--realm", "acme", "--address", OWNERS, "--yes")

    assert 0 == done.exit_code, done.output
    assert [] == rows(parts, challenges)


def test_a_number_that_is_erased_comes_back_as_somebody_new(run, parts):
    """C10: its next owner has nothing of the one before."""
    (before,) = rows(parts, subjects)
    assert 0 == run("erase", "--realm", "acme", "--address", "07400 000001", "--yes").exit_code

    log_in(parts, OWNERS)

    (after,) = rows(parts, subjects)
    assert before.id != after.id


def test_a_realm_that_has_left_the_settings_is_searched_by_numbers_in_full(run):
    """There is no region to read a national spelling in."""
    gone = ("--realm", "gone", "--address")

    assert 0 == run("erase", *gone, "+44 7400 000001").exit_code
    assert 2 == run("erase", *gone, "07400 000001").exit_code
