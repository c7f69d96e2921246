"""The budgets: counts over the ledger, in sliding windows, whether or not the address exists.

They belong to the address (in its realm), to the client's network or to the connection as a whole, never to a
challenge, session or client; a resend or a new challenge resets none of them. An address has one account for
strangers' browsers together, and one for each browser that it has accepted a code in: whoever spends the strangers'
does not stop the owner's own browser. A right code clears the failures of its own account, an operator's `unlock`
clears the strangers'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sidecar.model.events import Event
from sidecar.settings import Limits

HOUR_S = 3600
DAY_S = 86400
#: As long as a code can be; its budgets do without the sum over all addresses.
LONG_DIGITS = 8
#: The budgets that refuse short codes, and no one.
SHORT_CODES = frozenset({"failures_per_connection_per_hour", "failures_per_client_per_hour"})
_MESSAGES = (Event.CHALLENGE_STARTED, Event.CHALLENGE_RESENT)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """At most `limit` events of these kinds within `window_s` for one address or network.

    `cleared_by`: events before the newest of these don't count; each of `less` takes one off again. `address` is the
    caller's account with the address; the other scopes are not counted for browsers that the address knows. `client` is
    the application that calls through the API.
    """

    name: str
    scope: Literal["address", "network", "connection", "client"]
    counts: tuple[Event, ...]
    window_s: int
    limit: int
    cleared_by: tuple[Event, ...] = ()
    less: tuple[Event, ...] = ()


@dataclass(frozen=True, kw_only=True)
class BackOff:
    """From `limit` failures in a row on, each next one is allowed only after a wait that doubles.

    NIST SP 800-63B-4 §3.2.2 allows no more than 100 in a row. It binds strangers' browsers only, so that nobody can
    lock an address for its owner.
    """

    name: str
    counts: tuple[Event, ...]
    cleared_by: tuple[Event, ...]
    limit: int
    first_s: int
    longest_s: int

    def wait_s(self, failures: int) -> int:
        """How long after the last of so many failures in a row the next try waits."""
        if failures < self.limit:
            return 0
        doublings = min(failures - self.limit, self.longest_s.bit_length())
        return min(self.longest_s, self.first_s << doublings)


Rule = Budget | BackOff


def _messages(limits: Limits) -> tuple[Rule, ...]:
    hour = Budget(
        name="messages_per_hour",
        scope="address",
        counts=_MESSAGES,
        window_s=HOUR_S,
        limit=limits.messages_per_hour,
        cleared_by=(Event.ADDRESS_UNLOCKED,),
    )
    day = Budget(
        name="messages_per_day",
        scope="address",
        counts=_MESSAGES,
        window_s=DAY_S,
        limit=limits.messages_per_day,
        cleared_by=(Event.ADDRESS_UNLOCKED,),
    )
    return hour, day


def _failures(limits: Limits) -> tuple[Rule, ...]:
    cleared_by = (Event.CODE_ACCEPTED, Event.ADDRESS_UNLOCKED)
    hour = Budget(
        name="failures_per_hour",
        scope="address",
        counts=(Event.CODE_TRIED,),
        window_s=HOUR_S,
        limit=limits.failures_per_hour,
        cleared_by=cleared_by,
    )
    row = BackOff(
        name="failures_in_a_row",
        counts=(Event.CODE_TRIED,),
        cleared_by=cleared_by,
        limit=limits.failures_in_a_row,
        first_s=HOUR_S,
        longest_s=DAY_S,
    )
    return hour, row


def _sprayed(limits: Limits) -> Rule:
    """Wrong codes of one network, over all addresses: one guess at each is still a guess."""
    return Budget(
        name="failures_per_network_per_hour",
        scope="network",
        counts=(Event.CODE_WRONG,),
        window_s=HOUR_S,
        limit=limits.failures_per_network_per_hour,
    )


def for_short_codes(limits: Limits, digits: int, *, client: str = "") -> tuple[Rule, ...]:
    """What a code of so many digits must fit into besides, for each step that makes, sends or tries it.

    The sums over all addresses and networks: whoever sprays from many networks meets them. They refuse a short code,
    never a person: there is a long one in its place, so nobody can use them up to the harm of others. `client`: the
    application that calls through the API. Anybody can call for a public one, so it is not refused either.
    """
    if digits >= LONG_DIGITS:
        return ()
    return (
        *((_of_client(limits),) if client else ()),
        Budget(
            name="failures_per_connection_per_hour",
            scope="connection",
            counts=(Event.CODE_WRONG,),
            window_s=HOUR_S,
            limit=limits.failures_per_connection_per_hour,
        ),
    )


def _of_client(limits: Limits) -> Rule:
    """Tries that were not right, those that are not decided yet among them: as many at once are no more."""
    return Budget(
        name="failures_per_client_per_hour",
        scope="client",
        counts=(Event.CODE_TRIED,),
        less=(Event.CODE_ACCEPTED, Event.CODE_RESERVED),
        window_s=HOUR_S,
        limit=limits.failures_per_client_per_hour,
    )


def for_start(limits: Limits) -> tuple[Rule, ...]:
    """What a start must fit into; failures too, for a code that can't be tried need not be sent."""
    network = Budget(
        name="starts_per_network_per_hour",
        scope="network",
        counts=(Event.CHALLENGE_STARTED,),
        window_s=HOUR_S,
        limit=limits.starts_per_network_per_hour,
    )
    return (*_messages(limits), network, _sprayed(limits), *_failures(limits))


def for_account(limits: Limits) -> tuple[Rule, ...]:
    """What an address itself is held to, whoever asks."""
    return (*_messages(limits), *_failures(limits))


def for_resend(limits: Limits) -> tuple[Rule, ...]:
    return for_account(limits)


def for_try(limits: Limits) -> tuple[Rule, ...]:
    return (*_failures(limits), _sprayed(limits))
