"""`passwordless status` and `passwordless sms`, run as an operator runs them."""

from __future__ import annotations

import json

import pytest

from sidecar.app import Parts
from sidecar.settings import load
from sidecar.store.clock import ShiftedClock
from tests.conftest import SECRET_KEY, SETTINGS
from tests.flow import start
from tests.texts import BRITISH, GERMAN, log_in, number, stranger, text, with_texts


@pytest.fixture
def variables(monkeypatch):
    for name, value in with_texts(conversion_sample=5).items():
        monkeypatch.setenv(f"PASSWORDLESS__{name}", value)


@pytest.fixture
def parts(sqlite_url, tmp_path, variables):
    (tmp_path / "mine.toml").write_text(SETTINGS % (SECRET_KEY, sqlite_url), encoding="utf-8")
    clock = ShiftedClock()
    # What happens here is ten minutes ago for the command.
    clock.shift(seconds=-600)
    built = Parts.build(load(tmp_path / "mine.toml"), clock=clock)
    yield built
    built.database.dispose()


def texts_of(answer):
    return {it["connection"]: it for it in json.loads(answer.output)["connections"]}["sms"]["texts"]


def test_a_quiet_house_is_fine(run, parts):
    start(parts)

    told = run("status")

    assert 0 == told.exit_code, told.output
    assert "acme/sms (sms)\n  text messages running; since yesterday 0 of 1000\n" in told.output
    assert "acme/email (email)\n  1 queued since yesterday" in told.output
    assert "Queue: 1 messages wait" in told.output


def test_a_breaker_that_is_open_is_a_finding(run, parts):
    for each in range(5):
        text(parts, number(BRITISH, each), stranger(each))
    log_in(parts, number(GERMAN, 0))

    told, as_json = run("status", "--realm", "acme"), run("status", "--realm", "acme", "--json")

    assert (1, 1) == (told.exit_code, as_json.exit_code)
    assert (
        "  country GB: 5 in the last hour, 0 of 5 with their code typed (0 %); 5 since yesterday;"
        " REFUSED by pumping.conversion_per_country\n"
    ) in told.output
    found = texts_of(as_json)
    assert {"GB": "open", "DE": "closed"} == {
        each["name"]: each["breaker"] for each in found["destinations"] if each["scope"] == "country"
    }
    assert {"shop"} == {each["name"] for each in found["destinations"] if each["scope"] == "client"}
    assert 6 == found["sent_today"]


def test_a_day_that_is_used_up_is_a_finding(run, parts, monkeypatch):
    log_in(parts, number(GERMAN, 0))
    monkeypatch.setenv("PASSWORDLESS__REALMS__ACME__CONNECTIONS__SMS__PUMPING__MESSAGES_PER_DAY", "1")

    told = run("status", "--json")

    assert 1 == told.exit_code
    assert ["pumping.messages_per_day"] == texts_of(told)["refused_by"]


def test_stop_and_start_are_seen_at_once(run, parts):
    stopped = run("sms", "stop", "--realm", "acme")
    assert (0, "The text messages of acme/sms are stopped.\n") == (stopped.exit_code, stopped.output)
    told = run("status")
    assert 1 == told.exit_code
    assert "text messages STOPPED since 20" in told.output
    assert texts_of(run("status", "--json"))["stopped_at"]

    again = run("sms", "start", "--realm", "acme", "--connection", "sms", "--json")

    assert [{"realm": "acme", "connection": "sms", "state": "running"}] == json.loads(again.output)
    assert 0 == run("status").exit_code


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("sms", "stop", "--realm", "nowhere"),
            "there is no realm 'nowhere' in the settings, only: acme, other",
        ),
        (("sms", "stop", "--realm", "other"), "no connection of the realm 'other' sends text messages"),
        (("sms", "start", "--realm", "acme", "--connection", "email"), "that sends text messages, only: sms"),
        (("status", "--realm", "nowhere"), "there is no realm 'nowhere' in the settings"),
    ],
)
def test_what_there_is_not_is_named_with_what_there_is(run, arguments, says):
    refused = run(*arguments)

    assert 2 == refused.exit_code
    assert says in refused.output
