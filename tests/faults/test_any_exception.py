"""Whatever fails, wherever: no session, no detail, and the next login works in the same process (threat G9).

Each statement and commit of a whole login fails in turn, before it is done and after; so does each function where the
parts of the house meet. The errors are the database's own kind and one that nobody foresaw.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest

from sidecar.app import create_app
from sidecar.delivery import worker as worker_module
from sidecar.delivery.render import Renderer
from sidecar.delivery.smtp import Smtp
from sidecar.keycloak.realm_keys import FetchedRealmKeys
from sidecar.login import codes
from sidecar.login.keys import KeyRing
from sidecar.oidc import signing, token
from sidecar.oidc.assertion import ClientAuthentication
from sidecar.oidc.signing import SigningKeys
from sidecar.store.assertions import SqlUsedAssertions
from sidecar.store.auth_codes import SqlAuthCodes
from sidecar.store.challenges import SqlChallenges
from sidecar.store.doorbell import LocalDoorbell
from sidecar.store.key_shelf import SqlKeyShelf
from sidecar.store.outbox import SqlOutbox
from sidecar.store.tables import auth_codes, messages
from sidecar.store.verification import SqlVerification
from sidecar.web.pages import Pages
from tests.faults.injection import DETAIL, ERRORS, Injection, into_function, into_sql
from tests.journeys.mails import mail_server
from tests.ledger import rows
from tests.oidc.fixtures import parts, realms
from tests.stack import wait_until
from tests.web.browser import Browser, answer_of

__all__ = ["parts", "realms"]

pytestmark = pytest.mark.faults
BETRAYING = (DETAIL, "traceback", "sqlalchemy", "sqlite", "psycopg", "operationalerror", "runtimeerror")
MOMENTS = ("before", "after", "commit", "lost commit")
POINTS = [
    *((SqlChallenges, name) for name in ("open", "find")),
    *((SqlVerification, name) for name in ("count_try", "spend")),
    (SqlAuthCodes, "redeem"),
    (SqlUsedAssertions, "use"),
    (SqlKeyShelf, "keys"),
    (FetchedRealmKeys, "jwks"),
    (ClientAuthentication, "authenticate"),
    (SigningKeys, "sign"),
    (SigningKeys, "jwks"),
    (KeyRing, "derive"),
    (codes, "is_right"),
    (token, "id_token_claims"),
    (Pages, "render"),
]


@pytest.fixture
def environment() -> dict[str, str]:
    limits = "REALMS__ACME__CONNECTIONS__EMAIL__LIMITS__"
    return {f"{limits}STARTS_PER_NETWORK_PER_HOUR": "1000000"}


@pytest.fixture
def new_app(parts, monkeypatch):
    # Keys are read for each request, so that reading them can fail in each.
    monkeypatch.setattr(signing, "CACHE_S", 0)
    return lambda: create_app(parts)


class Login:
    """A login of a new person, request by request, which stops at the one that failed."""

    _numbers = itertools.count()

    def __init__(self, app, parts, realms, injection: Injection) -> None:
        self.browser, self.parts, self.realms, self.injection = Browser(app), parts, realms, injection
        self.address = f"user{next(self._numbers)}@example.org"

    def requests(self) -> Iterator:
        """Each answer of the way to an ID token."""
        started = self.browser.authorize(login_hint=self.address)
        yield started
        challenge = answer_of(started)["challenge"]
        yield self.browser.get(f"/realms/acme/email/code?challenge={challenge}")
        yield self.browser.get(f"/realms/acme/email/code/status?challenge={challenge}")
        with self.injection.paused():
            right = self.browser.right_code(self.parts, challenge)
        yield self.browser.type_code(challenge, f"{(int(right) + 1) % 10**6:06d}")
        typed = self.browser.type_code(challenge, right)
        yield typed
        form = self.realms.token_form(answer_of(typed)["code"])
        yield self.browser.open("POST", "/realms/acme/email/token", data=form)
        yield self.browser.get("/realms/acme/email/jwks")

    def walk(self) -> list:
        """The answers until the fault, which is the last one then; a login without one has seven."""
        answers = []
        for answer in self.requests():
            answers.append(answer)
            if self.injection.fired:
                break
        return answers


def assert_refused(answer, where: str) -> None:
    text = answer.get_data(as_text=True).lower()
    assert answer.status_code >= 400, f"{where}: {answer.status_code} {answer.headers}"
    assert "Location" not in answer.headers, where
    assert "id_token" not in text, where
    assert not [word for word in BETRAYING if word in text], where


def assert_whole(answers, where: str) -> None:
    assert [303, 200, 200, 400, 303, 200, 200] == [it.status_code for it in answers], where
    assert "id_token" in answers[5].json, where


def assert_nothing_doubled(parts) -> None:
    """No challenge bought two authorization codes."""
    bought = [row.challenge_id for row in rows(parts, auth_codes)]
    assert len(bought) == len(set(bought))


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("first", [0, 1], ids=["even", "odd"])
def test_any_statement_of_a_login_may_fail(parts, realms, new_app, moment, first):
    """Neighbours fail in the two ways by turns."""
    app, engine = new_app(), parts.database.engine
    counting = Injection()
    with into_sql(engine, moment, counting):
        assert_whole(Login(app, parts, realms, counting).walk(), "without a fault")
    assert counting.passed > 3

    for at in range(first, counting.passed, 2):
        where = f"{moment} {at} of {counting.passed}"
        injection = Injection(at, ERRORS[at // 2 % 2])
        with into_sql(engine, moment, injection):
            answers = Login(app, parts, realms, injection).walk()
        assert injection.fired, where
        assert_refused(answers[-1], where)
    assert_whole(Login(app, parts, realms, Injection()).walk(), f"after all of {moment}")
    assert_nothing_doubled(parts)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("point", POINTS, ids=lambda it: f"{it[0].__name__.rpartition('.')[2]}.{it[1]}")
def test_any_function_on_the_way_may_fail(parts, realms, new_app, point, moment):
    app = new_app()
    counting = Injection()
    with into_function(*point, moment, counting):
        assert_whole(Login(app, parts, realms, counting).walk(), "without a fault")
    assert counting.passed

    # A function that is called all the time fails at eight of its calls.
    for at in range(0, counting.passed, -(-counting.passed // 8)):
        injection = Injection(at)
        with into_function(*point, moment, injection):
            answers = Login(app, parts, realms, injection).walk()
        assert_refused(answers[-1], f"{point[1]} {moment} {at}")
    assert_whole(Login(app, parts, realms, Injection()).walk(), f"after {point[1]} {moment}")
    assert_nothing_doubled(parts)


SENDING = [
    (SqlOutbox, "take"),
    (SqlOutbox, "mark_sent"),
    (Renderer, "render"),
    (Smtp, "send"),
    (worker_module, "derive_code"),
]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("point", SENDING, ids=lambda it: it[1])
def test_whatever_fails_in_the_worker_the_message_arrives_and_the_worker_lives(
    parts, clock, monkeypatch, point, moment
):
    """With one code and one Message-ID, however often; the same worker sends the next one too."""
    from dataclasses import replace

    from tests.flow import caller, right_code, start

    monkeypatch.setattr(worker_module, "_POLL_S", 0.02)
    injection, stop = Injection(0), threading.Event()
    with mail_server() as mails:
        provider = Smtp(replace(parts.settings.providers["smtp"], port=mails.port))
        usual = parts.worker()
        worker = replace(
            usual, providers=dict.fromkeys(usual.providers, (provider,)), doorbell=LocalDoorbell()
        )
        running = threading.Thread(target=worker.run, args=(stop,))
        with into_function(*point, moment, injection):
            challenge = start(parts)
            running.start()
            try:
                wait_until(lambda: injection.fired, "the fault")
                clock.shift(seconds=worker_module.CLAIM_S + 1)
                wait_until(lambda: all(row.status == "sent" for row in rows(parts, messages)), "the message")
                start(parts, "next@example.org", by=caller("next"))
                wait_until(
                    lambda: any("next@example.org" in it.recipients for it in mails.kept), "the next one"
                )
            finally:
                stop.set()
                running.join()
                provider._drop()
        mine = [it for it in mails.kept if "ada@example.org" in it.recipients]
        assert {right_code(parts, challenge)} == {it.code for it in mine}
        assert 1 == len({it.message["Message-ID"] for it in mine})
