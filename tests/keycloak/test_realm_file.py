"""A realm that is kept as a file: what Keycloak imports of it is what `apply` makes in a running Keycloak."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from sidecar.cli import main
from sidecar.demo.java import bundled_java, find_java
from sidecar.demo.keycloak import JAVA_OPTIONS, KeycloakServer
from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak import Admin, RealmFile, apply_realm, connect, plan_realm, remove_realm
from tests.keycloak.realms import alike, differing, fresh_export, pending
from tests.stack import free_port

_SHAPE = {"connections": ("email", "sms"), "step_up": True, "passwords": False, "passkeys": "allow"}


@pytest.fixture
def run(tmp_path):
    """The command, with the settings that `make_settings` wrote last, and no Keycloak to be reached."""
    settings = str(tmp_path / "passwordless.toml")
    return lambda *arguments: CliRunner().invoke(main, arguments, env={"PASSWORDLESS_SETTINGS": settings})


@dataclass
class Twins:
    """Two realms out of one file: into one it is imported and then changed, into the other the other way round."""

    admin: Admin
    url: str
    applied: str
    imported: str

    def alike(self, name: str) -> dict:
        return alike(self.admin.at("realms", name), of=name)


@pytest.fixture
def twins(admin, realm_name, keycloak_url) -> Iterator[Twins]:
    twins = Twins(admin, keycloak_url, realm_name, f"{realm_name}-file")
    yield twins
    with suppress(KeycloakUnavailable):
        admin.delete("realms", twins.imported)


@pytest.mark.keycloak
def test_an_import_ends_as_apply_does(twins, make_settings, run, file):
    admin, name = twins.admin, twins.imported
    fresh = fresh_export(admin, name=twins.applied)
    file.write_text(json.dumps(fresh).replace(twins.applied, name), encoding="utf-8")
    admin.post("realms", body=fresh)
    before = twins.alike(twins.applied)
    settings = make_settings(twins.applied, keycloak=twins.url, **_SHAPE)
    apply_realm(admin, settings, twins.applied)

    settings = make_settings(name, keycloak=twins.url, **_SHAPE)
    applied = run("apply", name, "--file", str(file), "--yes")
    assert applied.exit_code == 0, applied.output
    assert run("plan", name, "--file", str(file)).exit_code == 0
    admin.post("realms", body=json.loads(file.read_text(encoding="utf-8")))

    assert differing(twins.alike(twins.applied), twins.alike(name)) == []
    assert pending(plan_realm(admin, settings, name)) == []
    remove_realm(admin, settings, name)
    assert differing(before, twins.alike(name)) == []


@pytest.fixture
def second_keycloak(
    keycloak_url, keycloak_home, keycloak_admin, make_settings, tmp_path
) -> Iterator[Callable[[Path], Admin]]:
    """Starts another Keycloak over a realm's file. The build, which takes long, is that of the run's Keycloak."""
    home = tmp_path / "keycloak"
    java = find_java(os.environ, bundled=bundled_java())
    shutil.copytree(
        keycloak_home,
        home,
        symlinks=True,
        ignore=lambda folder, _: {"data"} if Path(folder) == keycloak_home else set(),
    )
    server = KeycloakServer(
        home,
        port=free_port(),
        java=java,
        log=tmp_path / "keycloak.log",
        admin_password=keycloak_admin[1],
        environment=os.environ,
    )
    username, password = keycloak_admin

    def import_and_start(file: Path) -> Admin:
        """By Keycloak's own command, into a database in which there was nothing."""
        ended = subprocess.run(
            [home / "bin" / "kc.sh", "import", "--optimized", "--file", file],
            env={
                **os.environ,
                "JAVA": str(java.executable),
                "JAVA_OPTS_APPEND": JAVA_OPTIONS,
                "KC_BOOTSTRAP_ADMIN_USERNAME": username,
                "KC_BOOTSTRAP_ADMIN_PASSWORD": password,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "imported" in ended.stdout
        server.start()
        server.wait_ready()
        return connect(make_settings(keycloak=server.url), username=username, password=password)

    yield import_and_start
    server.stop()


@pytest.mark.keycloak
@pytest.mark.skipif(
    bool(os.environ.get("KEYCLOAK_TEST_URL")), reason="needs the folder of the run's own Keycloak"
)
def test_kc_sh_import_ends_as_apply_does(twins, make_settings, run, file, second_keycloak):
    admin, name = twins.admin, twins.applied
    fresh = fresh_export(admin, name=name)
    file.write_text(json.dumps(fresh), encoding="utf-8")
    admin.post("realms", body=fresh)
    settings = make_settings(name, keycloak=twins.url, **_SHAPE)
    apply_realm(admin, settings, name)
    applied = run("apply", name, "--file", str(file), "--yes")
    assert applied.exit_code == 0, applied.output

    there = second_keycloak(file)

    assert differing(twins.alike(name), alike(there.at("realms", name), of=name)) == []
    assert pending(plan_realm(there, settings, name)) == []


_WHOLE = {
    "realm": "acme",
    "authenticationFlows": [
        {
            "alias": "browser",
            "providerId": "basic-flow",
            "topLevel": True,
            "builtIn": True,
            "authenticationExecutions": [
                {"authenticator": "auth-username-password-form", "requirement": "REQUIRED", "priority": 10}
            ],
        }
    ],
    "authenticatorConfig": [],
    "clientScopes": [{"name": "profile"}],
    "components": {"org.keycloak.keys.KeyProvider": []},
    "defaultDefaultClientScopes": ["profile"],
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "acme.json"
    path.write_text(json.dumps(_WHOLE), encoding="utf-8")
    return path


def test_a_plan_leaves_the_file_and_names_the_command_that_changes_it(run, make_settings, file):
    make_settings()
    before = file.read_text(encoding="utf-8")
    planned = run("plan", "acme", "--file", str(file))
    assert planned.exit_code == 1
    assert "+ create  identity provider email" in planned.stdout
    assert f"passwordless apply acme --file {file}" in planned.stdout
    assert file.read_text(encoding="utf-8") == before


def test_apply_asks_then_writes_the_file_once_and_whole(run, make_settings, file):
    make_settings()
    before = file.read_text(encoding="utf-8")
    assert run("apply", "acme", "--file", str(file)).exit_code == 1
    assert file.read_text(encoding="utf-8") == before
    answer = run("apply", "acme", "--file", str(file), "--yes", "--json")
    assert json.loads(answer.stdout)["pending"] > 0
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written["browserFlow"] == "passwordless browser"
    assert [it["alias"] for it in written["identityProviders"]] == ["email"]
    assert written["attributes"]["passwordless.previousBrowserFlow"] == "browser"
    again = file.read_text(encoding="utf-8")
    assert run("apply", "acme", "--file", str(file), "--yes").exit_code == 0
    assert json.loads(file.read_text(encoding="utf-8")) == json.loads(again)
    assert [it.name for it in file.parent.iterdir() if it.name.startswith("acme.json")] == ["acme.json"]


def test_an_error_on_the_way_leaves_the_file_as_it_was(run, make_settings, file):
    make_settings()
    theirs = {"alias": "email", "providerId": "oidc", "config": {"clientId": "theirs"}}
    file.write_text(json.dumps({**_WHOLE, "identityProviders": [theirs]}), encoding="utf-8")
    before = file.read_text(encoding="utf-8")
    stopped = run("apply", "acme", "--file", str(file), "--yes")
    assert (stopped.exit_code, "another identity provider 'email'" in stopped.stderr) == (2, True)
    assert file.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("{", "is not JSON"),
        ("[]", "holds no realm"),
        (json.dumps({**_WHOLE, "realm": "other"}), "holds the realm 'other'"),
        (json.dumps({"realm": "acme", "enabled": True}), "kc.sh export"),
    ],
)
def test_what_is_no_whole_realm_is_refused_with_the_way_out(run, make_settings, file, content, word):
    make_settings()
    file.write_text(content, encoding="utf-8")
    answer = run("plan", "acme", "--file", str(file))
    assert (answer.exit_code, word in answer.stderr) == (2, True), answer.output


def test_a_file_is_not_made_and_knows_its_limits(run, make_settings, file):
    make_settings()
    answer = run("apply", "acme", "--file", str(file), "--yes", "--create")
    assert (answer.exit_code, "--create" in answer.stderr) == (2, True)
    realm = RealmFile.of(json.loads(json.dumps(_WHOLE)), "acme").at("realms", "acme")
    with pytest.raises(KeycloakUnavailable, match="import the file"):
        realm.get("users", "someone", "credentials")
    with pytest.raises(KeycloakUnavailable, match="import the file"):
        realm.get("events", "config")
