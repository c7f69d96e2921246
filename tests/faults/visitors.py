"""A few people who sign in all the time, over HTTP, and remember what they saw."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from sidecar.edge.browser import COOKIE
from tests.faults.post import Letter, letters
from tests.journeys.http import Answer, Line
from tests.oidc.realm import Realms
from tests.web.browser import PERSON, authorization

_PATH = "/realms/acme/email"
_PAUSE_S = 0.05
_AFTER_A_FAILURE_S = 0.3
_AT_ONCE = 3
_LOST = (OSError, http.client.HTTPException)


@dataclass
class House:
    """Where they sign in, and the mails that they read."""

    port: int
    redirect_uri: str
    realms: Realms
    mails: Path

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    def letters(self) -> dict[str, list[Letter]]:
        """By challenge."""
        found = defaultdict(list)
        for letter in letters(self.mails):
            found[letter.challenge_id].append(letter)
        return found


@dataclass
class Person:
    """One login, begun anew as often as it needs; sets of challenges say what was seen of each."""

    house: House
    address: str
    cookie: str = ""
    challenge: str = ""
    starts: int = 0
    seen: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    is_in: bool = False

    def go_on(self, letters: dict[str, list[Letter]]) -> None:
        """One step, if there is one to do."""
        if not self.challenge:
            self._start()
        elif letters.get(self.challenge):
            self._type(letters[self.challenge][0].code)

    def _start(self) -> None:
        self.starts += 1
        query = urlencode(
            authorization(redirect_uri=self.house.redirect_uri, login_hint=self.address, nonce=self.address)
        )
        answer = self._send("GET", f"/authorize?{query}")
        if answer is None or answer.status != 303:
            time.sleep(_AFTER_A_FAILURE_S)
            return
        self.cookie = answer.headers.get("Set-Cookie", "").partition("=")[2].partition(";")[0] or self.cookie
        self.challenge = parse_qs(urlsplit(answer.headers["Location"]).query)["challenge"][0]
        self.seen["started"].add(self.challenge)

    def _type(self, code: str) -> None:
        answer = self._send("POST", "/code", {"challenge": self.challenge, "code": code})
        if answer is None or answer.status == 503:
            self.seen["code unanswered"].add(self.challenge)
            time.sleep(_AFTER_A_FAILURE_S)
        elif answer.status == 303:
            self.seen["code accepted"].add(self.challenge)
            self._redeem(parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0])
        else:
            self.seen["code refused"].add(self.challenge)
            self.challenge = ""

    def _redeem(self, auth_code: str) -> None:
        """As Keycloak does, once; if no token comes, the person starts again."""
        assertion = self.house.realms.assertion(aud=f"http://{self.house.host}{_PATH}/token")
        form = self.house.realms.token_form(
            auth_code, redirect_uri=self.house.redirect_uri, client_assertion=assertion
        )
        answer = self._send("POST", "/token", form)
        if answer is not None and answer.status == 200 and json.loads(answer.text)["id_token"]:
            self.seen["token"].add(self.challenge)
            self.is_in = True
            return
        self.seen["token unanswered" if answer is None or answer.status == 503 else "token refused"].add(
            self.challenge
        )
        self.challenge = ""

    def _send(self, method: str, path: str, form: dict[str, str] | None = None) -> Answer | None:
        """The answer; none if the connection went."""
        line = Line(self.house.port)
        headers = [("Host", self.house.host), *(PERSON.items() if form is None else ())]
        if form is not None and path != "/token":
            headers.append(("Origin", f"http://{self.house.host}"))
        if self.cookie:
            headers.append(("Cookie", f"{COOKIE}={self.cookie}"))
        try:
            return line.send(method, f"{_PATH}{path}", headers, form)
        except _LOST:
            return None
        finally:
            line.close()


class Visitors:
    """`clients` threads, each with a few logins under way; new ones come until `stop_coming`."""

    def __init__(self, house: House, clients: int) -> None:
        self.people: list[Person] = []
        self._house = house
        self._coming, self._ended = threading.Event(), threading.Event()
        self._coming.set()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]
        for thread in self._threads:
            thread.start()

    @property
    def signed_in(self) -> int:
        return sum(person.is_in for person in self.people)

    def stop_coming(self) -> None:
        self._coming.clear()

    def end(self) -> None:
        """Whether they are in or not."""
        self._coming.clear()
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        mine: list[Person] = []
        while not self._ended.is_set():
            waiting = [person for person in mine if not person.is_in]
            if self._coming.is_set() and len(waiting) < _AT_ONCE:
                person = Person(self._house, f"visitor-{number}-{len(mine)}@example.org")
                mine.append(person)
                self.people.append(person)
                waiting.append(person)
            letters = self._house.letters()
            for person in waiting:
                person.go_on(letters)
            time.sleep(_PAUSE_S)
