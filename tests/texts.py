"""Logins by number as tests drive them: a connection `sms`, and shorthand for its steps."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sidecar.app import Parts
from sidecar.login.issue import issue
from sidecar.login.room import Caller
from sidecar.login.verify import verify
from sidecar.model.challenge import Challenge
from sidecar.model.phone import parse_phone
from sidecar.settings import Settings
from sidecar.store.clock import Clock
from tests.flow import ASKER, REQUEST, caller, right_code
from tests.gateway import SECRET

REALM, CONNECTION = "acme", "sms"
#: Four digits short of a number; all of them share their prefix.
BRITISH, GERMAN, IRISH = "+44740000", "+491511234", "+35385012"


def with_texts(
    *, gateway_url: str = "http://127.0.0.1:1/messages", signup: bool = True, **pumping: int
) -> dict[str, str]:
    """Settings over the usual ones: a connection that sends text messages to all countries, and these budgets."""
    connection = "REALMS__ACME__CONNECTIONS__SMS"
    return {
        "PROVIDERS__GATEWAY__TYPE": "webhook",
        "PROVIDERS__GATEWAY__URL": gateway_url,
        "PROVIDERS__GATEWAY__SECRET": SECRET,
        "PROVIDERS__GATEWAY__PRIVATE_NETWORK": "true",
        f"{connection}__STRATEGY": "sms",
        f"{connection}__COUNTRIES": '["*"]',
        f"{connection}__PROVIDERS": '["gateway"]',
        f"{connection}__SIGNUP": str(signup).lower(),
        **{f"{connection}__PUMPING__{name.upper()}": str(value) for name, value in pumping.items()},
    }


@contextmanager
def texting(settings: Settings, clock: Clock) -> Iterator[Parts]:
    built = Parts.build(settings, clock=clock)
    yield built
    built.database.dispose()


def number(start: str, each: int) -> str:
    """Numbers side by side."""
    return f"{start}{each:04d}"


def stranger(each: int) -> Caller:
    """A browser and a network of its own each."""
    return caller(f"stranger-{each}", f"198.51.{each // 250}.{each % 250}")


def state_of(client: str) -> str:
    """A state as Keycloak writes it for an application."""
    return f"state.tab.{base64.urlsafe_b64encode(client.encode()).rstrip(b'=').decode()}"


def text(parts: Parts, to: str, by: Caller | None = None, *, client: str = "shop") -> Challenge:
    """Start a login by number."""
    return issue(
        parts.room(),
        realm=REALM,
        connection=CONNECTION,
        address=parse_phone(to),
        caller=by or caller(),
        request=replace(REQUEST, state=state_of(client)),
        asker=ASKER,
        locale="en",
    )


def accept(parts: Parts, challenge: Challenge, by: Caller | None = None) -> Any:
    """Type its code."""
    return verify(
        parts.room(),
        challenge=challenge,
        unverified_code=right_code(parts, challenge),
        caller=by or caller(),
    )


def log_in(parts: Parts, to: str, by: Caller | None = None, *, client: str = "shop") -> None:
    accept(parts, text(parts, to, by, client=client), by)
