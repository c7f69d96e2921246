"""A client that says exactly what a test gives it: path, Host, server name, and where it comes from."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass

from tests.production import Production


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    text: str

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


class _Connection(http.client.HTTPSConnection):
    def __init__(self, port: int, server_name: str, context: ssl.SSLContext, source: str) -> None:
        super().__init__(server_name, port, timeout=30)
        self._tls, self._source = context, source

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self.port), 30, source_address=(self._source, 0))
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def ask(
    stack: Production,
    path: str,
    *,
    headers: dict[str, str] | None = None,
    host: str = "",
    server_name: str = "",
    source: str = "127.0.0.1",
) -> Answer:
    """GET a path, as it stands, through nginx; the certificate is checked."""
    name = server_name or stack.variables["PUBLIC_HOST"]
    context = ssl.create_default_context(cafile=str(stack.ca_file))
    connection = _Connection(stack.ports["nginx"], name, context, source)
    try:
        connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
        for key, value in {"Host": host or stack.authority, **(headers or {})}.items():
            connection.putheader(key, value)
        connection.endheaders()
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read().decode("utf-8", "replace"))
    finally:
        connection.close()
