"""A tiny database of places in MaxMind's format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet


def place(city: dict[str, Any] | None, country: dict[str, Any] | None) -> dict[str, Any]:
    named = {"city": city, "country": country}
    return {kind: {"names": names} for kind, names in named.items() if names}


def database(
    path: Path, networks: dict[str, Any], *, kind: str = "GeoLite2-City", ip_version: int = 6
) -> str:
    """Write one that knows these networks; answers its path."""
    writer = MMDBWriter(
        ip_version, kind, languages=["en"], description="test", ipv4_compatible=ip_version == 6
    )
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return str(path)
