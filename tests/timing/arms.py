"""What is compared: the same requests for addresses in two states, over the application and a database."""

from __future__ import annotations

import itertools
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import insert

from sidecar.app import Parts, create_app
from sidecar.login.room import LoginRoom
from sidecar.model.events import Event
from sidecar.store.tables import addresses, events, subjects
from tests.web.browser import Browser, answer_of

PLANTED_S = 0.002
STEPS = ("start", "verify")
_EMAIL = "REALMS__ACME__CONNECTIONS__EMAIL"
#: Settings over the usual ones: no sign-up, and no limit that so many starts and wrong codes of one network meet.
ENVIRONMENT = {
    f"{_EMAIL}__SIGNUP": "false",
    f"{_EMAIL}__LIMITS__STARTS_PER_NETWORK_PER_HOUR": "1000000",
    f"{_EMAIL}__LIMITS__FAILURES_PER_NETWORK_PER_HOUR": "1000000",
    f"{_EMAIL}__LIMITS__FAILURES_PER_CONNECTION_PER_HOUR": "1000000",
}
#: Name → the state of the first and of the second address of a pair.
COMPARISONS = {"known, unknown": ("known", "unknown"), "known, muted": ("known", "muted")}


class Slow:
    """A port of the flow that takes 2 ms more for one address in two: what the test must find."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def act(whose: Any, *args: Any, **rest: Any) -> Any:
            if getattr(whose, "address", "").startswith("b"):
                time.sleep(PLANTED_S)
            return method(whose, *args, **rest)

        return act


@dataclass(frozen=True, kw_only=True)
class SlowParts(Parts):
    """Parts of a sidecar that tells by its timing."""

    def room(self) -> LoginRoom:
        room = super().room()
        return replace(room, challenges=Slow(room.challenges), verification=Slow(room.verification))


def slowed(parts: Parts) -> Parts:
    return SlowParts(
        settings=parts.settings, database=parts.database, keys=parts.keys, catalogue=parts.catalogue
    )


class Arms:
    """Pairs of fresh addresses, `a…` in the first state and `b…` in the second; each pair in another order."""

    def __init__(self, parts: Parts, states: tuple[str, str], *, of: str = "") -> None:
        """`of`: sets the addresses apart from those of other arms over the same database."""
        self._domain = f"x{zlib.crc32(of.encode())}.example.org"
        self._parts = parts
        self._app = create_app(parts)
        self._states = states
        self._numbers = itertools.count()
        for _ in range(5):
            self._pair()  # statements are built and prepared, templates compiled

    def measure(self, pairs: int) -> dict[str, list[tuple[float, float]]]:
        """Seconds of the first and the second address of each pair, by step."""
        found = [self._pair() for _ in range(pairs)]
        return {step: [(first[step], second[step]) for first, second in found] for step in STEPS}

    def _pair(self) -> tuple[dict[str, float], dict[str, float]]:
        number = next(self._numbers)
        people = [f"{letter}{number:06}@{self._domain}" for letter in "ab"]
        for address, state in zip(people, self._states, strict=True):
            _prepare(self._parts, address, state)
        turn = 1 if number % 2 else -1
        first, second = (self._walk(address) for address in people[::turn])
        return (first, second) if turn == 1 else (second, first)

    def _walk(self, address: str) -> dict[str, float]:
        browser = Browser(self._app)
        started, start_s = _timed(lambda: browser.authorize(login_hint=address))
        challenge_id = answer_of(started)["challenge"]
        wrong = browser.wrong_code(self._parts, challenge_id)
        _, verify_s = _timed(lambda: browser.type_code(challenge_id, wrong))
        return {"start": start_s, "verify": verify_s}


def _timed(act: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    answer = act()
    return answer, time.perf_counter() - began


def _prepare(parts: Parts, address: str, state: str) -> None:
    if state == "unknown":
        return
    add_known(parts, address)
    if state == "muted":
        mute(parts, address)


def mute(parts: Parts, address: str) -> None:
    """As the reader of its mail would."""
    with parts.database.write() as connection:
        connection.execute(
            insert(events).values(
                at=parts.database.clock.now(),
                realm="acme",
                connection="email",
                type=Event.ADDRESS_MUTED.value,
                address=address,
            )
        )


def add_known(parts: Parts, address: str) -> None:
    """Give the address a profile, as if it had signed in when sign-up was on."""
    owner = {"realm": "acme", "connection": "email"}
    with parts.database.write() as connection:
        connection.execute(insert(subjects).values(id=f"email.{address}", created_at=0, **owner))
        connection.execute(
            insert(addresses).values(
                address=address, destination=address, subject_id=f"email.{address}", proven_at=0, **owner
            )
        )
