"""There is no door for debugging in what runs in production, and for tests one that closes by itself (F11)."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from sidecar.app import create_app
from sidecar.errors import SettingsError
from sidecar.settings import load
from sidecar.store.tables import auth_codes
from tests.conftest import SECRET_KEY, SETTINGS
from tests.journeys.http import Line
from tests.ledger import rows
from tests.stack import free_port, serving, write_settings
from tests.web.browser import Browser

#: What Flask, Werkzeug and their relatives take for a wish to debug.
DEBUG = {
    "FLASK_DEBUG": "1",
    "FLASK_ENV": "development",
    "FLASK_TESTING": "1",
    "FLASK_APP": "sidecar.app",
    "WERKZEUG_DEBUG_PIN": "off",
    "DEBUG": "1",
    "TESTING": "1",
    "PASSWORDLESS_ENV": "dev",
    "PASSWORDLESS_DEBUG": "1",
    "PASSWORDLESS_TEST_CODE": "123456",
}

_PINNED = "REALMS__ACME__CONNECTIONS__EMAIL__TEST_ADDRESSES"
BACK_DOORS = {
    "a debug switch": {"SERVER__DEBUG": "true"},
    "an environment": {"SERVER__ENV": '"dev"'},
    "a fixed code": {"SERVER__TEST_CODE": '"123456"'},
    "a fixed code for an address": {
        "REALMS__ACME__CONNECTIONS__EMAIL__TEST_CODES": '{"ada@x.example"="123456"}'
    },
    "a fixed code without end": {_PINNED: '{"ada@x.example" = {code = "73190482"}}'},
    "a fixed code for a year": {
        _PINNED: f'{{"ada@x.example" = {{code = "73190482", until = "{datetime.now(UTC).date() + timedelta(365)}"}}}}'
    },
    "a fixed code for everybody": {_PINNED: '{"*@x.example" = {code = "73190482", until = "2020-01-01"}}'},
    "a fixed code that is guessed first": {
        _PINNED: '{"ada@x.example" = {code = "123456", until = "2020-01-01"}}'
    },
    "no code": {"REALMS__ACME__CONNECTIONS__EMAIL__METHOD": '"none"'},
    "a short code": {"REALMS__ACME__CONNECTIONS__EMAIL__DIGITS": "4"},
    "a console sender": {"PROVIDERS__SMTP__TYPE": '"console"'},
    "a file sender": {"PROVIDERS__SMTP__TYPE": '"file"'},
    "limits switched off": {"REALMS__ACME__CONNECTIONS__EMAIL__LIMITS__ENABLED": "false"},
    "no limit of tries": {"REALMS__ACME__CONNECTIONS__EMAIL__LIMITS__TRIES_PER_CODE": "0"},
    "no limit of failures": {"REALMS__ACME__CONNECTIONS__EMAIL__LIMITS__FAILURES_IN_A_ROW": "1000"},
    "a clock to set": {"SERVER__CLOCK_OFFSET_S": "3600"},
    "a well-known secret": {"SERVER__SECRET_KEYS": '["change-me-change-me-change-me-change-me"]'},
    "a cookie without TLS": {"SERVER__PUBLIC_URL": '"http://login.example.org"'},
    "an SMTP password in the clear": {"PROVIDERS__SMTP__PASSWORD": '"p"'},
}


@pytest.mark.parametrize("door", BACK_DOORS)
def test_a_setting_that_would_open_a_back_door_stops_the_start(tmp_path, door):
    """F11: limits have no off switch, and there is no way to know a code but the mail, and test addresses."""
    path = tmp_path / "settings.toml"
    path.write_text(SETTINGS % (SECRET_KEY, f"sqlite:///{tmp_path}/x.db"), encoding="utf-8")

    with pytest.raises(SettingsError, match="can't be used"):
        load(path, {f"PASSWORDLESS__{name}": value for name, value in BACK_DOORS[door].items()})


def test_the_processes_end_with_2_when_a_setting_is_a_back_door(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(SETTINGS % (SECRET_KEY, f"sqlite:///{tmp_path}/x.db"), encoding="utf-8")
    path.write_text(path.read_text() + 'test_codes = {"ada@example.org" = "123456"}\n', encoding="utf-8")

    for command in ("serve", "worker"):
        ended = subprocess.run(
            [sys.executable, "-m", "sidecar.cli", "--settings", str(path), command],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (2, "") == (ended.returncode, ended.stdout)
        assert "test_codes: is no setting" in ended.stderr


def test_variables_for_debugging_change_nothing_of_the_application(parts, monkeypatch):
    """F11: Flask would take DEBUG from FLASK_DEBUG, and then show what is inside."""
    plain = dict(create_app(parts).config)
    for name, value in DEBUG.items():
        monkeypatch.setenv(name, value)

    app = create_app(parts)

    assert plain == dict(app.config)
    assert (False, False) == (app.debug, app.testing)


@pytest.mark.parametrize("code", ["000000", "111111", "123456", "999999", "424242"])
def test_no_code_is_everybodys(parts, app, code):
    """F11: in a run with every such variable, too; a code that happens to be right is tried with another challenge."""
    browser = Browser(app)
    challenge_id = browser.start()
    if browser.right_code(parts, challenge_id) == code:
        challenge_id = browser.start("grace@example.org")

    assert 400 == browser.type_code(challenge_id, code).status_code
    assert [] == rows(parts, auth_codes)


PROBES = [
    "/console",
    "/?__debugger__=yes&cmd=resource&f=debugger.js",
    "/realms/acme/email/authorize?__debugger__=yes&cmd=printpin",
    "/realms/acme/email/authorize?client_id=keycloak&__debugger__=yes&cmd=resource&f=style.css",
    "/debug",
    "/_debug_toolbar/",
    "/test",
    "/dev",
    "/metrics",
    "/admin",
    "/inbox",
    "/api/messages",
    "/mailbox",
    "/.env",
    "/settings.toml",
    "/static/../settings.toml",
    "/realms/acme/email/code?challenge=%00",
]


def test_a_served_process_with_every_debugging_variable_has_no_debugger(tmp_path):
    """F11: real gunicorn; no console, no debugger, no reloader, no stack trace, no inbox."""
    port = free_port()
    path = write_settings(
        tmp_path / "settings.toml",
        sidecar_port=port,
        keycloak_url="http://localhost:1",
        database_url=f"sqlite:///{tmp_path}/x.db",
        smtp_port=1,
        realms={"acme": True},
        secret_key=SECRET_KEY,
    )
    with serving(path, port=port, log=tmp_path / "sidecar.log", workers=1, **DEBUG):
        line = Line(port)
        answers = {probe: line.send("GET", probe, [("Host", f"localhost:{port}")]) for probe in PROBES}
        line.close()

    for probe, answer in answers.items():
        assert answer.status in {400, 404}, probe
        for inside in ("Traceback", "Werkzeug", "__debugger__", "console", "secret_keys", SECRET_KEY):
            assert inside not in answer.text, probe
    log = (tmp_path / "sidecar.log").read_text()
    assert "Debugger" not in log
    assert "Restarting with" not in log
