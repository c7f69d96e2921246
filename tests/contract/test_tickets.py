"""Tickets: what a code of the API buys, who may make an authorization code of it, once, for a minute."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from sidecar.errors import ChallengeRefused, RateLimited, TicketRefused
from sidecar.login import not_me, tickets
from sidecar.login.addressing import read
from sidecar.login.issue import issue
from sidecar.login.redeem import redeem
from sidecar.login.room import api_caller
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.client import ApiClient
from sidecar.model.events import Event
from sidecar.model.ticket import Holding, of_login
from sidecar.store.tables import devices
from sidecar.store.voiding import fence, void_made_under
from tests.flow import ASKER, REQUEST, at_once, caller, right_code, wrong_code
from tests.ledger import events_of, rows

#: A UUID with a byte that no text has, and how Keycloak's `state` names it.
SHOP = "5f1d7e0a-9c3b-4a86-8f27-1b0c6d2e4a90"
STATE = "one.two.Xx1-Cpw7SoaPJxsMbS5KkA"
OTHER = "6f1d7e0a-9c3b-4a86-8f27-1b0c6d2e4a91"
CLIENT = ApiClient(
    realm="acme", client_id="shop", application=SHOP, is_public=True, origins=("https://shop.example",)
)
OWNER, STRANGER = caller("owner"), caller("stranger", "203.0.113.5")
PROGRAM = api_caller(CLIENT, network="203.0.113.9")
ASKED = replace(REQUEST, state=STATE)


def started(parts, by=OWNER, client=CLIENT, address="ada@example.org"):
    return issue(
        parts.room(),
        realm="acme",
        connection="email",
        address=read(address),
        caller=by,
        request=AuthorizationRequest.through_api(client.application),
        asker=ASKER,
        locale="en",
    )


def ticket(parts, by=OWNER, client=CLIENT, login=""):
    challenge = started(parts, by, client)
    return tickets.verify(
        parts.room(),
        challenge=challenge,
        unverified_code=right_code(parts, challenge),
        caller=by,
        client=client,
        login=login,
    ).raw_ticket


def exchange(parts, raw_ticket, *, holding=Holding.BROWSER, by=OWNER, request=ASKED, **changed):
    where = {"realm": "acme", "connection": "email", **changed}
    return tickets.exchange(
        parts.room(), unverified_ticket=raw_ticket, request=request, holding=holding, caller=by, **where
    )


def reasons(parts):
    return [event.detail for event in events_of(parts, Event.TICKET_REFUSED)]


def test_one_of_a_login_at_keycloak_is_for_that_login_and_its_browser_alone(parts):
    """Whichever client's it is; and nobody can be talked into it in another browser."""
    ours = ticket(parts, login="two")
    elsewhere = replace(REQUEST, state="one.another.Xx1-Cpw7SoaPJxsMbS5KkA")
    named_so = [
        replace(REQUEST, state=f"one.another.{base64.urlsafe_b64encode(name.encode()).decode().rstrip('=')}")
        for name in (of_login("two"), "login:two", "two")
    ]
    nameless = replace(REQUEST, state="two")
    for refused in (
        {"request": elsewhere},
        {"request": nameless},
        {"by": STRANGER},
        {"by": STRANGER, "holding": Holding.CONFIRMED},
        {"holding": Holding.CONFIRMED},
        {"holding": Holding.CLIENT},
        *({"request": it, "holding": Holding.CONFIRMED, "by": STRANGER} for it in named_so),
    ):
        with pytest.raises(TicketRefused):
            exchange(parts, ours, **refused)

    assert exchange(parts, ours)
    with pytest.raises(TicketRefused):
        exchange(parts, ours)


def test_one_of_an_application_is_for_no_login_of_another(parts):
    with pytest.raises(TicketRefused):
        exchange(parts, ticket(parts), request=replace(REQUEST, state=f"one.{SHOP}.b3RoZXI"))


def test_it_buys_an_authorization_code_for_the_request_at_hand(parts):
    code = exchange(parts, ticket(parts))

    grant = redeem(parts.room(), realm="acme", connection="email", unverified_auth_code=code)

    assert ("ada@example.org", ("otp", "email")) == (grant.address, grant.amr)
    assert (ASKED.nonce, ASKED.code_challenge) == (grant.nonce, grant.code_challenge)
    assert ["browser"] == [event.detail for event in events_of(parts, Event.TICKET_EXCHANGED)]


def test_once(parts):
    raw_ticket = ticket(parts)
    exchange(parts, raw_ticket)

    with pytest.raises(TicketRefused):
        exchange(parts, raw_ticket)
    assert ["used"] == reasons(parts)


def test_of_sixteen_at_once_one(parts):
    raw_ticket = ticket(parts)

    results = at_once(lambda _: exchange(parts, raw_ticket), 16)

    assert 1 == sum(isinstance(it, str) for it in results)
    assert 15 == sum(isinstance(it, TicketRefused) for it in results)


def test_for_a_minute(parts, clock):
    early, late = ticket(parts), ticket(parts, by=STRANGER)
    clock.shift(seconds=58)
    exchange(parts, early)
    clock.shift(seconds=3)

    with pytest.raises(TicketRefused):
        exchange(parts, late, by=STRANGER)
    assert ["expired"] == reasons(parts)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"realm": "other"},
        {"connection": "partner"},
        {"request": replace(REQUEST, state="one.two.bx1-Cpw7SoaPJxsMbS5KkQ")},
        {"request": REQUEST},
        {"by": STRANGER},
        {"holding": Holding.CLIENT},
    ],
    ids=["realm", "connection", "application", "no application", "browser", "client"],
)
def test_nowhere_else(parts, elsewhere):
    """And trying it elsewhere does not spend it."""
    raw_ticket = ticket(parts)

    with pytest.raises(TicketRefused):
        exchange(parts, raw_ticket, **elsewhere)

    assert ["held otherwise"] == reasons(parts)
    exchange(parts, raw_ticket)


def test_another_browser_may_when_its_person_said_so(parts):
    exchange(parts, ticket(parts), by=STRANGER, holding=Holding.CONFIRMED)


def test_a_clients_is_worth_nothing_in_any_browser(parts):
    raw_ticket = ticket(parts, by=PROGRAM)

    for holding in (Holding.BROWSER, Holding.CONFIRMED):
        with pytest.raises(TicketRefused):
            exchange(parts, raw_ticket, holding=holding, by=PROGRAM)
    exchange(parts, raw_ticket, holding=Holding.CLIENT, by=PROGRAM)


def test_a_clients_is_given_to_one_browser_once(parts):
    raw_ticket = ticket(parts, by=PROGRAM)

    assert "email" == tickets.bind(parts.room(), client=CLIENT, unverified_ticket=raw_ticket, caller=OWNER)

    with pytest.raises(TicketRefused):
        tickets.bind(parts.room(), client=CLIENT, unverified_ticket=raw_ticket, caller=STRANGER)
    with pytest.raises(TicketRefused):
        exchange(parts, raw_ticket, by=STRANGER)
    exchange(parts, raw_ticket, by=OWNER)


@pytest.mark.parametrize("changed", [{"application": OTHER}, {"realm": "other"}])
def test_another_clients_is_given_to_nobody(parts, changed):
    raw_ticket = ticket(parts, by=PROGRAM)

    with pytest.raises(TicketRefused):
        tickets.bind(
            parts.room(), client=replace(CLIENT, **changed), unverified_ticket=raw_ticket, caller=OWNER
        )


def test_a_browsers_challenge_is_no_clients_and_the_other_way_round(parts):
    for mine, theirs in ((OWNER, PROGRAM), (PROGRAM, OWNER)):
        challenge = started(parts, by=mine)
        with pytest.raises(ChallengeRefused):
            tickets.verify(
                parts.room(),
                challenge=challenge,
                unverified_code=right_code(parts, challenge),
                caller=theirs,
                client=CLIENT,
            )


def test_no_address_ever_knows_a_client_as_a_device(parts):
    """Else whoever calls for a public client would have the budgets of each address that signed in through it."""
    ticket(parts, by=PROGRAM)
    assert [] == rows(parts, devices)

    ticket(parts, by=OWNER)
    assert 1 == len(rows(parts, devices))


def test_a_clients_failures_are_strangers_failures(parts):
    """A2: by whatever client and challenge, ten an hour."""
    evaluated = 0
    with pytest.raises(RateLimited):
        while evaluated < 20:
            challenge = started(parts, by=PROGRAM)
            for _ in range(5):
                with pytest.raises(ChallengeRefused):
                    tickets.verify(
                        parts.room(),
                        challenge=challenge,
                        unverified_code=wrong_code(parts, challenge),
                        caller=PROGRAM,
                        client=CLIENT,
                    )
                evaluated += 1
    assert 10 == evaluated


def test_not_me_voids_it(parts):
    challenge = started(parts, by=STRANGER)
    raw_ticket = tickets.verify(
        parts.room(),
        challenge=challenge,
        unverified_code=right_code(parts, challenge),
        caller=STRANGER,
        client=CLIENT,
    ).raw_ticket

    not_me.deny(parts.room(), not_me.token_for(parts.keys, challenge))

    with pytest.raises(TicketRefused):
        exchange(parts, raw_ticket, by=STRANGER)


@pytest.mark.parametrize("void", [fence, lambda it: void_made_under(it, "another")], ids=["fence", "revoke"])
def test_a_fence_and_a_revoked_secret_void_it(parts, void):
    raw_ticket = ticket(parts)

    void(parts.database)

    with pytest.raises(TicketRefused):
        exchange(parts, raw_ticket)


@pytest.mark.parametrize("invented", ["", "tkt_", "tkt_" + "a" * 43, "tkt_" + "a" * 44, "ada@example.org"])
def test_invented_ones_are_worth_nothing(parts, invented):
    with pytest.raises(TicketRefused):
        exchange(parts, invented)
