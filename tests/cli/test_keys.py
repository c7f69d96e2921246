"""`passwordless keys`, run as an operator runs it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from sidecar.app import Parts
from sidecar.cli import main
from sidecar.errors import ChallengeRefused
from sidecar.login.redeem import redeem
from sidecar.login.verify import verify
from sidecar.oidc.signing import SigningKeys
from sidecar.settings import load
from sidecar.store.key_shelf import SqlKeyShelf
from tests.conftest import OLDER_SECRET_KEY, SECRET_KEY, SETTINGS
from tests.flow import caller, right_code, start


@pytest.fixture
def house(sqlite_url, tmp_path):
    """Run `keys` with these secrets, newest first; and the parts that a process with them has."""
    path = tmp_path / "passwordless.toml"
    open_parts = []

    def write(*secrets: str):
        path.write_text(SETTINGS % ('", "'.join(secrets), sqlite_url), encoding="utf-8")
        return path

    def run(*arguments: str):
        return CliRunner().invoke(main, ["--settings", str(path), "keys", *arguments])

    def parts(*secrets: str) -> Parts:
        built = Parts.build(load(write(*secrets), {}))
        for realm in built.settings.realms:
            SigningKeys(SqlKeyShelf(built.database), built.keys).ensure(realm)
        open_parts.append(built)
        return built

    yield run, parts
    for built in open_parts:
        built.database.dispose()


def test_the_list_shows_what_hangs_on_each_secret_and_never_a_secret(house):
    run, parts = house
    start(parts(SECRET_KEY))
    parts(OLDER_SECRET_KEY, SECRET_KEY)

    listed = run("list", "--json")
    aloud = run("list")

    answer = json.loads(listed.output)
    assert [("makes", 0, 0), ("accepts", 1, 2)] == [
        (it["state"], it["live_challenges"], it["signing_keys"]) for it in answer["secrets"]
    ]
    assert {"acme": ["current"], "other": ["current"]} == {
        realm: [key["state"] for key in found] for realm, found in answer["realms"].items()
    }
    for text in (listed.output, aloud.output):
        assert SECRET_KEY not in text
        assert OLDER_SECRET_KEY not in text
    assert all(it["id"] in aloud.output for it in answer["secrets"])


def test_a_secret_that_was_taken_off_too_early_is_shown(house):
    run, parts = house
    parts(SECRET_KEY)
    parts_of_two = parts(OLDER_SECRET_KEY, SECRET_KEY)
    gone = parts_of_two.keys.ids[1]
    _write_only_the_newest(run, house)

    assert (gone, "not listed", 2) in [
        (it["id"], it["state"], it["signing_keys"])
        for it in json.loads(run("list", "--json").output)["secrets"]
    ]


def _write_only_the_newest(run, house):
    with pytest.raises(Exception, match="none of them opens"):
        house[1](OLDER_SECRET_KEY)


def test_rotate_adds_a_next_key_to_one_realm_or_to_all(house):
    run, parts = house
    parts(SECRET_KEY)

    one = json.loads(run("rotate", "--realm", "acme", "--json").output)
    again = run("rotate", "--realm", "acme")
    aloud = run("rotate", "--realm", "other", "--after", "300")

    assert "next" == one["realms"]["acme"]["state"]
    assert 2 == again.exit_code
    assert "has a next key already" in again.output
    assert "signs from" in aloud.output
    assert 2 == run("rotate", "--after", "10").exit_code


def test_an_unknown_realm_is_named(house):
    run, parts = house
    parts(SECRET_KEY)

    refused = run("list", "--realm", "nowhere")

    assert 2 == refused.exit_code
    assert "no realm nowhere" in refused.output


def test_revoking_a_secret_ends_what_it_made_at_once(house):
    """Live challenges and authorization codes are void in the database; its signing keys are replaced."""
    run, parts = house
    old = parts(SECRET_KEY)
    waiting = start(old, "grace@example.org")
    typed = start(old)
    auth_code = verify(
        old.room(), challenge=typed, unverified_code=right_code(old, typed), caller=caller()
    ).raw_auth_code
    leaked = old.keys.newest_id
    fresh = parts(OLDER_SECRET_KEY, SECRET_KEY)
    untouched = start(fresh, "alan@example.org", by=caller("alan"))

    done = run("revoke", "--secret", leaked, "--no-keycloak", "--json")

    answer = json.loads(done.output)
    assert {"challenges": 1, "auth_codes": 1, "tickets": 0} == answer["voided"]
    assert {"acme", "other"} == set(answer["revoked"])
    # Processes that still have the leaked secret refuse as well: the database decides.
    with pytest.raises(ChallengeRefused):
        verify(old.room(), challenge=waiting, unverified_code=right_code(old, waiting), caller=caller())
    assert redeem(old.room(), realm="acme", connection="email", unverified_auth_code=auth_code) is None
    assert verify(
        fresh.room(), challenge=untouched, unverified_code=right_code(fresh, untouched), caller=caller("alan")
    )
    parts(OLDER_SECRET_KEY)  # starts without the leaked one


def test_the_newest_secret_is_not_revoked_before_it_has_a_successor(house):
    run, parts = house
    only = parts(SECRET_KEY)

    refused = run("revoke", "--secret", only.keys.newest_id, "--no-keycloak")

    assert 2 == refused.exit_code
    assert "put a fresh one" in refused.output


def test_rewrap_says_how_many(house):
    run, parts = house
    parts(SECRET_KEY)
    parts(OLDER_SECRET_KEY, SECRET_KEY)

    assert "2 signing keys are wrapped anew" in run("rewrap").output
    assert "0 signing keys are wrapped anew" in run("rewrap").output
    parts(OLDER_SECRET_KEY)


@pytest.mark.parametrize("arguments", [(), ("some-kid", "--secret", "some-id")])
def test_revoke_wants_one_thing_to_revoke(house, arguments):
    run, parts = house
    parts(SECRET_KEY)

    assert 2 == run("revoke", *arguments).exit_code


def test_a_revocation_that_keycloak_was_not_told_says_what_is_left_to_do(house, monkeypatch):
    """The key is gone here whatever Keycloak says."""
    run, parts = house
    built = parts(SECRET_KEY)
    leaked = SqlKeyShelf(built.database).keys("acme")[0].kid
    monkeypatch.setenv("KEYCLOAK_ADMIN_PASSWORD", "x")
    monkeypatch.setenv("PASSWORDLESS__KEYCLOAK__INTERNAL_URL", "http://127.0.0.1:1")

    done = run("revoke", leaked, "--realm", "acme")

    assert 2 == done.exit_code
    assert "clear-keys-cache" in done.output
    assert leaked not in {key.kid for key in SqlKeyShelf(built.database).keys("acme")}
