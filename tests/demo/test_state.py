"""What a demo keeps: owned by one, secret to others, thrown away when half-made."""

from __future__ import annotations

import stat
import subprocess
import sys

import pytest

from sidecar.demo.folders import cache_folder, state_folder
from sidecar.demo.state import State
from sidecar.errors import DemoError


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / "demo")
    with state.locked():
        yield state


def test_two_demos_cannot_have_the_same_state(state):
    with (
        pytest.raises(DemoError, match=r"a demo is running with .*PASSWORDLESS_CACHE"),
        State(state.folder).locked(),
    ):
        pytest.fail("got the lock")


def test_the_lock_goes_with_a_process_that_is_killed(tmp_path):
    script = (
        "import pathlib, time; from sidecar.demo.state import State\n"
        f"with State(pathlib.Path({str(tmp_path)!r})).locked(): print('owned', flush=True); time.sleep(300)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout.readline() == "owned\n"
        owner.kill()
    with State(tmp_path).locked():
        pass


def test_secrets_are_made_once_and_not_shown(state):
    first = state.secrets()
    assert state.secrets() == first
    assert len(first.server_key) >= 32
    assert first.admin_password not in repr(first)


def test_an_admin_password_is_kept_once_it_was_seen_to_work(state):
    first = state.secrets(admin_password="correct horse")
    assert first.admin_password == "correct horse"
    assert state.secrets(admin_password="wrong horse") == first
    state.keep_admin_password("battery staple")
    assert state.secrets().admin_password == "battery staple"
    assert state.secrets().server_key == first.server_key


def test_nobody_else_can_read_the_folder_and_its_secrets(state):
    state.secrets()
    assert stat.S_IMODE(state.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((state.folder / "secrets.json").stat().st_mode) == 0o600


def test_broken_secrets_name_the_way_out(state):
    (state.folder / "secrets.json").write_text("{")
    with pytest.raises(DemoError, match="passwordless demo --reset"):
        state.secrets()


def test_a_state_is_whole_only_once_it_is_marked(state):
    assert not state.exists
    state.secrets()
    assert state.exists
    assert not state.is_whole
    state.mark_whole()
    assert state.is_whole


def test_clearing_leaves_nothing_but_the_lock(state, tmp_path):
    themes = tmp_path / "themes"
    themes.mkdir()
    (themes / "theme.properties").touch()
    state.keycloak_home.mkdir()
    (state.keycloak_home / "themes").symlink_to(themes)
    (state.folder / "link").symlink_to(themes)
    state.secrets()
    state.mark_whole()
    state.clear()
    assert [entry.name for entry in state.folder.iterdir()] == ["lock"]
    assert (themes / "theme.properties").exists()


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"PASSWORDLESS_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/passwordless"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/ada/.cache/passwordless"),
        ({}, "/home/ada/.cache/passwordless"),
    ],
)
def test_downloads_and_state_are_where_the_platform_wants_caches(monkeypatch, environment, folder):
    monkeypatch.setenv("HOME", "/home/ada")
    assert str(cache_folder(environment)) == folder


def test_each_version_of_keycloak_has_a_state_of_its_own(tmp_path):
    assert state_folder(tmp_path, "26.7.4") != state_folder(tmp_path, "26.7.3")
