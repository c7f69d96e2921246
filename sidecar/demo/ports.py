"""The demo's five ports, and whether they are free."""

from __future__ import annotations

import errno
import socket
from contextlib import closing
from dataclasses import asdict, dataclass

from sidecar.errors import DemoError

_HIGHEST = 65535
_PERSONAL_FROM = 1024


@dataclass(frozen=True, kw_only=True)
class Ports:
    keycloak: int = 8080
    sidecar: int = 5080
    inbox: int = 8025
    smtp: int = 1025
    flask: int = 8026

    @classmethod
    def chosen(cls, *, flask: int | None, **others: int) -> Ports:
        """These; without one for the Flask example, which is a guest here, the first that is free after the inbox's."""
        return cls(**others, flask=flask or _free_one_after(others["inbox"], set(others.values())))

    def require_free(self, *, command: str) -> None:
        """Make sure that each can be had and none is meant for two.

        Args:
            command: how the demo was started, for the way out.

        Raises:
            DemoError: one can't; names it, and another that is free.
        """
        taken: dict[int, str] = {}
        for name, port in asdict(self).items():
            variable = f"{name.upper()}_PORT"
            other = (
                f"choose another: {variable}={_free_one_after(port, set(asdict(self).values()))} {command}"
            )
            if port in taken:
                raise DemoError(f"port {port} is meant for both {taken[port]} and {name}: {other}")
            if _is_busy(port):
                raise DemoError(
                    f"port {port}, where {name} should listen, is in use: stop what listens there, or {other}"
                )
            if _is_forbidden(port):
                raise DemoError(
                    f"port {port}, where {name} should listen, needs an administrator's rights: {other}"
                )
            taken[port] = name


def _is_busy(port: int) -> bool:
    """Whether anybody answers there, on either loopback address, or the port can't be bound."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with closing(socket.socket(family, socket.SOCK_STREAM)) as caller:
                caller.settimeout(1)
                if caller.connect_ex((host, port)) == 0:
                    return True
        except OSError:  # no such address family here
            continue
    return _bind_error(port) == errno.EADDRINUSE


def _is_forbidden(port: int) -> bool:
    return _bind_error(port) == errno.EACCES


def _bind_error(port: int) -> int | None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as listener:
        # As servers do it: connections of a demo that just ended don't count as busy.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as err:
            return err.errno
    return None


def _free_one_after(port: int, used: set[int]) -> int:
    candidates = range(max(port, _PERSONAL_FROM - 1) + 1, _HIGHEST + 1)
    return next((one for one in candidates if one not in used and not _is_busy(one)), 0)
