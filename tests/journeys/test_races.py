"""Sixteen and sixty-four at once, over HTTP, against four processes on PostgreSQL (threats A4, A5, E1, E18).

`PASSWORDLESS_RACE_ROUNDS=200` runs the long version.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from sidecar.edge.browser import COOKIE
from sidecar.login.verify import verify
from sidecar.model.events import Event
from sidecar.store.tables import auth_codes
from tests.flow import REQUEST, caller, right_code, start, wrong_code
from tests.journeys.http import Line, Racers
from tests.ledger import events_of, rows

ROUNDS = int(os.environ.get("PASSWORDLESS_RACE_ROUNDS", "12"))
CODE = "/realms/acme/email/code"


def post_code(served, line: Line, challenge, by, code: str):
    headers = [
        ("Host", served.host),
        ("Cookie", f"{COOKIE}={by.browser_secret}"),
        ("Origin", f"http://{served.host}"),
    ]
    return line.send("POST", CODE, headers, {"challenge": challenge.id, "code": code})


def events_for(served, kind: Event, challenge) -> int:
    return sum(event.challenge_id == challenge.id for event in events_of(served.parts, kind))


@pytest.fixture
def racers(served):
    made = []

    def make(count: int) -> Racers:
        made.append(Racers(served.port, count))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_of_sixty_four_wrong_codes_at_once_five_are_evaluated(served, racers):
    """A4: counted from the ledger, not from answers; then the right one is refused."""
    by = caller("guesser")
    challenge = start(served.parts, "guessed@example.org", by=by)
    wrong = wrong_code(served.parts, challenge)

    statuses = racers(64).run(lambda line, _: post_code(served, line, challenge, by, wrong).status)

    assert {400: 64} == Counter(statuses)
    assert 5 == events_for(served, Event.CODE_TRIED, challenge)
    after = racers(1).run(
        lambda line, _: post_code(served, line, challenge, by, right_code(served.parts, challenge))
    )
    assert (400, None) == (after[0].status, after[0].headers.get("Location"))


def test_the_address_has_ten_failures_also_when_they_come_at_once(served, racers):
    """A2 and A4 together: eight failures are gone, so of 32 at once two are evaluated and not the challenge's five."""
    for name in ("first", "second"):
        challenge = start(served.parts, "sprayed@example.org", by=caller(name))
        for _ in range(4):
            with pytest.raises(Exception, match="refused"):
                verify(
                    served.parts.room(),
                    challenge=challenge,
                    unverified_code=wrong_code(served.parts, challenge),
                    caller=caller(name),
                )
    by = caller("third")
    challenge = start(served.parts, "sprayed@example.org", by=by)
    wrong = wrong_code(served.parts, challenge)

    statuses = racers(32).run(lambda line, _: post_code(served, line, challenge, by, wrong).status)

    assert {400: 2, 429: 30} == Counter(statuses)
    assert 2 == events_for(served, Event.CODE_TRIED, challenge)


def test_of_sixteen_right_codes_at_once_one_wins_round_after_round(served, racers):
    """A5: the losers get what a wrong code gets, and there is one authorization code a round."""
    sixteen, outcomes, by = racers(16), Counter(), caller("racer")
    for number in range(ROUNDS):
        challenge = start(served.parts, f"racer{number}@example.org", by=by)
        right = right_code(served.parts, challenge)

        answers = sixteen.run(lambda line, _, c=challenge, r=right: post_code(served, line, c, by, r))

        outcomes[sum("code=" in answer.headers.get("Location", "") for answer in answers)] += 1
        assert {303, 400, 404} >= {answer.status for answer in answers}
        assert 1 == events_for(served, Event.CODE_ACCEPTED, challenge)
        assert 1 == sum(row.challenge_id == challenge.id for row in rows(served.parts, auth_codes))

    assert {1: ROUNDS} == outcomes


def test_of_sixteen_redemptions_at_once_one_wins_round_after_round(served, racers, realms):
    """E1: each with an assertion of its own, so it is the code that decides."""
    sixteen, outcomes = racers(16), Counter()
    for number in range(ROUNDS):
        form = _token_form(served, realms, _auth_code(served, f"redeemer{number}@example.org"))
        assertions = [realms.assertion(aud=f"{served.issuer}/token") for _ in range(16)]

        answers = sixteen.run(
            lambda line, n, f=form, a=assertions: _token(served, line, {**f, "client_assertion": a[n]})
        )

        outcomes[tuple(sorted(answer.status for answer in answers))] += 1

    assert {(200, *[400] * 15): ROUNDS} == outcomes


def test_of_sixteen_uses_of_one_assertion_at_once_one_is_let_in(served, racers, realms):
    """E18: four processes, each with a code of its own to redeem."""
    assertion = realms.assertion(aud=f"{served.issuer}/token")
    forms = [_token_form(served, realms, _auth_code(served, f"asserter{n}@example.org")) for n in range(16)]

    answers = racers(16).run(
        lambda line, n: _token(served, line, {**forms[n], "client_assertion": assertion})
    )

    assert {200: 1, 401: 15} == Counter(answer.status for answer in answers)


def _auth_code(served, address: str) -> str:
    by = caller(address)
    challenge = start(served.parts, address, by=by)
    code = right_code(served.parts, challenge)
    return verify(served.parts.room(), challenge=challenge, unverified_code=code, caller=by).raw_auth_code


def _token_form(served, realms, code: str) -> dict[str, str]:
    return realms.token_form(code, redirect_uri=REQUEST.redirect_uri, client_assertion="replaced")


def _token(served, line: Line, form: dict[str, str]):
    return line.send("POST", "/realms/acme/email/token", [("Host", served.host)], form)
