"""The login flow as tests drive it: a caller, an authorization request, and shorthand for the steps."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sidecar.app import Parts
from sidecar.login.codes import derive_code
from sidecar.login.issue import issue
from sidecar.login.room import Caller
from sidecar.model.asker import Asker
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.challenge import Challenge
from sidecar.model.email import parse_email

VERIFIER = "v" * 43
CODE_CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REQUEST = AuthorizationRequest(
    client_id="keycloak",
    redirect_uri="https://id.example.org/realms/acme/broker/email/endpoint",
    state="state-1",
    nonce="nonce-1",
    code_challenge=CODE_CHALLENGE,
)

#: Who asks in tests of anything else.
ASKER = Asker(browser="firefox", system="windows")


def caller(name: str = "ada", network: str = "192.0.2.1") -> Caller:
    """A browser by name; the same name is the same browser."""
    return Caller(browser_secret=hashlib.sha256(name.encode()).hexdigest()[:43], network=network)


def start(
    parts: Parts,
    address: str = "ada@example.org",
    *,
    by: Caller | None = None,
    realm: str = "acme",
    connection: str = "email",
    asker: Asker = ASKER,
    send: str = "",
) -> Challenge:
    return issue(
        parts.room(),
        realm=realm,
        connection=connection,
        address=parse_email(address),
        caller=by or caller(),
        request=replace(REQUEST, send=send),
        asker=asker,
        locale="en",
    )


def find(parts: Parts, challenge: Challenge, by: Caller | None = None) -> Challenge:
    """The challenge as it stands now."""
    return parts.room().challenges.find(challenge.id, (by or caller()).macs(parts.keys))[0]


def right_code(parts: Parts, challenge: Challenge) -> str:
    return derive_code(parts.keys, challenge)


def wrong_code(parts: Parts, challenge: Challenge) -> str:
    right = int(right_code(parts, challenge))
    return f"{(right + 1) % 10**challenge.digits:0{challenge.digits}d}"


def at_once(action: Callable[[int], Any], times: int) -> list[Any]:
    """Run `action(0..times-1)` in as many threads, let go together; results or raised errors, by number."""
    barrier = threading.Barrier(times)
    results: list[Any] = [None] * times

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = action(number)
        except Exception as error:  # the test looks at what was raised
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
