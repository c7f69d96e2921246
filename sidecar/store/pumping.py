"""What text messages were sent to whom, for the guard against pumping; and the switch that stops a connection's."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    Integer,
    Select,
    Update,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from sidecar.errors import ConnectionStopped, RateLimited
from sidecar.login.limits import DAY_S, HOUR_S
from sidecar.login.pumping import Breaker, Scope, SmsRule, TextMessage, Traffic
from sidecar.model.events import Event
from sidecar.store import ledger
from sidecar.store.engine import Database
from sidecar.store.prepared import inserting, prefixed
from sidecar.store.tables import sms_sends, stopped_connections

_NOW = bindparam("now", type_=BigInteger)
_SCOPES: tuple[Scope, ...] = ("prefix", "country", "client")


def hold(database: Database, held: ledger.Held, text: TextMessage) -> None:
    """Let the message be queued in this transaction, which has the whole connection to itself, or refuse it.

    Raises:
        ConnectionStopped: an operator has stopped the connection.
        RateLimited: a budget is used up, or a breaker is open.
    """
    values = _bound(held, text)
    seen = database.prepared(hold, _looking).one(held.connection, values)
    if seen.is_stopped:
        raise ConnectionStopped
    counted: dict[Scope, Traffic] = {
        scope: Traffic(
            **{name: getattr(seen, f"{scope}_{name}") for name in ("sent", "settled", "converted")}
        )
        for scope in _SCOPES
    }
    counted["connection"] = Traffic(sent=seen.day, settled=0, converted=0)
    rule = text.refused_by(counted, is_known=held.subject.device is not None)
    if rule:
        raise RateLimited(rule.name, retry_after_s=_wait_s(held, rule, values), limit=rule.limit)


def noting() -> Insert:
    """A part of a prepared statement, with `noted` at each run."""
    return inserting(sms_sends, "sms")


def noted(held: ledger.Held, text: TextMessage, challenge_id: str) -> dict[str, Any]:
    """The row of a message that is queued now."""
    row = {
        "at": held.now,
        "realm": held.subject.realm,
        "connection": held.subject.connection,
        "address": held.subject.address,
        "prefix": text.prefix,
        "country": text.country,
        "client": text.client,
        "challenge_id": challenge_id,
        "is_known": held.subject.device is not None,
        "converted_at": None,
    }
    return prefixed("sms", row)


def converting() -> Update:
    """The code of `challenge` was accepted: so were its messages, whichever of them it was read in."""
    return (
        update(sms_sends).where(sms_sends.c.challenge_id == bindparam("challenge")).values(converted_at=_NOW)
    )


def is_settled(now: ColumnElement[int], lifetime_ms: ColumnElement[int] | int) -> ColumnElement[bool]:
    """Whether the message's code was accepted, or can't be any more."""
    return or_(sms_sends.c.converted_at.is_not(None), sms_sends.c.at <= now - lifetime_ms)


class SqlStops:
    """Connections that send no text message, as an operator says; in force at once in all processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_stopped(self, realm: str, connection_id: str) -> bool:
        """For a worker, right before it hands a message over."""
        asking = self._database.prepared(SqlStops.is_stopped, lambda: select(_is_stopped().label("it")))
        with self._database.read() as connection:
            found = asking.one(connection, {"of_realm": realm, "of_connection": connection_id})
        return bool(found.it)

    def stop(self, realm: str, connection_id: str) -> bool:
        """Stop it; whether it was not stopped yet."""
        return self._switch(realm, connection_id, Event.CONNECTION_STOPPED)

    def start(self, realm: str, connection_id: str) -> bool:
        """Let it go on; whether it was stopped."""
        return self._switch(realm, connection_id, Event.CONNECTION_STARTED)

    def _switch(self, realm: str, connection_id: str, event: Event) -> bool:
        named = {"realm": realm, "connection": connection_id}
        subject = ledger.Subject(realm, connection_id)
        with self._database.write() as connection:
            # Two operators at once, and starts that are under way: one after the other.
            ledger.lock(self._database, connection, subject, "texts")
            now = int(connection.execute(select(self._database.clock.now())).scalar_one())
            was_stopped = bool(
                connection.execute(
                    select(_is_stopped()), {"of_realm": realm, "of_connection": connection_id}
                ).scalar_one()
            )
            if was_stopped == (event is Event.CONNECTION_STOPPED):
                return False
            if was_stopped:
                connection.execute(delete(stopped_connections).filter_by(**named))
            else:
                connection.execute(insert(stopped_connections).values(**named, stopped_at=now))
            ledger.record(connection, event, subject, at=now, detail="operator")
        return True


def _is_stopped() -> ColumnElement[bool]:
    return exists().where(
        stopped_connections.c.realm == bindparam("of_realm"),
        stopped_connections.c.connection == bindparam("of_connection"),
    )


def _bound(held: ledger.Held, text: TextMessage) -> dict[str, Any]:
    return {
        "of_realm": held.subject.realm,
        "of_connection": held.subject.connection,
        "of_prefix": text.prefix,
        "of_country": text.country,
        "of_client": text.client,
        "lifetime_ms": text.lifetime_s * 1000,
        "now": held.now,
        "most": max(rule.limit for rule in text.rules if rule.scope == "connection"),
    }


def _of_connection() -> tuple[ColumnElement[bool], ...]:
    return (
        sms_sends.c.realm == bindparam("of_realm"),
        sms_sends.c.connection == bindparam("of_connection"),
    )


def _within(window_s: int) -> tuple[ColumnElement[bool], ...]:
    """The last `window_s`, and whatever a clock that was set back makes look like the future.

    Without an end, PostgreSQL takes it for a third of the table, whose plan knows no times, and reads all of it.
    """
    return sms_sends.c.at > _NOW - window_s * 1000, sms_sends.c.at < _NOW + DAY_S * 1000


def _of_strangers(scope: Scope) -> ColumnElement[bool]:
    return and_(sms_sends.c.is_known.is_(False), sms_sends.c[scope] == bindparam(f"of_{scope}"))


def _looking() -> Select[Any]:
    """One pass over the connection's last hour, and its day counted no further than the cap."""
    day = (
        select(sms_sends.c.at)
        .where(*_of_connection(), *_within(DAY_S))
        .limit(bindparam("most", type_=Integer))
        .subquery()
    )
    return select(
        _is_stopped().label("is_stopped"),
        select(func.count()).select_from(day).scalar_subquery().label("day"),
        *(
            func.count().filter(_of_strangers(scope), condition).label(f"{scope}_{name}")
            for scope in _SCOPES
            for name, condition in (
                ("sent", true()),
                ("settled", is_settled(_NOW, bindparam("lifetime_ms", type_=BigInteger))),
                ("converted", sms_sends.c.converted_at.is_not(None)),
            )
        ),
    ).where(*_of_connection(), *_within(HOUR_S))


def _wait_s(held: ledger.Held, rule: SmsRule, values: dict[str, Any]) -> int:
    """Until the oldest of the newest `limit` messages that count leaves the window; at least a second."""
    counting = [*_of_connection()]
    if not rule.binds_known:
        counting.append(_of_strangers(rule.scope))
    if isinstance(rule, Breaker):
        counting.append(is_settled(_NOW, bindparam("lifetime_ms", type_=BigInteger)))
    newest = (
        select(sms_sends.c.at)
        .where(*counting)
        .order_by(sms_sends.c.at.desc())
        .offset(rule.limit - 1)
        .limit(1)
    )
    named = {name: values[name] for name in newest.compile().params if name in values}
    at: int = held.connection.execute(newest, named).scalar_one()
    return max(1, -(-(at + rule.window_s * 1000 - held.now) // 1000))
