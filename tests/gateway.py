"""A gateway for text messages: a real HTTP server on a port of its own that keeps what it gets, and fails on demand.

`python -m tests.gateway PORT FILE [STATUS|hangs]` is one in a process of its own, which may be killed: each text that
reaches it is a line of the file, whatever it answers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl

from tests.stack import GATEWAY_SECRET, free_port, wait_until

SECRET = GATEWAY_SECRET
CALLBACK_SECRET = "a-callback-secret-of-this-test-run-0123456789"

#: What its Twilio knows: an account with its token, and an API key with its secret.
ACCOUNT_SID = "AC0123456789abcdef0123456789abcdef"
AUTH_TOKEN = "fedcba9876543210fedcba9876543210"
API_KEY = "SK0123456789abcdef0123456789abcdef"
API_SECRET = "an-api-secret-of-this-test-run"
TWILIO_PATH = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
TWILIO_CREDENTIALS = {
    f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode()}"
    for name, secret in ((ACCOUNT_SID, AUTH_TOKEN), (API_KEY, API_SECRET))
}


def signed(key: bytes, body: bytes, *, event_id: str = "e1", at: int | str = 0) -> dict[str, str]:
    """The headers of a status callback, as Standard Webhooks says; `at` 0 is now."""
    at = str(at or int(time.time())) if at != "" else ""
    mac = hmac.digest(key, f"{event_id}.{at}.".encode() + body, hashlib.sha256)
    signature = f"v1,{base64.b64encode(mac).decode()}"
    return {"webhook-id": event_id, "webhook-timestamp": at, "webhook-signature": signature}


@dataclass
class Text:
    """One message as it came."""

    recipient: str
    text: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def status_callback(self) -> str:
        """Where the gateway may say what became of it; empty if it was not told."""
        return str(self.body.get("StatusCallback") or self.body.get("req", {}).get("status_callback", ""))

    @property
    def code(self) -> str:
        found = re.search(r"(?<!\d)\d{6,8}(?!\d)", self.text)
        return found[0] if found else ""


@dataclass
class Gateway:
    """`with Gateway() as gateway`: takes every text, at `url` as JSON and at `twilio_url` as Twilio's API does.

    Stopped and started again, it keeps its port.

    `status`: what it answers instead of taking the message. `hangs`: it takes the request and says nothing. `drops`: it
    hangs up. `headers`: go along with each answer. Messages that it refuses are kept in `refused`.
    """

    port: int = field(default_factory=free_port)
    texts: list[Text] = field(default_factory=list)
    refused: list[Text] = field(default_factory=list)
    status: int = 0
    hangs: bool = False
    drops: bool = False
    answer: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    connections: int = 0
    #: Told of each text before it is answered.
    hear: Callable[[Text], None] = lambda _text: None
    _server: ThreadingHTTPServer | None = None
    _let_go: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/messages"

    @property
    def twilio_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_running(self) -> bool:
        return self._server is not None

    def refuse(self, status: int, code: int = 0) -> None:
        """Answer that, with one of Twilio's codes if there is one."""
        self.status = status
        self.answer = json.dumps({"code": code, "status": status}).encode() if code else b""

    def start(self) -> None:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                gateway.connections += 1
                super().setup()

            def do_POST(self) -> None:
                gateway._take(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._let_go.clear()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def stop(self) -> None:
        self._let_go.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def to(self, number: str) -> list[Text]:
        return [text for text in self.texts if text.recipient == number]

    def wait_for(self, number: str, count: int = 1, seconds: float = 20.0) -> Text:
        """The newest text to the number, when there are `count`."""
        wait_until(lambda: len(self.to(number)) >= count, f"{count} text(s) to {number}", seconds)
        return self.to(number)[-1]

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        raw = request.rfile.read(int(request.headers.get("Content-Length", "0")))
        is_twilio = request.path == TWILIO_PATH
        body = dict(parse_qsl(raw.decode(), strict_parsing=True)) if is_twilio else json.loads(raw)
        recipient, content = (body["To"], body["Body"]) if is_twilio else (body["recipient"], body["body"])
        text = Text(recipient, content, dict(request.headers.items()), body)
        self.hear(text)
        if self.hangs:
            self._let_go.wait(60)
        if self.hangs or self.drops:
            request.close_connection = True
            return
        status, answer = self.status, self.answer
        if is_twilio and request.headers.get("Authorization") not in TWILIO_CREDENTIALS:
            status, answer = 401, b'{"code": 20003, "status": 401}'
        (self.refused if status else self.texts).append(text)
        name = "sid" if is_twilio else "id"
        answer = answer or json.dumps({name: f"gw-{len(self.texts)}"}).encode()
        request.send_response(status or (201 if is_twilio else 202))
        for header, value in {"Content-Type": "application/json", **self.headers}.items():
            request.send_header(header, value)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)


def texts_in(file: Path) -> list[Text]:
    """What a gateway of another process was given, in its order."""
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return [Text(**json.loads(line)) for line in lines]


def main(port: int, file: Path, mood: str) -> None:
    kept = file.open("a", encoding="utf-8")

    def hear(text: Text) -> None:
        kept.write(json.dumps(asdict(text)) + "\n")
        kept.flush()

    status = int(mood) if mood.isdigit() else 0
    Gateway(port=port, hear=hear, status=status, hangs=mood == "hangs").start()
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), "".join(sys.argv[3:]))
