"""One walk that comes by everything that matters, so that the machine is known to get there and to notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.invariants.machine import FLAWS, MEANWHILE, MOODS, PLACES, SPELLINGS, Machine
from tests.invariants.stage import Login
from tests.invariants.world import Fault, World

ACME, PARTNER, CLOSED, STRICT = PLACES
ADA, GRACE = "ada@example.org", "grace@example.org"
_DAY_S = 86_401


def walk(world: World) -> None:
    """Each chapter in a new house, with the audit after each step.

    Raises:
        Breach: an invariant does not hold.
    """
    for chapter in CHAPTERS:
        state = type("Walker", (Machine,), {"world": world})()
        state.begin()
        for _ in chapter(state):
            state.holds()
            state.wait(seconds=1)
        state.teardown()


def _begun(state: Machine, spelling: str = ADA, place: tuple[str, str] = ACME, number: int = 0) -> Login:
    login = state.begin_login(state.browsers[number], spelling, place)
    assert login
    return login


def _logins(state: Machine) -> Iterator[object]:
    for place in PLACES:
        yield state.log_in(number=0, spelling=ADA, place=place, flaw="", again=True)
    for flaw in dict.fromkeys(FLAWS):
        yield state.log_in(number=1, spelling=GRACE, place=ACME, flaw=flaw, again=True)
        yield state.wait(seconds=_DAY_S)
    for spelling in SPELLINGS:
        yield state.log_in(number=2, spelling=spelling, place=PARTNER, flaw="", again=False)


def _races(state: Machine) -> Iterator[object]:
    for place, is_by_link in ((ACME, False), (PARTNER, False), (PARTNER, True)):
        for between in MEANWHILE:
            yield state.type_right_while(spelling=ADA, place=place, between=between, is_by_link=is_by_link)
            yield state.wait(seconds=_DAY_S)


def _links(state: Machine) -> Iterator[object]:
    """Scanned, pressed elsewhere, confirmed, and then used no more, by the code neither."""
    for ends_by_code in (False, True):
        login = _begun(state, place=PARTNER)
        for method in ("HEAD", "GET", "GET"):
            yield state.open_the_link(login=login, number=3, method=method)
        yield state.press_the_link_elsewhere(login=login, number=3)
        yield state.press_the_link_elsewhere(login=login, number=1)
        yield state.open_the_link(login=login, number=0, method="GET")
        for by_code in (ends_by_code, not ends_by_code, ends_by_code):
            yield state.type_right(login=login) if by_code else state.confirm_the_link(login=login)
        yield state.ask_for_a_new_link(login=login)
    late = _begun(state, GRACE, PARTNER)
    state.letter(late)
    yield state.ask_for_a_new_link(login=late)
    yield state.wait(seconds=301)
    yield state.confirm_the_link(login=late)
    yield state.press_the_link_elsewhere(login=late, number=2)
    yield state.ask_for_a_new_link(login=late)
    yield state.confirm_the_link(login=late)
    denied = _begun(state, GRACE, PARTNER)
    yield state.say_not_me(login=denied, undo=False)
    yield state.confirm_the_link(login=denied)


def _strangers(state: Machine) -> Iterator[object]:
    mine, other = _begun(state), _begun(state, place=PARTNER, number=1)
    yield state.type_right_in_another_browser(login=mine, number=1)
    yield state.type_right_elsewhere(login=mine, place=PARTNER)
    yield state.type_right_elsewhere(login=mine, place=STRICT)
    yield state.type_the_code_of_another(login=mine, other=other)
    yield state.type_right(login=mine)
    yield state.type_right(login=other)
    yield state.type_right(login=mine)
    stranger = _begun(state, GRACE, CLOSED)
    yield state.guess_luckily_what_was_never_sent(login=stranger)
    yield state.type_right(login=stranger)


def _denials(state: Machine) -> Iterator[object]:
    login = _begun(state)
    yield state.say_not_me(login=login, undo=False)
    yield state.type_right(login=login)
    yield state.start(number=1, spelling=ADA, place=ACME)
    yield state.say_not_me(login=login, undo=True)
    yield state.sign_in(number=1, spelling=ADA, place=ACME)
    yield state.wait(seconds=-400)
    yield state.say_not_me(login=login, undo=False)
    yield state.start(number=2, spelling=ADA, place=ACME)
    bought = state.sign_in(number=1, spelling=GRACE, place=ACME)
    yield state.say_not_me(login=bought.login, undo=False)
    yield state.exchange(bought=bought, flaw="")


def _guesses(state: Machine) -> Iterator[object]:
    login = _begun(state, GRACE)
    yield state.guess_until_the_end(login=login)
    yield state.type_right(login=login)
    for place in (ACME, STRICT, STRICT):
        yield state.guess_on_and_on(spelling=ADA, place=place)
    yield state.wait(seconds=3601)
    late = _begun(state, place=STRICT)
    yield state.type_wrong(login=late, more=1)
    yield state.type_wrong(login=late, more=2)
    yield state.unlock(spelling=ADA, place=STRICT)
    yield state.sign_in(number=1, spelling=ADA, place=STRICT)
    yield state.wait(seconds=-65)
    yield state.guess_on_and_on(spelling=ADA, place=STRICT)


def _bombs(state: Machine) -> Iterator[object]:
    for _ in range(4):
        yield state.ask_on_and_on(spelling=ADA, place=ACME)
        yield state.wait(seconds=3601)
    for _ in range(5):
        for spelling in SPELLINGS:
            yield state.start(number=0, spelling=spelling, place=ACME)


def _ends(state: Machine) -> Iterator[object]:
    for command in ("fence", "revoke and drop", "rewrap and drop"):
        yield state.operate(command="rotate", days=0)
        bought = state.sign_in(number=0, spelling=ADA, place=ACME)
        login = _begun(state, GRACE)
        state.letter(login)
        yield state.operate(command="rotate", days=0)
        yield state.operate(command=command, days=0)
        yield state.operate(command=command, days=0)
        yield state.type_right(login=login)
        yield state.exchange(bought=bought, flaw="")
    for days in (2, 8, 91):
        yield state.operate(command="purge", days=days)
        yield state.log_in(number=0, spelling=ADA, place=ACME, flaw="", again=True)
    late = _begun(state)
    yield state.wait(seconds=301)
    yield state.type_right(login=late)
    yield state.wait(seconds=-400)


def _faults(state: Machine) -> Iterator[object]:
    for mood in MOODS:
        login = state.deliver(mood=mood, spelling=ADA, place=ACME)
        yield state.wait(seconds=31)
        yield state.type_right(login=login)
        yield state.wait(seconds=_DAY_S)
    for moment in ("before", "after", "dropped", "commit", "lost commit"):
        for at in range(2):
            login = _begun(state, GRACE)
            state.letter(login)
            yield state.break_what_comes_next(fault=Fault(moment, at))
            yield state.type_right(login=login)
            yield state.type_right(login=login)
            yield state.wait(seconds=_DAY_S)


def _twins(state: Machine) -> Iterator[object]:
    for deed in ("start", "look", "deliver", "look", "ask", "guess", "guess", "again"):
        yield state.compare(deeds=[deed])
    yield state.wait(seconds=31)
    for deed in ("again", "look", *["guess"] * 5, *["start"] * 6, "cancel", "look"):
        yield state.compare(deeds=[deed])


CHAPTERS: tuple[Callable[[Machine], Iterator[object]], ...] = (
    _logins,
    _races,
    _links,
    _strangers,
    _denials,
    _guesses,
    _bombs,
    _ends,
    _faults,
    _twins,
)
