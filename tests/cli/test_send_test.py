"""`passwordless send-test`, run as an operator runs it, against real servers."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from sidecar.cli import main
from tests.conftest import SECRET_KEY, SETTINGS
from tests.gateway import SECRET, Gateway
from tests.journeys.mails import mail_server
from tests.stack import free_port

EMAIL = ("send-test", "--realm", "acme", "--connection", "email")
TO_ADA = ("--to", "Ada@Example.ORG")


@pytest.fixture
def run(tmp_path):
    """The command with a first mail server that is away, and these ports of the second and the gateway."""

    def run(*arguments, mail=1, gateway=1):
        # No database is there, and none is needed.
        text = SETTINGS % (SECRET_KEY, f"sqlite:///{tmp_path}/gone.db")
        text = text.replace('providers = ["smtp"]', 'providers = ["smtp", "backup"]', 1)
        text += f"""
[providers.backup]
type = "smtp"
host = "127.0.0.1"
port = {mail}
security = "none"
private_network = true
sender = "login@example.org"
[providers.gateway]
type = "webhook"
url = "http://127.0.0.1:{gateway}/messages"
secret = "{SECRET}"
sender = "Acme"
private_network = true
[realms.acme.connections.sms]
strategy = "sms"
countries = ["GB"]
providers = ["gateway"]
"""
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
        return CliRunner().invoke(main, ["--settings", str(tmp_path / "mine.toml"), *arguments])

    return run


def test_it_goes_the_way_of_every_message_and_says_who_took_it(run):
    with mail_server() as mails:
        done = run(*EMAIL, *TO_ADA, mail=mails.port)

    assert 0 == done.exit_code
    assert "smtp did not take it: not reachable" in done.output
    assert "backup took the message to Ada@example.org." in done.output
    (mail,) = mails.kept
    assert ["Ada@example.org"] == mail.recipients
    assert "Test of sign-in messages for Acme" == mail.message["Subject"]
    assert "opens nothing" in mail.message.get_body(("plain",)).get_content()


def test_one_provider_alone_can_be_asked(run):
    with mail_server() as mails:
        failed = run(*EMAIL, *TO_ADA, "--provider", "smtp", mail=mails.port)
        done = run(*EMAIL, *TO_ADA, "--provider", "backup", "--json", mail=mails.port)

    assert (1, 0) == (failed.exit_code, done.exit_code)
    assert "Nobody took it." in failed.output
    told = json.loads(done.output)
    assert ("backup", []) == (told["provider"], told["refused"])
    assert 1 == len(mails.kept)


def test_a_refusal_is_shown_as_the_provider_meant_it(run):
    with mail_server("550 no such user") as mails:
        failed = run(*EMAIL, *TO_ADA, "--json", mail=mails.port)

    told = json.loads(failed.output)
    assert (1, None) == (failed.exit_code, told["provider"])
    assert "recipient refused with 550" == told["refused"][-1]["reason"]


def test_a_text_message_is_known_by_its_gateways_name(run):
    with Gateway() as gateway:
        done = run(
            *("send-test", "--realm", "acme", "--connection", "sms", "--to", "+44 7400 123456"),
            gateway=gateway.port,
        )

    assert "gateway took the message to +447400123456, and calls it gw-1." in done.output
    assert 1 == len(gateway.to("+447400123456"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*EMAIL, "--to", "nobody"), "an address looks like"),
        ((*EMAIL, *TO_ADA, "--provider", "gateway"), "has no provider 'gateway', only: smtp, backup"),
        (("send-test", "--realm", "acme", "--connection", "fax", *TO_ADA), "has no connection 'fax'"),
        (("send-test", "--realm", "gone", "--connection", "email", *TO_ADA), "there is no realm 'gone'"),
    ],
)
def test_what_can_not_be_is_refused_in_words(run, arguments, said):
    refused = run(*arguments, mail=free_port())

    assert 2 == refused.exit_code
    assert said in refused.output
