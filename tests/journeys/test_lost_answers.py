"""The answer to a right code is lost on its way: nothing is granted again; the person starts anew (G8, G10)."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlencode

import pytest

from sidecar.edge.browser import COOKIE
from sidecar.login.redeem import redeem
from sidecar.login.verify import verify
from sidecar.model.events import Event
from sidecar.store.tables import auth_codes
from tests.flow import caller, right_code, start
from tests.ledger import events_of, rows
from tests.stack import wait_until


@pytest.mark.parametrize("read", [0, 1, 12, 13, 60, 200, 400])
def test_a_connection_cut_at_any_byte_of_the_answer_grants_nothing_twice(served, read):
    """G10: the ledger says accepted and never redeemed; the same code is over, and a new start works."""
    address, by = f"cut{read}@example.org", caller(f"cut{read}")
    challenge = start(served.parts, address, by=by)
    code = right_code(served.parts, challenge)
    _post_and_hang_up(served, by, {"challenge": challenge.id, "code": code}, read)

    def of(kind: Event) -> int:
        return sum(event.challenge_id == challenge.id for event in events_of(served.parts, kind))

    wait_until(lambda: of(Event.CODE_ACCEPTED), "the success in the ledger")
    with pytest.raises(Exception, match="refused"):
        verify(served.parts.room(), challenge=challenge, unverified_code=code, caller=by)
    assert (1, 0) == (of(Event.CODE_ACCEPTED), of(Event.AUTH_CODE_REDEEMED))
    assert 1 == sum(row.challenge_id == challenge.id for row in rows(served.parts, auth_codes))
    fresh = start(served.parts, address, by=by)
    assert verify(
        served.parts.room(), challenge=fresh, unverified_code=right_code(served.parts, fresh), caller=by
    )


def _post_and_hang_up(served, by, form: dict[str, str], read: int) -> None:
    body = urlencode(form)
    head = (
        f"POST /realms/acme/email/code HTTP/1.1\r\nHost: {served.host}\r\nOrigin: http://{served.host}\r\n"
        f"Cookie: {COOKIE}={by.browser_secret}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as line:
        line.sendall((head + body).encode())
        if read:
            line.recv(read)


@pytest.mark.parametrize("off_s", [-600, 600])
def test_a_processs_own_clock_decides_nothing_of_a_code(parts, clock, monkeypatch, off_s):
    """G8, E10: it steps by ten minutes between the steps; the database's clock counts."""
    challenge = start(parts)
    over = start(parts, "grace@example.org", by=caller("grace"))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + off_s)

    bought = verify(
        parts.room(), challenge=challenge, unverified_code=right_code(parts, challenge), caller=caller()
    )

    grant = redeem(parts.room(), realm="acme", connection="email", unverified_auth_code=bought.raw_auth_code)
    assert grant is not None
    clock.shift(seconds=301)
    with pytest.raises(Exception, match="refused"):
        verify(parts.room(), challenge=over, unverified_code=right_code(parts, over), caller=caller("grace"))
