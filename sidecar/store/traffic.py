"""What an operator sees of a connection: its text messages against their budgets, and what became of its messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, Text, func, literal, select

from sidecar.login.limits import DAY_S, HOUR_S
from sidecar.login.pumping import Breaker, Scope, SmsRule, Traffic, rules_of
from sidecar.settings import Connection as ConnectionSettings
from sidecar.store.engine import Database
from sidecar.store.pumping import is_settled
from sidecar.store.tables import challenges, messages, sms_sends, stopped_connections

#: Of prefixes and applications, so many of the busiest are told, and all that are refused.
TOP = 10


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A country, prefix or application. `hour` is of strangers' browsers alone, as budgets count; the day is of all."""

    scope: Scope
    name: str
    sent_today: int
    converted_today: int
    hour: Traffic
    #: The rules that refuse strangers' starts there now.
    refused_by: tuple[SmsRule, ...]

    @property
    def percent(self) -> int | None:
        """How many of a hundred settled messages of the hour were converted."""
        return self.hour.converted * 100 // self.hour.settled if self.hour.settled else None

    @property
    def is_breaker_open(self) -> bool:
        return any(isinstance(rule, Breaker) for rule in self.refused_by)


@dataclass(frozen=True, kw_only=True)
class Texts:
    """`stopped_at` in milliseconds, `None` while they run. `refused_by` stops all, known browsers' too."""

    stopped_at: int | None
    sent_today: int
    refused_by: tuple[SmsRule, ...]
    destinations: tuple[Destination, ...]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Messages of a day by provider (empty: none took them) and status; `last_at` in milliseconds."""

    provider: str
    status: str
    count: int
    last_at: int


def texts(database: Database, realm: str, settings: ConnectionSettings) -> Texts:
    """What a connection's text messages come to now."""
    rules = rules_of(settings.pumping)
    with database.read() as connection:
        now = int(connection.execute(select(database.clock.now())).scalar_one())
        stopped_at = connection.execute(
            select(stopped_connections.c.stopped_at).filter_by(realm=realm, connection=settings.id)
        ).scalar_one_or_none()
        (whole,) = _counted(connection, "connection", realm, settings, now) or [None]
        scopes: tuple[Scope, ...] = ("country", "prefix", "client")
        destinations = [
            _destination(scope, row, rules)
            for scope in scopes
            for row in _counted(connection, scope, realm, settings, now)
        ]
    sent_today = whole.sent_today if whole else 0
    return Texts(
        stopped_at=stopped_at,
        sent_today=sent_today,
        refused_by=_refusing(rules, "connection", Traffic(sent=sent_today, settled=0, converted=0)),
        destinations=tuple(_told(destinations)),
    )


def outcomes(database: Database, realm: str, connection_id: str) -> list[Outcome]:
    """What became of the messages of the last day."""
    with database.read() as connection:
        now = int(connection.execute(select(database.clock.now())).scalar_one())
        provider = func.coalesce(messages.c.provider, literal("", Text))
        found = connection.execute(
            select(
                provider.label("provider"),
                messages.c.status,
                func.count().label("count"),
                func.max(func.coalesce(messages.c.finished_at, messages.c.created_at)).label("last_at"),
            )
            .join(challenges, challenges.c.id == messages.c.challenge_id)
            .where(
                challenges.c.realm == realm,
                challenges.c.connection == connection_id,
                messages.c.deadline_at > now - DAY_S * 1000,
            )
            .group_by(provider, messages.c.status)
            .order_by(provider, messages.c.status)
        )
        return [Outcome(**row) for row in found.mappings()]


def _counted(
    connection: Connection, scope: Scope, realm: str, settings: ConnectionSettings, now: int
) -> list[Any]:
    return list(connection.execute(_counting(scope, realm, settings, now)))


def _counting(scope: Scope, realm: str, settings: ConnectionSettings, now: int) -> Select[Any]:
    name = sms_sends.c[scope]
    is_converted = sms_sends.c.converted_at.is_not(None)
    in_hour = (sms_sends.c.is_known.is_(False), sms_sends.c.at > now - HOUR_S * 1000)
    settled = is_settled(literal(now, sms_sends.c.at.type), settings.lifetime_s * 1000)
    return (
        select(
            name.label("name"),
            func.count().label("sent_today"),
            func.count().filter(is_converted).label("converted_today"),
            func.count().filter(*in_hour).label("sent"),
            func.count().filter(*in_hour, settled).label("settled"),
            func.count().filter(*in_hour, is_converted).label("converted"),
        )
        .where(
            sms_sends.c.realm == realm,
            sms_sends.c.connection == settings.id,
            sms_sends.c.at > now - DAY_S * 1000,
        )
        .group_by(name)
    )


def _destination(scope: Scope, row: Any, rules: Iterable[SmsRule]) -> Destination:
    hour = Traffic(sent=row.sent, settled=row.settled, converted=row.converted)
    return Destination(
        scope=scope,
        name=row.name,
        sent_today=row.sent_today,
        converted_today=row.converted_today,
        hour=hour,
        refused_by=_refusing(rules, scope, hour),
    )


def _refusing(rules: Iterable[SmsRule], scope: Scope, traffic: Traffic) -> tuple[SmsRule, ...]:
    return tuple(rule for rule in rules if rule.scope == scope and rule.refuses(traffic))


def _told(found: list[Destination]) -> list[Destination]:
    """All countries, and of the others those that are refused and the busiest."""
    busiest = sorted(found, key=lambda it: (not it.refused_by, -it.hour.sent, -it.sent_today, it.name))
    told: list[Destination] = []
    for scope in ("country", "prefix", "client"):
        of_scope = [it for it in busiest if it.scope == scope]
        told += [
            it for place, it in enumerate(of_scope) if scope == "country" or it.refused_by or place < TOP
        ]
    return told
