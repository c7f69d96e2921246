"""What commands say of a connection's test addresses; never their codes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from sidecar.cli.options import inert
from sidecar.settings import Connection


def pinned_lines(connection: Connection) -> Iterator[str]:
    """A line for each, indented."""
    for each in pinned_json(connection):
        until = f"until {each['until']}" if each["until"] else "without end"
        yield f"  test address {inert(each['address'])}, {until}{'' if each['holds'] else ': OVER'}"


def pinned_json(connection: Connection) -> list[dict[str, Any]]:
    """`until` is the last day (UTC) that its code holds, `holds` whether it does by this machine's clock."""
    now = int(time.time() * 1000)
    return [
        {
            "address": address,
            "until": pinned.until.isoformat() if pinned.until else None,
            "holds": pinned.holds_at(now),
        }
        for address, pinned in sorted(connection.test_addresses.items())
    ]
