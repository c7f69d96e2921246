"""A server that takes a message whole, over HTTP or SMTP, and then answers as none should."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

_LONG_S = 60.0


@dataclass
class Rogue:
    """`with Rogue("http", act) as rogue`: each connection's message ends in `act(socket, over)`; then it hangs up.

    `kind` is "http", "smtp", or "mute" for one that waits for no message. `over` is set when the
    server stops. `taken` counts messages.
    """

    kind: str
    act: Callable[[socket.socket, threading.Event], None]
    taken: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _start(self, what: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=what, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.over.is_set():
            with contextlib.suppress(TimeoutError):
                self._start(self._serve, self._listener.accept()[0])

    def _serve(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            peer.settimeout(_LONG_S)
            with peer.makefile("rb") as lines:
                if self.kind == "smtp":
                    self._read_mail(peer, lines)
                elif self.kind == "http":
                    self._read_request(peer, lines)
            self.taken += 1
            self.act(peer, self.over)

    def _read_request(self, _peer: socket.socket, lines: Any) -> None:
        length = 0
        while (line := lines.readline()) not in {b"\r\n", b""}:
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        lines.read(length)

    def _read_mail(self, peer: socket.socket, lines: Any) -> None:
        peer.sendall(b"220 rogue\r\n")
        while line := lines.readline():
            if line.upper().startswith(b"DATA"):
                peer.sendall(b"354 go on\r\n")
                while lines.readline() not in {b".\r\n", b""}:
                    pass
                return
            peer.sendall(b"250 ok\r\n")


def garbage(peer: socket.socket, _over: threading.Event) -> None:
    peer.sendall(b"\x00\xff\x16\x03 what is this? \r\n\r\n" * 20)


def a_byte_now_and_then(peer: socket.socket, over: threading.Event) -> None:
    """Never long enough apart for a socket's timeout; it has an end, for a test that must fail in its time."""
    for _ in range(400):
        peer.sendall(b"2")
        if over.wait(0.1):
            return


def no_end(line: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """As fast as it is read."""

    def act(peer: socket.socket, over: threading.Event) -> None:
        while not over.is_set():
            peer.sendall(line * 1000)

    return act


def after(head: bytes, then: Callable[[socket.socket, threading.Event], None]) -> Any:
    def act(peer: socket.socket, over: threading.Event) -> None:
        peer.sendall(head)
        then(peer, over)

    return act
