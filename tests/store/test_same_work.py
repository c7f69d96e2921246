"""D2: the database is asked the same, statement for statement, whatever the address is.

As the database sees it: SQLite tells each statement it runs, and libpq writes down what goes over the wire; so nothing
hangs on the library in between.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from psycopg import pq
from sqlalchemy import event

from sidecar.app import Parts, create_app
from tests.journeys.mails import mail_server
from tests.timing.arms import add_known, mute
from tests.web.browser import Browser

#: After so many runs psycopg has prepared each statement, and nothing changes any more.
WARM_UP = 8


@pytest.fixture
def parts(database_url: str, settings_for: Any, clock: Any) -> Iterator[Parts]:
    built = Parts.build(
        settings_for(database_url, REALMS__ACME__CONNECTIONS__EMAIL__SIGNUP="false"), clock=clock
    )
    yield built
    built.database.dispose()


Asked = Callable[[], list[str]]


@pytest.fixture
def asked(parts: Parts) -> Iterator[Asked]:
    """Take what the database was asked since the last call."""
    parts.database.dispose()  # the connections from now on are watched
    watched = _on_the_wire(parts) if parts.database.is_postgresql else _in_the_process(parts)
    with watched as take:
        yield take
        parts.database.dispose()


@contextmanager
def _in_the_process(parts: Parts) -> Iterator[Asked]:
    seen: list[str] = []
    event.listen(parts.database.engine, "connect", lambda it, _: it.set_trace_callback(seen.append))

    def take() -> list[str]:
        found = [_without_values(statement) for statement in seen]
        seen.clear()
        return found

    yield take


@contextmanager
def _on_the_wire(parts: Parts) -> Iterator[Asked]:
    with tempfile.TemporaryFile("w+") as trace:

        def watch(connection: Any, _record: Any) -> None:
            connection.pgconn.trace(trace.fileno())
            connection.pgconn.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS | pq.Trace.REGRESS_MODE)

        def take() -> list[str]:
            trace.seek(0)
            # Direction, length, kind, contents.
            lines = [line.rstrip("\n").split("\t", 3) for line in trace]
            trace.seek(0)
            trace.truncate()
            return [_message(*line[2:]) for line in lines if line[0] == "F"]

        event.listen(parts.database.engine, "connect", watch)
        yield take


def _message(kind: str, contents: str = "") -> str:
    """Without the values that are bound; a statement that is prepared by now has a name in place of its text."""
    return f"{kind} {contents.split()[1] if kind == 'Bind' else _without_values(contents)}"


def _without_values(statement: str) -> str:
    return re.sub(r"x?'(?:[^']|'')*'|\b\d+(\.\d+)?\b", "?", statement)


@pytest.fixture
def walk(parts: Parts, asked: Asked, clock: Any) -> Iterator[Callable[[str], dict[str, list[str]]]]:
    """What is asked at each step of a start, a wrong code, a resend, and their messages."""
    app = create_app(parts)
    with mail_server() as mails:
        worker, provider = mails.worker(parts)

        def act(address: str) -> dict[str, list[str]]:
            browser = Browser(app)
            asked()
            challenge_id = browser.start(address)
            found = {"start": asked()}
            query = f"?challenge={challenge_id}"
            wrong = browser.wrong_code(parts, challenge_id)
            steps: dict[str, Callable[[], Any]] = {
                "page": lambda: browser.get(f"/realms/acme/email/code{query}"),
                "message": worker.step,
                "status": lambda: browser.get(f"/realms/acme/email/code/status{query}"),
                "wrong code": lambda: browser.type_code(challenge_id, wrong),
                "resend": lambda: browser.post("/realms/acme/email/code/resend", {"challenge": challenge_id}),
                "second message": worker.step,
            }
            for name, step in steps.items():
                if name == "resend":
                    clock.shift(seconds=31)
                asked()
                step()
                found[name] = asked()
            return found

        yield act
        provider.close()


def test_the_database_is_asked_the_same_for_every_address(parts: Parts, walk: Any) -> None:
    """Known, unknown (sign-up is off), muted: start, page, wrong code, resend, and the worker's part."""
    for number in range(WARM_UP):
        walk(f"w{number}@example.org")
    for address in ("kim@example.org", "max@example.org"):
        add_known(parts, address)
    mute(parts, "max@example.org")

    walks = {address: walk(address) for address in ("kim@example.org", "una@example.org", "max@example.org")}

    known, *others = walks.values()
    assert all(known.values())
    assert [known, known] == others
