"""An end to a conversation, whatever the other side does: a socket's timeout begins anew with each byte that comes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_AGAIN_S = 0.05


@contextmanager
def hung_up_after(seconds: float, socket_of: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Shut down the socket of that time when it is over; whoever reads from it or writes to it then finds it closed.

    `socket_of` is asked from another thread, and again until the block ends: a connection may come to be meanwhile.
    """
    over = threading.Event()

    def watch() -> None:
        wait_s = seconds
        while not over.wait(wait_s):
            wait_s = _AGAIN_S
            connected = socket_of()
            if connected is not None:
                with suppress(OSError):
                    # Not the method of a TLS socket, which forgets its state while another thread reads.
                    socket.socket.shutdown(connected, socket.SHUT_RDWR)

    threading.Thread(target=watch, name="deadline", daemon=True).start()
    try:
        yield
    finally:
        over.set()
