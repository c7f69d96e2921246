"""Sign-up off, with the worker and a mail server: who gets a message, of those that the sidecar has never seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from sidecar.app import Parts
from sidecar.errors import KeycloakUnavailable
from sidecar.login.verify import verify
from sidecar.model.challenge import Challenge
from sidecar.model.events import Event
from tests.flow import caller, find, start
from tests.journeys.mails import Mails, mail_server
from tests.ledger import events

IN_KEYCLOAK, NOWHERE = "ada@example.org", "eve@example.org"


class Keycloak:
    """Knows one address, and may be away."""

    is_away = False

    def __init__(self) -> None:
        self.asked: list[str] = []

    def has_account(self, challenge: Challenge) -> bool:
        self.asked.append(challenge.address)
        if self.is_away:
            raise KeycloakUnavailable("away")
        return challenge.address == IN_KEYCLOAK


@pytest.fixture
def keycloak() -> Keycloak:
    return Keycloak()


@pytest.fixture
def parts(database_url, settings_for, clock) -> Iterator[Parts]:
    settings = settings_for(database_url, REALMS__ACME__CONNECTIONS__EMAIL__SIGNUP="false")
    built = Parts.build(settings, clock=clock)
    yield built
    built.database.dispose()


def work(mails: Mails, parts: Parts, has_account: Callable[[Challenge], bool]) -> None:
    worker, provider = mails.worker(parts)
    worker = replace(worker, has_account=has_account)
    while worker.step():
        pass
    provider.close()


def test_whom_keycloak_knows_gets_a_code_that_counts_and_a_stranger_gets_nothing(parts, keycloak):
    known, stranger = start(parts, IN_KEYCLOAK), start(parts, NOWHERE)
    with mail_server() as mails:
        work(mails, parts, keycloak.has_account)

        assert [mail.recipients for mail in mails.kept] == [[IN_KEYCLOAK]]
        found = find(parts, known)
        verify(parts.room(), challenge=found, unverified_code=mails.kept[0].code, caller=caller())
        assert find(parts, stranger).is_suppressed
        # From now on the sidecar knows it by itself.
        start(parts, IN_KEYCLOAK, by=caller("another"))
        work(mails, parts, keycloak.has_account)
        assert len(mails.kept) == 2
    assert sorted(keycloak.asked) == [IN_KEYCLOAK, NOWHERE]


def test_a_keycloak_that_is_away_is_asked_again_until_the_message_goes_out(parts, keycloak, clock):
    keycloak.is_away = True
    challenge = start(parts, IN_KEYCLOAK)
    with mail_server() as mails:
        work(mails, parts, keycloak.has_account)
        assert mails.kept == []
        assert find(parts, challenge).is_suppressed
        keycloak.is_away = False
        clock.shift(seconds=5)
        work(mails, parts, keycloak.has_account)
        assert [mail.recipients for mail in mails.kept] == [[IN_KEYCLOAK]]
    told = [event.type for event in events(parts) if event.type.startswith("message_")]
    assert told == [Event.MESSAGE_DELAYED, Event.MESSAGE_SENT]


def test_where_sign_up_is_on_nobody_is_asked_for(database_url, settings_for, clock, keycloak):
    parts = Parts.build(settings_for(database_url), clock=clock)
    start(parts, NOWHERE)
    with mail_server() as mails:
        work(mails, parts, keycloak.has_account)
        assert len(mails.kept) == 1
    assert keycloak.asked == []
    parts.database.dispose()
