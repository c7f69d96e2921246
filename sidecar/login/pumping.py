"""SMS pumping: who earns by text messages has them sent by the hundred, to numbers side by side, and types no code.

What shows it is counted over the messages that were queued: how many went to a number's prefix, to its country, for one
application and in all, and how many of them were followed by their code. The counts are of strangers' browsers; one
that the number has accepted a code in is held to the day's sum alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sidecar.login.limits import DAY_S, HOUR_S
from sidecar.model.address import Address
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.phone import prefix_of
from sidecar.settings import Connection, Pumping

Scope = Literal["prefix", "country", "client", "connection"]


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Messages of an hour. `settled`: their code was accepted (`converted`), or can't be any more."""

    sent: int
    settled: int
    converted: int


@dataclass(frozen=True, kw_only=True)
class SmsBudget:
    """At most `limit` messages within `window_s`. `binds_known`: those of known browsers too."""

    name: str
    scope: Scope
    window_s: int
    limit: int
    binds_known: bool = False

    def refuses(self, traffic: Traffic) -> bool:
        return traffic.sent >= self.limit


@dataclass(frozen=True, kw_only=True)
class Breaker:
    """Open while fewer than `percent` of at least `limit` settled messages of an hour were converted.

    Messages whose code may still be typed are left out: an honest rush is not held against those who are in it.
    """

    name: str
    scope: Scope
    limit: int
    percent: int
    window_s: int = HOUR_S
    binds_known: bool = False

    def refuses(self, traffic: Traffic) -> bool:
        return traffic.settled >= self.limit and traffic.converted * 100 < self.percent * traffic.settled


SmsRule = SmsBudget | Breaker


@dataclass(frozen=True, kw_only=True)
class TextMessage:
    """What a message is counted under. `client` is the application, empty if unknown; `lifetime_s` is its code's."""

    prefix: str
    country: str
    client: str
    lifetime_s: int
    rules: tuple[SmsRule, ...]

    def refused_by(self, counted: Mapping[Scope, Traffic], *, is_known: bool) -> SmsRule | None:
        """The first rule that has no room for one more."""
        for rule in self.rules:
            if (rule.binds_known or not is_known) and rule.refuses(counted[rule.scope]):
                return rule
        return None


def text_message(
    connection: Connection, address: Address, request: AuthorizationRequest
) -> TextMessage | None:
    """The text message that a start or resend would queue; `None` where the connection sends mail."""
    if connection.strategy != "sms":
        return None
    return TextMessage(
        prefix=prefix_of(address.canonical),
        country=address.country,
        client=request.application,
        lifetime_s=connection.lifetime_s,
        rules=rules_of(connection.pumping),
    )


def rules_of(pumping: Pumping) -> tuple[SmsRule, ...]:
    """The first that refuses is the one that is named, so breakers stand before the budgets they make up for."""
    return (
        SmsBudget(
            name="pumping.messages_per_day",
            scope="connection",
            window_s=DAY_S,
            limit=pumping.messages_per_day,
            binds_known=True,
        ),
        _breaker("country", pumping),
        _breaker("prefix", pumping),
        _hourly("prefix", pumping.messages_per_prefix_per_hour),
        _hourly("country", pumping.messages_per_country_per_hour),
        _hourly("client", pumping.messages_per_client_per_hour),
    )


def _hourly(scope: Scope, limit: int) -> SmsBudget:
    return SmsBudget(name=f"pumping.messages_per_{scope}_per_hour", scope=scope, window_s=HOUR_S, limit=limit)


def _breaker(scope: Scope, pumping: Pumping) -> Breaker:
    return Breaker(
        name=f"pumping.conversion_per_{scope}",
        scope=scope,
        limit=pumping.conversion_sample,
        percent=pumping.conversion_percent,
    )
