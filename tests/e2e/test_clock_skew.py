"""Our clock against Keycloak's, from two minutes behind to two minutes ahead (threat E10)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import select

from sidecar.app import Parts
from sidecar.model.events import Event
from sidecar.store import tables
from tests.e2e.conftest import MIXED, OPEN
from tests.e2e.logins import let_in, sign_in
from tests.stack import free_port, wait_until

pytestmark = pytest.mark.keycloak


@pytest.fixture(scope="module")
def skewed(stack, tmp_path_factory) -> Iterator[Callable[[int], Any]]:
    """Sign in while the process behind Keycloak's token request is so many seconds off; answers where it ended."""
    folder, port = tmp_path_factory.mktemp("skewed"), free_port()
    offset = folder / "offset"
    offset.write_text("0")
    environment = {
        **os.environ,
        "PASSWORDLESS_SETTINGS": str(stack.settings_file),
        "PASSWORDLESS__SERVER__INTERNAL_URL": f"http://127.0.0.1:{port}",
        "PASSWORDLESS__SERVER__EMBEDDED_WORKER": "false",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.skewed", str(port), str(offset)],
            env=environment,
            stdout=log,
            stderr=log,
        )
    provider = stack.admin.at("realms", OPEN, "identity-provider", "instances", "email")
    right = provider.get()
    let_in(stack, OPEN)
    try:
        wait_until(lambda: _is_up(port), "the skewed process")
        url = f"http://127.0.0.1:{port}/realms/{OPEN}/email/token"
        provider.put(body={**right, "config": {**right["config"], "tokenUrl": url}})

        def log_in(seconds: int):
            offset.write_text(str(seconds))
            return sign_in(stack, OPEN)

        yield log_in
    finally:
        provider.put(body=right)
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _is_up(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/health/live", timeout=2).ok
    except requests.RequestException:
        return False


#: Seconds that we are off → whether the person gets in. Keycloak's assertion lives for 60 s, and is taken half a minute
#: early or late; the ID token lives for 60 s by our clock, and Keycloak takes it 5 s late and never looks at its `iat`.
OUTCOMES = {-120: False, -45: False, -25: True, 25: True, 80: True, 120: False}


@pytest.mark.parametrize(("seconds", "gets_in"), OUTCOMES.items())
def test_a_login_with_clocks_apart_ends_as_the_table_says(stack, skewed, seconds, gets_in):
    """E10: half a minute either way is bridged; further off nobody gets in, and nothing was granted."""
    before = _redeemed(stack)

    page = skewed(seconds)

    assert gets_in == bool(page.code), page.text[:500]
    assert _redeemed(stack) - before == (1 if gets_in else 0)


def test_the_realm_allows_five_seconds(stack):
    """E10: what the table rests on is in the realm as `apply` makes it."""
    for realm in (OPEN, MIXED):
        provider = stack.admin.at("realms", realm, "identity-provider", "instances", "email").get()
        assert "5" == provider["config"]["allowedClockSkew"]


def _redeemed(stack) -> int:
    parts = Parts.build(stack.settings)
    with parts.database.read() as connection:
        found = connection.execute(
            select(tables.events.c.id).where(tables.events.c.type == Event.AUTH_CODE_REDEEMED.value)
        ).all()
    parts.database.dispose()
    return len(found)
