"""`passwordless messages`, run as an operator runs it."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import update

from sidecar.app import Parts
from sidecar.cli.options import echo_json, inert
from sidecar.errors import DeliveryFailed
from sidecar.login.not_me import token_for
from sidecar.settings import load
from sidecar.store import tables
from sidecar.store.outbox import SqlOutbox
from tests.conftest import SECRET_KEY, SETTINGS
from tests.flow import right_code, start

WHO = ("--realm", "acme", "--address", " Ada@Example.ORG")


@pytest.fixture
def parts(sqlite_url, tmp_path):
    (tmp_path / "mine.toml").write_text(SETTINGS % (SECRET_KEY, sqlite_url), encoding="utf-8")
    built = Parts.build(load(tmp_path / "mine.toml", {}))
    yield built
    built.database.dispose()


def test_it_tells_the_story_in_words_and_as_json(run, parts):
    challenge = start(parts)
    outbox = SqlOutbox(parts.database)
    parcel = outbox.take("w", claim_s=30)
    outbox.note_refused(parcel, "w", DeliveryFailed("answered 500"), provider="primary")
    outbox.mark_sent(parcel, "w", provider="backup", reference="gw-7")

    said, told = run("messages", *WHO), json.loads(run("messages", *WHO, "--json").output)

    assert 0 == said.exit_code
    lines = said.output.splitlines()
    assert "asked to sign in" in lines[0]
    assert lines[0].endswith("[new browser, 192.0.2.1]")
    assert "not taken by primary: answered 500" in lines[1]
    assert "message taken by backup" in lines[2]
    assert "Messages:" == lines[3]
    assert "provider backup, reference gw-7" in lines[4]
    assert ["challenge_started", "provider_refused", "message_sent"] == [it["event"] for it in told["events"]]
    assert ("ada@example.org", "gw-7") == (told["address"], told["messages"][0]["reference"])
    for secret in (right_code(parts, challenge), token_for(parts.keys, challenge)):
        assert secret not in said.output + json.dumps(told)


def test_what_a_terminal_would_act_on_is_shown_and_does_nothing(run, parts):
    """F10: a title, a colour, a cursor, an override of the direction, a second line."""
    start(parts)
    evil = "\x1b]0;pwned\x07 \x9b2J \u202egnp.exe \u2028next\r\n2026-01-01 fine"
    with parts.database.write() as connection:
        connection.execute(update(tables.events).values(detail=evil, type="odd"))
        connection.execute(update(tables.messages).values(reference=evil, provider=evil))

    said, told = run("messages", *WHO), run("messages", *WHO, "--json")

    for output in (said.output, told.output):
        assert not set(output) & set("\x1b\x07\x9b\u202e\u2028\r")
    assert 3 == len(said.output.splitlines())
    assert evil == json.loads(told.output)["events"][0]["detail"]


def test_plain_text_stays_as_it_is():
    assert "Grüße, שלום, 你好 – 😀" == inert("Grüße, שלום, 你好 – 😀")


def test_json_of_any_text_is_json(capsys):
    text = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA1), 0x2028, 0x202E, 0x1F600, 0xE0001]))

    echo_json({"it": text})

    assert {"it": text} == json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("since", ["90m", "24h", "7d", "2020-01-01", "2020-01-01T08:00+02:00"])
def test_since_takes_a_time_or_how_long_ago(run, parts, since):
    start(parts)

    assert "asked to sign in" in run("messages", *WHO, "--since", since).output


def test_nothing_is_said_to_be_nothing(run):
    found = run("messages", *WHO, "--since", "2100-01-01")

    assert (0, "Nothing is known of ada@example.org in realm acme in that time.\n") == (
        found.exit_code,
        found.output,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--realm", "gone", "--address", "ada@example.org"), "there is no realm 'gone'"),
        (("--realm", "acme", "--address", "nobody"), "an address looks like"),
        (("--realm", "acme", "--address", "a@example.org", "--since", "soon"), "90m, 24h, 7d"),
    ],
)
def test_what_can_not_be_is_refused_in_words(run, arguments, said):
    refused = run("messages", *arguments)

    assert 2 == refused.exit_code
    assert said in refused.output


def test_a_number_is_found_in_the_spelling_of_its_owner(run, tmp_path):
    """With its country code, or as people of the realm's region write it."""
    with (tmp_path / "mine.toml").open("a", encoding="utf-8") as file:
        file.write('[realms.home]\ndefault_region = "GB"\n')
        file.write('[realms.home.connections.email]\nstrategy = "email"\nproviders = ["smtp"]\n')

    assert "+447400123456" in run("messages", "--realm", "home", "--address", "07400 123456").output
    assert "+447400123456" in run("messages", "--realm", "acme", "--address", "+44 7400 123456").output
