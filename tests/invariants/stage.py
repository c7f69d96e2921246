"""What people, Keycloak, workers and operators can do, each deed by itself; the machine puts them in an order."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from hypothesis.stateful import RuleBasedStateMachine, multiple
from sqlalchemy import insert

from sidecar.errors import ChallengeNotFound, StoreUnavailable
from sidecar.login.codes import derive_code
from sidecar.login.not_me import MUTE_S
from sidecar.oidc.rotation import Rotation
from sidecar.oidc.wrapping import Wrapping
from sidecar.store.key_shelf import SqlKeyShelf
from sidecar.store.retention import SqlRetention
from sidecar.store.tables import addresses, subjects
from sidecar.store.voiding import fence, void_made_under
from tests.invariants.audit import Audit, require
from tests.invariants.twins import Twins
from tests.invariants.world import Letter, World
from tests.web.browser import PERSON, Browser, answer_of

BROWSERS = 3
#: Those that the connection without sign-up knows.
_MEMBERS = ("ada@example.org", "Twin-Known@example.org")
_EVER_S = 10**9
Place = tuple[str, str]


@dataclass(eq=False)
class Login:
    """A start that a browser made; `challenge_id` is the one its page shows now."""

    browser: Browser
    realm: str
    connection: str
    spelling: str
    challenge_id: str

    @property
    def path(self) -> str:
        return f"/realms/{self.realm}/{self.connection}/code"


@dataclass(frozen=True, eq=False)
class Bought:
    """An authorization code, as it was in the redirect."""

    login: Login
    raw: str


class Stage(RuleBasedStateMachine):
    """The deeds. `world` is set by who drives it."""

    world: ClassVar[World]

    def set_the_stage(self) -> None:
        self.world.reset()
        self._seed_members()
        self.audit = Audit(self.world)
        self.audit.secrets.update(dict.fromkeys(self.world.secrets, "server secret"))
        self.browsers = [Browser(self.world.app, f"192.0.2.{number}") for number in range(BROWSERS)]
        self.twins = Twins(self.world)
        self._nonces = 0

    def _seed_members(self) -> None:
        with self.world.database.write() as connection:
            for number, address in enumerate(_MEMBERS):
                of = {"realm": "closed", "connection": "email"}
                subject_id = f"email.{number:032x}"
                connection.execute(insert(subjects).values(**of, id=subject_id, created_at=0))
                of |= {"address": address.lower(), "destination": address, "subject_id": subject_id}
                connection.execute(insert(addresses).values(**of, proven_at=0))

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:
            self.audit.close()

    def step(self, act: Callable[[], Any]) -> Any:
        """One thing that happens, with the fault that waits, if one does."""
        self.world.clock.shift(seconds=0.001)
        answer = self.world.under_fault(act)
        for browser in self.browsers:
            if browser.secret:
                self.audit.secrets[browser.secret] = "cookie"
        return answer

    # --- People

    def begin_login(self, browser: Browser, spelling: str, place: Place) -> Login | None:
        self._nonces += 1
        nonce = f"nonce-of-{self._nonces}"
        answer = self.step(lambda: browser.authorize(*place, login_hint=spelling, nonce=nonce, state=nonce))
        if answer.status_code != 303:
            return None
        return Login(browser, *place, spelling, answer_of(answer)["challenge"])

    def letter(self, login: Login) -> Letter | None:
        """The newest message of the login's challenge: what its person waits for and reads."""
        if not self._letters(login):
            self.world.deliver()
        found = self._letters(login)
        for it in found:
            self.audit.secrets |= {it.code: "code", it.not_me_token: "link"}
            self.audit.secrets |= {it.link_token: "link"} if it.link_token else {}
        return found[-1] if found else None

    def _letters(self, login: Login) -> list[Letter]:
        return [it for it in self.world.post.letters if it.challenge_id == login.challenge_id]

    def type_code(self, login: Login, code: str, by: Browser | None = None, path: str = "") -> str | None:
        """Submit a code; the authorization code that it bought, if it did."""
        form = {"challenge": login.challenge_id, "code": code}
        answer = self.step(lambda: (by or login.browser).post(path or login.path, form))
        if answer.status_code != 303:
            return None
        return self._bought(answer)

    def _bought(self, answer: Any) -> str | None:
        """The authorization code of a redirect to Keycloak; other redirects have none."""
        raw = answer_of(answer).get("code") if answer.status_code == 303 else None
        if raw:
            self.audit.secrets[raw] = "authorization code"
        return raw

    def type_what_was_sent(self, login: Login | None) -> Any:
        """For a rule to return: an authorization code, or nothing."""
        letter = self.letter(login) if login else None
        raw = self.type_code(login, letter.code) if login and letter else None
        return Bought(login, raw) if login and raw else multiple()

    def open_link(self, login: Login, by: Browser, *, method: str = "GET") -> bool:
        """Open the link of the newest message, up to its page; whether there is one."""
        letter = self.letter(login)
        if not letter or not letter.link_token:
            return False
        self.step(lambda: by.open(method, f"/l/{letter.link_token}", headers=PERSON))
        self.step(lambda: by.open(method, "/l", headers=PERSON))
        return True

    def press_link(self, login: Login, by: Browser) -> str | None:
        """Open it and press its button, whether or not the page has one; the authorization code that it bought."""
        if not self.open_link(login, by):
            return None
        return self._bought(self.step(lambda: by.post("/l", {"challenge": login.challenge_id})))

    def confirm(self, login: Login | None) -> Any:
        """For a rule to return: an authorization code by the link, in the browser that asked, or nothing."""
        raw = self.press_link(login, login.browser) if login else None
        self.world.seen["link confirmed"] += raw is not None
        return Bought(login, raw) if login and raw else multiple()

    def renew(self, login: Login, by: Browser) -> bool:
        """Ask for a new link on the page of an old one; whether one was sent."""
        if not self.open_link(login, by):
            return False
        answer = self.step(lambda: by.post("/l/new", {"challenge": login.challenge_id}))
        fresh = answer_of(answer).get("challenge") if answer.status_code == 303 else None
        if fresh:
            self.world.seen["link renewed"] += 1
            login.challenge_id = fresh
        return fresh is not None

    def true_code(self, login: Login) -> str | None:
        """What only somebody with the database and the key knows."""
        room = self.world.parts.room()
        try:
            challenge, _ = room.complaints.find(login.challenge_id, mute_s=MUTE_S, within_s=_EVER_S)
            return derive_code(room.keys, challenge)
        except (KeyError, ChallengeNotFound):
            return None

    def type_wrong_code(self, login: Login, more: int) -> None:
        right = self.true_code(login) or "000000"
        digits = len(right)
        self.type_code(login, f"{(int(right) + more) % 10**digits:0{digits}d}")

    def ask_again(self, login: Login) -> None:
        form = {"challenge": login.challenge_id}
        answer = self.step(lambda: login.browser.post(f"{login.path}/resend", form))
        if answer.status_code == 303:
            login.challenge_id = answer_of(answer)["challenge"]

    def cancel(self, login: Login) -> None:
        self.step(lambda: login.browser.post(f"{login.path}/cancel", {"challenge": login.challenge_id}))

    def deny(self, login: Login, *, undo: bool = False) -> None:
        """Open the link of the message, and press its button."""
        letter, reader = self.letter(login), Browser(self.world.app, "198.51.100.9")
        if letter:
            link = f"/not-me/{letter.not_me_token}"
            self.step(lambda: reader.get(link))
            self.step(lambda: reader.post(f"{link}/undo" if undo else link, {}))

    # --- Keycloak

    def redeem(self, bought: Bought, flaw: str) -> None:
        """Exchange an authorization code, with one thing wrong or none; a token goes to the audit."""
        login = bought.login
        realm, connection = login.realm, login.connection
        changed: dict[str, str] = {}
        if flaw == "realm":
            realm, connection = ("strict" if realm == "acme" else "acme"), "email"
        elif flaw == "connection" and realm == "acme":
            connection = "partner" if connection == "email" else "email"
        elif flaw == "late":
            self.world.clock.shift(seconds=61)
        elif flaw == "code_verifier":
            changed[flaw] = "w" * 43
        elif flaw == "redirect_uri":
            changed[flaw] = "https://id.example.org/realms/evil/broker/email/endpoint"
        elif flaw == "client_id":
            changed[flaw] = "another"
        form = self.world.realms.token_form(bought.raw, realm=realm, connection=connection, **changed)
        back_channel, path = Browser(self.world.app, "198.51.100.1"), f"/realms/{realm}/{connection}/token"
        answer = self.step(lambda: back_channel.open("POST", path, data=form))
        if answer.status_code == 200:
            require(not changed, f"I5: a token for a wrong {flaw}")
            self._keep_token(answer.json, realm, connection)

    def _keep_token(self, told: dict[str, str], realm: str, connection: str) -> None:
        self.world.seen["token"] += 1
        self.audit.secrets |= {told[name]: name for name in ("id_token", "access_token")}
        payload = told["id_token"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        self.audit.token(claims, realm, connection)

    # --- Operators

    def command(self, act: Callable[[], Any]) -> bool:
        """A command of the operator; whether it said that it was done."""
        try:
            self.step(act)
        except StoreUnavailable:
            return False
        return True

    def end_the_epoch(self) -> None:
        self.audit.check()
        if self.command(lambda: fence(self.world.database)):
            self.audit.void("fenced")

    def drop_the_oldest_secret(self, *, is_leaked: bool) -> None:
        """As the manual says for one that leaked, or for one that is merely old."""
        self.world.fault = None
        oldest = self.world.parts.keys.ids[-1]
        rotation = Rotation(SqlKeyShelf(self.world.database), Wrapping(self.world.parts.keys))
        for realm in self.world.settings.realms:
            if is_leaked:
                rotation.revoke_wrapped_under(realm, oldest)
            else:
                rotation.rewrap(realm)
        if is_leaked:
            void_made_under(self.world.database, oldest)
            self.audit.void("revoked", oldest)
        self.restart(self.world.secrets[:-1])

    def restart(self, secrets: list[str]) -> None:
        self.world.seen["restarts with other secrets"] += 1
        self.audit.secrets.update(dict.fromkeys(secrets, "server secret"))
        self.world.use_secrets(secrets)
        for browser in (*self.browsers, *self.twins.browsers):
            browser._app = self.world.app

    def purge(self) -> None:
        self.world.fault = None
        gone = SqlRetention(self.world.database, self.world.settings.retention).purge()
        self.world.seen["purges of something"] += any(gone.values())
        self.audit.purged()
