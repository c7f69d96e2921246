"""Which network a client is in: what limits count by."""

from __future__ import annotations

import ipaddress
import re

_IPV6_PREFIX = 64  # what one household or host gets; counting single addresses would count nothing


# What some proxies write into X-Forwarded-For: an IPv4 address with a port, an IPv6 one in brackets (RFC 3986 §3.2.2).
_WITH_PORT = re.compile(
    r"(?:(?P<ipv4>[0-9.]{7,15})|\[(?P<ipv6>[0-9A-Fa-f]*:[0-9A-Fa-f:.]{1,44})\])(?::(?P<port>[0-9]{1,5}))?"
)
_MAX_PORT = 65_535


def network_of(remote_addr: str | None) -> str:
    """An IPv4 address, or an IPv6 /64, in canonical form; `unknown` for a peer without one (a Unix socket)."""
    address = address_of(remote_addr)
    if ":" in address:
        return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
    return address or "unknown"


def address_of(remote_addr: str | None) -> str:
    """An IPv4 or IPv6 address in canonical form, for others' records; empty for a peer without one."""
    try:
        address = ipaddress.ip_address(_without_port(remote_addr or "").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def _without_port(remote_addr: str) -> str:
    found = _WITH_PORT.fullmatch(remote_addr)
    if not found or int(found["port"] or 0) > _MAX_PORT:
        return remote_addr
    return found["ipv4"] or found["ipv6"]
