"""Long work on users: how far it is, and what is said when it is stopped."""

from __future__ import annotations

from contextlib import closing

import pytest

from sidecar.cli import users as command
from sidecar.cli.progress import counting
from sidecar.errors import KeycloakUnavailable
from sidecar.store.candidates import DiskCandidates
from sidecar.users.linking import Outcome
from tests.users.realm import Realm, user
from tests.users.test_linking import linking


@pytest.fixture
def database_url(sqlite_url):
    return sqlite_url


def test_without_a_terminal_there_is_a_line_for_each_thousand(capsys):
    with counting("linked", 2600) as count:
        for _ in range(52):
            count(50)

    lines = capsys.readouterr().err.splitlines()
    assert ["  … linked: 1000 of 2600 users", "  … linked: 2000 of 2600 users"] == [
        line.partition(",")[0] for line in lines
    ]
    assert all(line.endswith(" a second") for line in lines)


@pytest.mark.parametrize("stopped_by", [KeyboardInterrupt, KeycloakUnavailable("gone")])
def test_stopped_it_says_what_is_done_and_goes_on_at_the_next_run(parts, capsys, stopped_by):
    realm = Realm([user(f"u{number:03}") for number in range(120)])

    def stop(user_id):
        if user_id == "id-u110":
            raise stopped_by

    def run(outcome):
        with closing(DiskCandidates()) as candidates:
            run = linking(parts, realm, candidates)
            return command._carry_out(run, run.survey(), outcome, as_json=False)

    realm.before_link = stop
    outcome = Outcome()
    if stopped_by is KeyboardInterrupt:
        assert run(outcome) == 1
    else:
        with pytest.raises(KeycloakUnavailable):
            run(outcome)
    assert outcome.linked == 100
    assert "Run the same again: it goes on from there." in capsys.readouterr().err

    realm.before_link = lambda _: None
    assert run(Outcome()) == 0
    assert len(realm.links) == 120
