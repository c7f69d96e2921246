"""What becomes of an admin call that Keycloak does not answer in time."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak import connect


@pytest.fixture
def slow() -> Iterator[tuple[str, Counter[str], threading.Event]]:
    """A Keycloak that signs in at once, and thinks about everything else until it is let go."""
    asked: Counter[str] = Counter()
    enough = threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked[self.path] += 1
            self.rfile.read(int(self.headers["Content-Length"]))
            if "/token" not in self.path:
                enough.wait(60)
            body = json.dumps({"access_token": "t", "refresh_token": "r", "expires_in": 60}).encode()
            with contextlib.suppress(ConnectionError):  # who asked has gone by then
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked, enough
    enough.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_call_that_is_not_answered_in_time_is_not_repeated(slow, settings_for) -> None:
    """It may have been done: a realm that is made twice is refused, and says nothing of the time."""
    url, asked, enough = slow
    settings = settings_for("sqlite:///unused.db", KEYCLOAK__INTERNAL_URL=url, KEYCLOAK__TIMEOUT_S="1")
    admin = connect(settings, username="admin", password="admin")

    with pytest.raises(KeycloakUnavailable, match=r"did not answer in time: .*raise keycloak\.timeout_s"):
        admin.post("realms", body={"realm": "acme"})

    enough.set()
    assert 1 == asked["/admin/realms"]
