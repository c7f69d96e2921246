"""Test addresses in the settings: which are taken, and what commands say of them; their codes nowhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from sidecar import store
from sidecar.cli import main
from sidecar.errors import SettingsError
from sidecar.settings import load
from sidecar.settings.pinned import MAX_DAYS_AHEAD
from tests.conftest import SECRET_KEY, SETTINGS
from tests.texts import with_texts

CODE = "73190482"
EMAIL, SMS = (f"PASSWORDLESS__REALMS__ACME__CONNECTIONS__{it}__TEST_ADDRESSES" for it in ("EMAIL", "SMS"))
LOCAL = {"PASSWORDLESS__SERVER__PUBLIC_URL": "http://localhost:5080"}


def day(ahead: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=ahead)).isoformat()


@pytest.fixture
def path(tmp_path, sqlite_url):
    (tmp_path / "mine.toml").write_text(SETTINGS % (SECRET_KEY, sqlite_url), encoding="utf-8")
    return tmp_path / "mine.toml"


@pytest.fixture
def taken(path):
    def read(value: str, *, variable: str = EMAIL, **environment: str):
        texts = {f"PASSWORDLESS__{name}": text for name, text in with_texts().items()}
        settings = load(path, {**texts, variable: value, **environment})
        return settings.realms["acme"].connections["email" if variable == EMAIL else "sms"].test_addresses

    return read


def test_a_table_of_the_file_is_the_same_as_a_variable(path, taken):
    path.write_text(
        path.read_text()
        + f'[realms.acme.connections.email.test_addresses."Review@ACME.example"]\ncode = "{CODE}"\n'
        f"until = {day(30)}\n",
        encoding="utf-8",
    )
    by_file = load(path, {}).realms["acme"].connections["email"].test_addresses

    assert ["review@acme.example"] == list(by_file)
    (pinned,) = by_file.values()
    assert (CODE, day(30)) == (pinned.code.reveal(), pinned.until.isoformat())


def test_numbers_are_e164(taken):
    found = taken(f'{{"+44 7400 123456" = {{code = "{CODE}", until = {day(1)}}}}}', variable=SMS)

    assert ["+447400123456"] == list(found)


@pytest.mark.parametrize("ahead", [-400, -1, 0, MAX_DAYS_AHEAD])
def test_a_day_that_is_over_stops_no_start_and_a_near_one_neither(taken, ahead):
    """Else a restart after the review would end in an outage."""
    assert taken(f'{{"review@acme.example" = {{code = "{CODE}", until = {day(ahead)}}}}}')


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (f'{{"review@acme.example" = {{code = "{CODE}"}}}}', r"review@acme\.example\.until: is missing"),
        (
            f'{{"review@acme.example" = {{code = "{CODE}", until = {day(MAX_DAYS_AHEAD + 1)}}}}}',
            rf"until: may be {day(MAX_DAYS_AHEAD)} at the latest",
        ),
        (f'{{"review@acme.example" = {{code = "{CODE}", until = "soon"}}}}', "until: must be a day like"),
        (
            f'{{"review@acme.example" = {{code = "{CODE}", until = 2026-12-24T00:00:00}}}}',
            "until: must be a day",
        ),
        (f'{{"review@acme.example" = {{until = {day(1)}}}}}', "code: is missing"),
        (f'{{"*@acme.example" = {{code = "{CODE}", until = {day(1)}}}}}', "is no address of the connection"),
        (f'{{"*" = {{code = "{CODE}", until = {day(1)}}}}}', "is no address of the connection"),
        (f'{{"+447400123456" = {{code = "{CODE}", until = {day(1)}}}}}', "is no address of the connection"),
        (
            f'{{"a@x.example" = {{code = "{CODE}", until = {day(1)}}}, "A@x.example" = {{code = "{CODE}"}}}}',
            "stands there twice",
        ),
        (
            f'{{"a@x.example" = {{code = "{CODE}", until = {day(1)}, limits = false}}}}',
            "limits: is no setting",
        ),
    ],
)
def test_what_is_wrong_is_named_and_the_code_is_not(taken, value, said):
    with pytest.raises(SettingsError, match=said) as refused:
        taken(value)

    assert CODE not in str(refused.value)


@pytest.mark.parametrize(
    "code",
    [
        *("123456", "654321", "890123", "000000", "112233", "121212", "123123", "12341234", "123321"),
        *("111119", "24680246", "7319", "731904829", "73190a", " 731904", "７３１９０４"),
    ],
)
def test_a_code_that_is_guessed_first_or_none_is_refused(taken, code):
    with pytest.raises(SettingsError, match=r"code: (is one of the codes|must be 6 to 8 digits)") as refused:
        taken(f'{{"review@acme.example" = {{code = "{code}", until = {day(1)}}}}}')

    assert code not in str(refused.value)


def test_a_code_has_the_digits_that_the_page_asks_for(taken):
    value = f'{{"review@acme.example" = {{code = "731904", until = {day(1)}}}}}'

    assert taken(value)
    with pytest.raises(SettingsError, match=r"code: needs a code of at least 8 digits"):
        taken(value, PASSWORDLESS__REALMS__ACME__CONNECTIONS__EMAIL__DIGITS="8")


def test_on_this_machine_it_needs_no_end(taken):
    (pinned,) = taken(f'{{"ci@acme.example" = {{code = "{CODE}"}}}}', **LOCAL).values()

    assert pinned.until is None
    assert taken(f'{{"ci@acme.example" = {{code = "{CODE}", until = {day(4000)}}}}}', **LOCAL)


@pytest.fixture
def run(path, sqlite_url, monkeypatch):
    store.migrate(sqlite_url)
    two = f'"old@acme.example" = {{code = "{CODE}", until = {day(-1)}}}'
    monkeypatch.setenv(EMAIL, f'{{"review@acme.example" = {{code = "{CODE}", until = {day(9)}}}, {two}}}')
    return lambda *arguments: CliRunner().invoke(main, ["--settings", str(path), *arguments])


def test_status_and_check_show_them_with_their_end(run):
    lines = (
        f"  test address old@acme.example, until {day(-1)}: OVER\n"
        f"  test address review@acme.example, until {day(9)}\n"
    )
    for command in (("status",), ("config", "check")):
        told = run(*command)
        assert 0 == told.exit_code, told.output
        assert lines in told.output


def test_so_do_they_as_json_and_none_shows_a_code(run):
    expected = [
        {"address": "old@acme.example", "until": day(-1), "holds": False},
        {"address": "review@acme.example", "until": day(9), "holds": True},
    ]
    status = run("status", "--json")
    check = run("config", "check", "--json")
    shown = run("config", "show")

    (email,) = [
        it
        for it in json.loads(status.output)["connections"]
        if (it["realm"], it["connection"]) == ("acme", "email")
    ]
    assert expected == email["test_addresses"]
    assert {"acme/email": expected} == json.loads(check.output)["test_addresses"]
    listed = json.loads(shown.output)["realms"]["acme"]["connections"]["email"]["test_addresses"]
    assert {"code": "***", "until": day(9)} == listed["review@acme.example"]
    assert CODE not in status.output + check.output + shown.output
