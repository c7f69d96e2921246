"""HTTP as it goes over the wire: bytes out, bytes in, on a connection of one's own."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str


class Line:
    """One kept connection; requests on it are one after another."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def send(
        self, method: str, target: str, headers: Sequence[tuple[str, str]], form: dict[str, str] | None = None
    ) -> Answer:
        """Send just these headers, in this order, doubles too."""
        body = urlencode(form).encode() if form is not None else b""
        connection = self._connection
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if form is not None:
            connection.putheader("Content-Type", "application/x-www-form-urlencoded")
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
        return Answer(response.status, dict(response.getheaders()), text)

    def close(self) -> None:
        self._connection.close()


class Racers:
    """Connections that are opened before the start and let go together, round after round."""

    def __init__(self, port: int, count: int) -> None:
        self._lines = [Line(port) for _ in range(count)]

    def run(self, action: Callable[[Line, int], Any]) -> list[Any]:
        barrier = threading.Barrier(len(self._lines))
        results: list[Any] = [None] * len(self._lines)

        def run(number: int) -> None:
            barrier.wait()
            results[number] = action(self._lines[number], number)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(len(self._lines))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    def close(self) -> None:
        for line in self._lines:
            line.close()
