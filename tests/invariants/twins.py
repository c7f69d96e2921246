"""I10: two strangers do the same, one with an address that is known and one with one that isn't, and compare."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from tests.invariants.audit import require
from tests.invariants.world import World
from tests.web.browser import Browser, answer_of

_CODE = "/realms/closed/email/code"
# What is random in every answer (challenges, cookies, sealed requests), and the second of a cookie's end.
_RANDOM = re.compile(
    r"challenge=[\w-]{22}|value=\"[\w.-]{22,}\"|__Host-passwordless=[\w-]+|Expires=[\w, :]+"
    r"|twin-\w+@|state=[\w-]+|\b[0-9a-f]{16}\b"
)


class Twins:
    """Sign-up is off where they are, the clock stands still, and each has a browser and a network of its own."""

    DEEDS: ClassVar[tuple[str, ...]] = ("start", "look", "ask", "guess", "again", "deliver", "cancel")
    ADDRESSES: ClassVar[tuple[str, ...]] = ("twin-known@example.org", "twin-other@example.org")

    def __init__(self, world: World) -> None:
        self._world = world
        self.browsers = [Browser(world.app, f"198.51.100.{number}") for number in (50, 60)]
        self._challenges = ["", ""]

    def do(self, deed: str) -> None:
        """Both do it; what they see must be the same."""
        self._world.fault = None
        if deed == "deliver":
            self._world.deliver()
            return
        seen = [self._seen(number, deed) for number in range(2)]
        if seen[0] is not None:
            self._world.seen[f"twins: {deed} {seen[0][0]}"] += 1
        require(seen[0] == seen[1], f"I10: {deed} tells whether the address is known: {_difference(seen)}")

    def _seen(self, number: int, deed: str) -> Any:
        browser, challenge_id = self.browsers[number], self._challenges[number]
        if deed == "start":
            answer = browser.authorize("closed", login_hint=self.ADDRESSES[number])
            if answer.status_code == 303:
                self._challenges[number] = answer_of(answer)["challenge"]
            return self._of(answer)
        if not challenge_id:
            return None
        form, query = {"challenge": challenge_id}, f"?challenge={challenge_id}"
        if deed == "look":
            answer = browser.get(_CODE + query)
        elif deed == "ask":
            answer = browser.get(f"{_CODE}/status{query}")
        elif deed == "guess":
            answer = browser.post(_CODE, {**form, "code": self._wrong(number)})
        elif deed == "cancel":
            answer = browser.post(f"{_CODE}/cancel", form)
        else:
            answer = browser.post(f"{_CODE}/resend", form)
            if answer.status_code == 303:
                self._challenges[number] = answer_of(answer)["challenge"]
        return self._of(answer)

    def _wrong(self, number: int) -> str:
        """Not what was sent, if something was."""
        sent = [it.code for it in self._world.post.letters if it.challenge_id == self._challenges[number]]
        return "111111" if "000000" in sent else "000000"

    def _of(self, answer: Any) -> tuple[int, list[str], str]:
        headers = sorted(
            f"{name}: {_RANDOM.sub('…', value)}" for name, value in answer.headers if name != "Content-Length"
        )
        body = "" if self._world.mail_failed else _RANDOM.sub("…", answer.get_data(as_text=True))
        return answer.status_code, headers, body


def _difference(seen: list[Any]) -> str:
    if None in seen:
        return "one of them has no challenge"
    pairs = [
        ("status", seen[0][0], seen[1][0]),
        *(("header", *it) for it in zip(seen[0][1], seen[1][1], strict=False)),
    ]
    lines = zip(seen[0][2].splitlines(), seen[1][2].splitlines(), strict=False)
    pairs += [("line", *it) for it in lines]
    return next((f"{kind} {one!r} or {other!r}" for kind, one, other in pairs if one != other), "length")
