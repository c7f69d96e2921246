"""The machine: everything that may happen, in any order, and the audit after each step."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, multiple, rule

from tests.invariants.audit import require
from tests.invariants.stage import BROWSERS, Bought, Login, Place, Stage
from tests.invariants.twins import Twins
from tests.invariants.world import Fault
from tests.web.browser import Browser

PLACES = (("acme", "email"), ("acme", "partner"), ("closed", "email"), ("strict", "email"))
SPELLINGS = (
    "ada@example.org",
    "Ada@Example.ORG",
    "ada+tag@example.org",
    "grace@example.org",
    "Alan@example.org",
)
MOODS = ("takes", "refuses", "is away", "worker dies before", "worker dies after")
MEANWHILE = (
    "ran out",
    "typed again",
    "confirmed by link",
    "other won",
    "fenced",
    "denied",
    "started anew",
    "given up",
)
FLAWS = ("", "", "", "", "code_verifier", "redirect_uri", "client_id", "realm", "connection", "late")
COMMANDS = ("fence", "rotate", "rewrap and drop", "revoke and drop", "purge")
PAUSES_S = (1, 31, 61, 215, 301, 3601, 3601, 6 * 3600, 86_401, -2, -65, -400, -4000)
LOGINS, CODES = Bundle("logins"), Bundle("codes")
ADDRESS = {"spelling": st.sampled_from(SPELLINGS), "place": st.sampled_from(PLACES)}
PERSON = {"number": st.integers(0, BROWSERS - 1), **ADDRESS}
FAULTS = st.one_of(
    st.builds(Fault, st.sampled_from(["commit", "lost commit"]), st.integers(0, 2)),
    st.builds(Fault, st.sampled_from(["before", "after", "dropped"]), st.integers(0, 8)),
)


def step(**drawn: Any) -> Callable[[Callable[..., Any]], Any]:
    """A rule that is counted."""

    def wrapped(deed: Callable[..., Any]) -> Any:
        @functools.wraps(deed)
        def counted(self: Machine, **arguments: Any) -> Any:
            self.world.seen[f"step {deed.__name__}"] += 1
            return deed(self, **arguments)

        return rule(**drawn)(counted)

    return wrapped


class Machine(Stage):
    """The rules. What each does is in `Stage`."""

    logins, codes = LOGINS, CODES

    @initialize()
    def begin(self) -> None:
        self.set_the_stage()

    @invariant()
    def holds(self) -> None:
        self.audit.check()

    # --- People

    @step(target=LOGINS, **PERSON)
    def start(self, number: int, spelling: str, place: Place) -> Any:
        return self.begin_login(self.browsers[number], spelling, place) or multiple()

    @step(target=CODES, **PERSON)
    def sign_in(self, number: int, spelling: str, place: Place) -> Any:
        """The way that most logins go, up to Keycloak's turn."""
        return self.type_what_was_sent(self.begin_login(self.browsers[number], spelling, place))

    @step(target=CODES, login=LOGINS)
    def type_right(self, login: Login) -> Any:
        return self.type_what_was_sent(login)

    @step(target=CODES, between=st.sampled_from(MEANWHILE), is_by_link=st.booleans(), **ADDRESS)
    def type_right_while(self, spelling: str, place: Place, between: str, is_by_link: bool) -> Any:
        """Between the counting of a try and the spending, something else is done first."""
        take = self.confirm if is_by_link else self.type_what_was_sent
        mine = self.begin_login(self.browsers[0], spelling, place)
        other = mine and self.begin_login(self.browsers[1], spelling, place)
        if not mine or not other or not self.letter(mine):
            return multiple()
        bought: list[Any] = []
        meanwhile = {
            "ran out": lambda: self.world.clock.shift(seconds=301),
            "typed again": lambda: bought.append(self.type_what_was_sent(mine)),
            "confirmed by link": lambda: bought.append(self.confirm(mine)),
            "other won": lambda: bought.append(self.type_what_was_sent(other)),
            "fenced": self.end_the_epoch,
            "denied": lambda: self.deny(mine),
            "started anew": lambda: self.begin_login(mine.browser, spelling, place),
            "given up": lambda: self.cancel(mine),
        }[between]

        def act() -> None:
            self.world.seen[f"while: {between}"] += 1
            meanwhile()
            self.audit.check()

        self.world.parts.seam.between = act
        bought.append(take(mine))
        self.world.parts.seam.between = None
        return multiple(*(it for it in bought if isinstance(it, Bought)))

    @step(target=CODES, login=LOGINS)
    def confirm_the_link(self, login: Login) -> Any:
        return self.confirm(login)

    @step(login=LOGINS, number=st.integers(0, BROWSERS), method=st.sampled_from(["GET", "HEAD"]))
    def open_the_link(self, login: Login, number: int, method: str) -> None:
        """Whoever opens it, a scanner without a cookie too: nothing comes of it."""
        by = [*self.browsers, Browser(self.world.app, "203.0.113.99")][number]
        with self.audit.untouched(login.challenge_id, "its link was only opened"):
            self.world.seen["link opened"] += self.open_link(login, by, method=method)

    @step(login=LOGINS, number=st.integers(0, BROWSERS))
    def press_the_link_elsewhere(self, login: Login, number: int) -> None:
        """In another browser, which posts the form that its page does not have."""
        by = [*self.browsers, Browser(self.world.app, "203.0.113.99")][number]
        if by is not login.browser:
            with self.audit.untouched(login.challenge_id, "another browser has its link"):
                raw = self.press_link(login, by)
                is_renewed = self.renew(login, by)
            require(not raw, "I4: a link signed in another browser than the one that asked")
            require(not is_renewed, "I4: a link was renewed by another browser than the one that asked")
            self.world.seen["link pressed elsewhere"] += 1

    @step(login=LOGINS)
    def ask_for_a_new_link(self, login: Login) -> None:
        self.renew(login, login.browser)

    @step(login=LOGINS, more=st.integers(1, 9))
    def type_wrong(self, login: Login, more: int) -> None:
        self.type_wrong_code(login, more)

    @step(login=LOGINS)
    def guess_until_the_end(self, login: Login) -> None:
        for more in range(1, 7):
            self.type_wrong_code(login, more)

    @step(spelling=st.sampled_from(SPELLINGS), place=st.sampled_from((PLACES[-1], *PLACES)))
    def guess_on_and_on(self, spelling: str, place: Place) -> None:
        """From fresh browsers and networks, as long as the address lets it."""
        for number in range(3):
            eve = Browser(self.world.app, f"203.0.113.{number}")
            login = self.begin_login(eve, spelling, place)
            if login is None:
                return
            self.audit.secrets[eve.secret] = "cookie"
            for more in range(1, 6):
                self.type_wrong_code(login, more)

    @step(login=LOGINS, other=LOGINS)
    def type_the_code_of_another(self, login: Login, other: Login) -> None:
        """One of an older message, of another address, realm or browser."""
        letter = self.letter(other)
        if letter and other.challenge_id != login.challenge_id:
            self.type_code(login, letter.code)

    @step(login=LOGINS)
    def guess_luckily_what_was_never_sent(self, login: Login) -> None:
        """A challenge that sends nothing opens for no code at all."""
        self.audit.check()
        row = self.audit.rows["challenges"].get((login.challenge_id,))
        code = self.true_code(login) if row and row.is_suppressed and row.retired_at is None else None
        if code:
            self.world.seen["lucky guess of a suppressed code"] += 1
            self.type_code(login, code)

    @step(login=LOGINS, number=st.integers(0, BROWSERS - 1))
    def type_right_in_another_browser(self, login: Login, number: int) -> None:
        letter, other = self.letter(login), self.browsers[number]
        if letter and other is not login.browser:
            with self.audit.untouched(login.challenge_id, "another browser has it"):
                self.type_code(login, letter.code, by=other)
                self.step(lambda: other.post(f"{login.path}/resend", {"challenge": login.challenge_id}))

    @step(login=LOGINS, place=st.sampled_from(PLACES))
    def type_right_elsewhere(self, login: Login, place: Place) -> None:
        letter = self.letter(login)
        if letter and place != (login.realm, login.connection):
            with self.audit.untouched(login.challenge_id, "another realm or connection has it"):
                self.type_code(login, letter.code, path=f"/realms/{place[0]}/{place[1]}/code")

    @step(login=LOGINS)
    def send_again(self, login: Login) -> None:
        self.ask_again(login)

    @step(spelling=st.sampled_from(SPELLINGS), place=st.sampled_from(PLACES[:2]))
    def ask_on_and_on(self, spelling: str, place: Place) -> None:
        """Until the address gets no more."""
        login = self.begin_login(self.browsers[2], spelling, place)
        for _ in range(5 if login else 0):
            self.world.clock.shift(seconds=31)
            self.ask_again(login)

    @step(number=st.integers(0, BROWSERS - 1))
    def start_for_everybody(self, number: int) -> None:
        """Until the network gets no more."""
        for spelling in SPELLINGS * 2:
            self.begin_login(self.browsers[number], spelling, PLACES[0])

    @step(login=LOGINS)
    def give_up(self, login: Login) -> None:
        self.cancel(login)

    @step(login=LOGINS, undo=st.booleans())
    def say_not_me(self, login: Login, undo: bool) -> None:
        self.deny(login, undo=undo)

    @step(deeds=st.lists(st.sampled_from(Twins.DEEDS), min_size=1, max_size=4))
    def compare(self, deeds: list[str]) -> None:
        """I10: a known and an unknown address, side by side."""
        for deed in deeds:
            self.world.clock.shift(seconds=0.001)
            self.twins.do(deed)

    # --- Keycloak

    @step(bought=CODES, flaw=st.sampled_from(FLAWS))
    def exchange(self, bought: Bought, flaw: str) -> None:
        self.redeem(bought, flaw)

    @step(target=CODES, flaw=st.sampled_from(FLAWS), again=st.booleans(), **PERSON)
    def log_in(self, number: int, spelling: str, place: Place, flaw: str, again: bool) -> Any:
        """The whole way to a token, and perhaps Keycloak's request once more."""
        bought = self.type_what_was_sent(self.begin_login(self.browsers[number], spelling, place))
        if isinstance(bought, Bought):
            self.redeem(bought, flaw)
            if again:
                self.redeem(bought, "")
        return bought

    # --- Workers

    @step(target=LOGINS, mood=st.sampled_from(MOODS), **ADDRESS)
    def deliver(self, mood: str, spelling: str, place: Place) -> Any:
        """A message that fares like this, and all that wait."""
        login = self.begin_login(self.browsers[2], spelling, place)
        self.world.deliver(mood)
        return login or multiple()

    # --- Time, faults and operators

    @step(seconds=st.sampled_from(PAUSES_S))
    def wait(self, seconds: int) -> None:
        """Time goes by, or the clock is set back."""
        self.world.seen["the clock jumped back"] += seconds < 0
        self.world.clock.shift(seconds=seconds)

    @step(fault=FAULTS)
    def break_what_comes_next(self, fault: Fault) -> None:
        self.world.fault = fault

    @step(**ADDRESS)
    def unlock(self, spelling: str, place: Place) -> None:
        self.command(lambda: self.world.parts.room().complaints.unlock(*place, spelling.lower()))

    @step(command=st.sampled_from(COMMANDS), days=st.sampled_from([0, 2, 8, 91]))
    def operate(self, command: str, days: int) -> None:
        self.audit.check()
        if command == "fence":
            self.end_the_epoch()
        elif command == "purge":
            self.world.clock.shift(seconds=days * 86_400)
            self.purge()
        elif command == "rotate" and len(self.world.secrets) < 3:
            self.restart([self.world.fresh_secret(), *self.world.secrets])
        elif len(self.world.secrets) > 1:
            self.drop_the_oldest_secret(is_leaked=command == "revoke and drop")
