"""`passwordless plan`, `passwordless apply` and `passwordless remove`, run as an admin runs them."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from sidecar.cli import main

_CLOSED = "http://localhost:9"


@pytest.fixture
def run(tmp_path):
    """Runs the command with the settings that `make_settings` wrote last; `$KEYCLOAK_ADMIN_PASSWORD` is the test's."""

    def run(*arguments: str, password: str | None = "admin", **environment: str):
        values = {
            "PASSWORDLESS_SETTINGS": str(tmp_path / "passwordless.toml"),
            "KEYCLOAK_ADMIN_PASSWORD": password,
            **environment,
        }
        return CliRunner().invoke(main, arguments, env=values)

    return run


@pytest.fixture
def run_there(run, admin, own_settings, keycloak_admin):
    """The command on the test's realm of the real Keycloak."""
    own_settings()
    username, password = keycloak_admin
    return lambda *arguments: run(
        *arguments, "--theme", "stock", "--admin-username", username, password=password
    )


@pytest.mark.keycloak
def test_plan_apply_plan_end_with_1_0_0(run_there, realm, realm_name):
    pending = run_there("plan", realm_name)
    assert pending.exit_code == 1
    assert "+ create  identity provider email" in pending.stdout
    assert f"passwordless apply {realm_name}" in pending.stdout
    applied = run_there("apply", realm_name, "--yes")
    assert applied.exit_code == 0
    assert "+ create  identity provider email" in applied.stdout
    settled = run_there("plan", realm_name)
    assert settled.exit_code == 0
    assert re.search(r"0 to create, 0 to change, \d+ left alone\.", settled.stdout)


@pytest.mark.keycloak
def test_answers_are_json_on_demand(run_there, realm, realm_name):
    planned = json.loads(run_there("plan", realm_name, "--json").stdout)
    applied = json.loads(run_there("apply", realm_name, "--yes", "--json").stdout)
    assert planned == applied
    assert planned["realm"] == realm_name
    assert planned["pending"] == 12
    assert {
        "kind": "change",
        "what": "login page",
        "detail": ["browserFlow: browser → passwordless browser"],
    } in planned["changes"]


@pytest.mark.keycloak
def test_remove_shows_asks_and_takes_out(run_there, realm, realm_name):
    run_there("apply", realm_name, "--yes")
    planned = run_there("remove", realm_name, "--dry-run")
    assert planned.exit_code == 0
    assert "- remove  identity provider email" in planned.stdout
    assert "browserFlow: passwordless browser → browser" in planned.stdout
    refused = run_there("remove", realm_name)
    assert refused.exit_code == 1
    assert realm.get()["browserFlow"] == "passwordless browser"

    done = json.loads(run_there("remove", realm_name, "--yes", "--json").stdout)

    assert {"kind": "remove", "what": "identity provider email", "detail": []} in done["changes"]
    assert realm.get()["browserFlow"] == "browser"
    again = run_there("remove", realm_name)
    assert (again.exit_code, "Nothing to do." in again.stdout) == (0, True)
    assert json.loads(run_there("remove", realm_name, "--dry-run", "--json").stdout)["pending"] == 0


@pytest.mark.keycloak
def test_remove_names_a_realm_that_is_not_there(run_there, realm_name):
    answer = run_there("remove", realm_name, "--yes")
    assert (answer.exit_code, f"no realm '{realm_name}'" in answer.stderr) == (2, True)


@pytest.mark.keycloak
def test_apply_asks_and_takes_no(run_there, realm, realm_name):
    answer = run_there("apply", realm_name)
    assert answer.exit_code == 1
    assert realm.get()["browserFlow"] == "browser"


@pytest.mark.keycloak
def test_a_missing_realm_is_planned_with_the_option_that_makes_it(run_there, admin, realm_name):
    assert f"apply {realm_name} --create" in run_there("plan", realm_name).stdout
    refused = run_there("apply", realm_name, "--yes")
    assert (refused.exit_code, "--create" in refused.stderr) == (2, True)
    assert run_there("apply", realm_name, "--yes", "--create").exit_code == 0


@pytest.mark.keycloak
def test_an_error_on_the_way_says_what_is_done_and_how_to_go_on(run_there, realm, realm_name):
    """A foreign provider of our name stops it in the middle; once that is gone, the next run goes on."""
    urls = {"authorizationUrl": "http://localhost/a", "tokenUrl": "http://localhost/t"}
    theirs = {
        "alias": "email",
        "providerId": "oidc",
        "config": {"clientId": "theirs", "clientSecret": "s", **urls},
    }
    realm.post("identity-provider", "instances", body=theirs)
    stopped = run_there("apply", realm_name, "--yes")
    assert stopped.exit_code == 2
    assert "+ create  flow passwordless browser" in stopped.stdout
    assert "listed above is done and stays" in stopped.stderr
    assert "another identity provider 'email'" in stopped.stderr
    answer = json.loads(run_there("apply", realm_name, "--yes", "--json").stdout)
    assert answer["error"]["code"] == "keycloak_unavailable"
    realm.delete("identity-provider", "instances", "email")
    assert run_there("apply", realm_name, "--yes").exit_code == 0


def test_the_password_file_wins_over_the_environment_and_an_empty_one_is_named(run, make_settings, tmp_path):
    make_settings(keycloak=_CLOSED)
    file = tmp_path / "password"
    file.write_text("\n", encoding="utf-8")
    answer = run("plan", "acme", "--admin-password-file", str(file))
    assert answer.exit_code == 2
    assert "is empty" in answer.stderr


def test_without_a_password_and_a_terminal_it_names_the_ways_to_give_one(run, make_settings):
    make_settings(keycloak=_CLOSED)
    answer = run("plan", "acme", password=None)
    assert answer.exit_code == 2
    assert "KEYCLOAK_ADMIN_PASSWORD" in answer.stderr
    assert "--admin-password-file" in answer.stderr


def test_a_keycloak_that_is_not_there_is_named_with_the_setting(run, make_settings):
    make_settings(keycloak=_CLOSED)
    answer = run("plan", "acme")
    assert answer.exit_code == 2
    assert "keycloak.internal_url" in answer.stderr
    assert "Traceback" not in answer.output


@pytest.mark.parametrize("command", ["apply", "remove"])
def test_json_does_not_ask(command, run, make_settings):
    make_settings(keycloak=_CLOSED)
    answer = run(command, "acme", "--json")
    assert answer.exit_code == 2
    assert "--yes" in answer.stderr


@pytest.mark.parametrize("command", ["plan", "apply", "remove"])
def test_no_option_takes_a_password(run, command):
    page = run(command, "--help").stdout
    assert "--admin-password-file" in page
    assert "--admin-password " not in page
    assert "Exit codes" in page
