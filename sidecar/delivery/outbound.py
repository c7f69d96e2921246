"""Connections to hosts that an operator named, and to nothing else (server-side request forgery).

A name is resolved once for each connection, all that it resolves to must be public, and the connection goes to what was
checked: a resolver that answers otherwise a moment later changes nothing. No redirect is followed, no proxy is taken
from the environment, an answer is read up to a limit, and all of it ends in time, also with a server that sends a byte
now and then. `private_network` is the operator's word that a host of an internal network is meant.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from sidecar.delivery.deadline import hung_up_after
from sidecar.errors import DeliveryFailed

MAX_ANSWER_BYTES = 64 * 1024
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_IPV4_BITS = 32
#: A socket takes 0 for "don't wait at all".
_SHORTEST_S = 0.01
_NO_URL = "its URL is none that messages may go to"


def _without_path(record: logging.LogRecord) -> bool:
    """At debug urllib3 writes the path and query of each request, and a gateway's URL may hold secrets there."""
    if '"%s %s %s"' in record.msg and isinstance(record.args, tuple):
        *where, _, version, status, length = record.args
        record.args = (*where, "[path]", version, status, length)
    return True


logging.getLogger("urllib3.connectionpool").addFilter(_without_path)

Resolve = Callable[..., list[Any]]


class NotReached(OSError):
    """No connection: nothing was said yet to anybody."""


class AddressBlocked(OSError):
    """A host is, or would lead to, something that is not on the public network."""


def is_public(address: str) -> bool:
    """Whether an IP address is somebody's on the public network, also under an IPv6 form that carries an IPv4 one."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if parsed in _NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & (2**_IPV4_BITS - 1))
        if inner is not None:
            return is_public(str(inner))
        if parsed.teredo or parsed in _NAT64_LOCAL or parsed.is_site_local:
            return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def connect(
    host: str,
    port: int,
    *,
    timeout_s: float,
    private_network: bool,
    resolve: Resolve | None = None,
) -> socket.socket:
    """A connection to one of the addresses that were checked; `timeout_s` is shared out among them.

    Raises:
        AddressBlocked: one of the host's addresses is not public, and `private_network` is not said.
        OSError: it has none, or none answers.
    """
    found = (resolve or socket.getaddrinfo)(host.rstrip("."), port, type=socket.SOCK_STREAM)
    if not private_network:
        for *_, address in found:
            if not is_public(str(address[0])):
                raise AddressBlocked(f"{host} is on a private network; private_network = true allows it")
    failure: OSError = OSError(f"{host} has no address")
    until = time.monotonic() + timeout_s
    for left, (family, kind, protocol, _, address) in zip(range(len(found), 0, -1), found, strict=True):
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(max(_SHORTEST_S, (until - time.monotonic()) / left))
        try:
            sock.connect(address)
        except OSError as err:
            sock.close()
            failure = err
        else:
            sock.settimeout(max(_SHORTEST_S, until - time.monotonic()))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    raise failure


@dataclass(frozen=True, kw_only=True, repr=False)
class Answer:
    """What a server said. Not for logs: gateways repeat what they were sent."""

    status: int
    body: bytes

    def json(self) -> Mapping[str, Any]:
        """The body as a JSON object; an empty one if it is none."""
        try:
            parsed = json.loads(self.body)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}


class Outbound:
    """An HTTP client for the URLs of one provider."""

    def __init__(
        self,
        *,
        timeout_s: float,
        private_network: bool,
        ca_file: str = "",
        resolve: Resolve | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._private_network = private_network
        self._resolve = resolve
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = ca_file or True
        #: The one that is in use, or was last.
        self._connection: HTTPConnection | None = None
        #: Whether a request was begun on it, after any TLS handshake.
        self._has_begun = False
        self._session.mount("https://", _Checked(self._connect, self._note))
        self._session.mount("http://", _Checked(self._connect, self._note))

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send one request; a redirect is an answer like any other.

        Raises:
            DeliveryFailed: as `exchange`.
        """
        self._require(url)
        try:
            request = requests.Request("POST", url, data=body, headers=dict(headers)).prepare()
        except requests.RequestException as err:
            raise DeliveryFailed(_NO_URL, is_final=True) from err
        return self.exchange(request)

    def exchange(self, request: requests.PreparedRequest, *, timeout_s: float | None = None) -> Answer:
        """Send it, as it is; `timeout_s` where less is left than this client's.

        An answer is what its first line says, also if the rest is garbage or does not end.

        Raises:
            DeliveryFailed: no answer came; another try, or another provider, can help. About the recipient unless
                `reach` would have failed as well.
        """
        self._require(request.url or "")
        self._has_begun = False
        seconds = self._timeout_s if timeout_s is None else max(timeout_s, _SHORTEST_S)
        try:
            with (
                hung_up_after(seconds, self._socket),
                self._session.send(request, timeout=seconds, allow_redirects=False, stream=True) as response,
            ):
                return Answer(status=response.status_code, body=_body(response))
        except (requests.RequestException, HTTPError, OSError) as err:
            was_reached = self._has_begun and not any(isinstance(it, NotReached) for it in _causes(err))
            raise DeliveryFailed(f"no answer: {_cause(err)}", is_about_recipient=was_reached) from err

    def reach(self, url: str) -> None:
        """Connect, with TLS where the URL has it, and hang up: all that comes before a message.

        Raises:
            DeliveryFailed: as `post`.
        """
        self._require(url)
        parts = urlsplit(url)
        host = parts.hostname or ""
        try:
            with self._connect(host, parts.port or (443 if parts.scheme == "https" else 80)) as sock:
                if parts.scheme == "https":
                    verify = self._session.verify
                    context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
                    context.wrap_socket(sock, server_hostname=host).close()
        except OSError as err:
            raise DeliveryFailed(f"no answer: {_cause(err)}") from err

    def close(self) -> None:
        self._session.close()

    def _socket(self) -> socket.socket | None:
        return self._connection.sock if self._connection else None

    def _note(self, connection: HTTPConnection) -> None:
        self._connection = connection
        self._has_begun = True

    def _connect(self, host: str, port: int) -> socket.socket:
        try:
            return connect(
                host,
                port,
                timeout_s=self._timeout_s,
                private_network=self._private_network,
                resolve=self._resolve,
            )
        except OSError as err:
            raise NotReached(str(err)) from err

    def _require(self, url: str) -> None:
        parts = urlsplit(url)
        if (parts.scheme != "https" and not (parts.scheme == "http" and self._private_network)) or (
            parts.username or parts.password
        ):
            raise DeliveryFailed(_NO_URL, is_final=True)


class _Checked(HTTPAdapter):
    """Lets every connection of a session be made by `make`, and tells of each that is used."""

    def __init__(
        self, make: Callable[[str, int], socket.socket], note: Callable[[HTTPConnection], None]
    ) -> None:
        self._make = make
        self._note = note
        super().__init__(max_retries=Retry(0, read=False))

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        make, note = self._make, self._note

        class Http(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return make(self.host, self.port or 80)

            def request(self, *args: Any, **kwargs: Any) -> None:
                note(self)
                super().request(*args, **kwargs)

        class Https(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return make(self.host, self.port or 443)

            def request(self, *args: Any, **kwargs: Any) -> None:
                note(self)
                super().request(*args, **kwargs)

        class HttpPool(HTTPConnectionPool):
            ConnectionCls = Http

        class HttpsPool(HTTPSConnectionPool):
            ConnectionCls = Https

        self.poolmanager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}


def _body(response: requests.Response) -> bytes:
    """What there is of it, up to the limit; nothing where it is not what its headers say, or breaks off."""
    try:
        return response.raw.read(MAX_ANSWER_BYTES, decode_content=True)
    except (HTTPError, OSError):
        return b""


def _cause(err: BaseException) -> str:
    """The innermost error's kind: its text may hold the address."""
    return type(_causes(err)[-1]).__name__


def _causes(err: BaseException) -> list[BaseException]:
    """The error and what led to it, the innermost last."""
    found = [err]
    while inner := found[-1].__cause__ or found[-1].__context__:
        found.append(inner)
    return found
