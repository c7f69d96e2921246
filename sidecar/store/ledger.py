"""The ledger: events, appended and never changed, and budgets as counts over them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    Integer,
    ScalarSelect,
    Select,
    Text,
    bindparam,
    func,
    insert,
    literal,
    literal_column,
    select,
)

from sidecar.errors import ConnectionStopped, RateLimited
from sidecar.login.limits import Budget, Rule
from sidecar.model.events import Event
from sidecar.store.engine import Database
from sidecar.store.one_of import numbered, one_of
from sidecar.store.prepared import Prepared, inserting, prefixed
from sidecar.store.tables import devices, events

#: How far a clock may be set back without freeing a budget.
_MOST_SET_BACK_MS = 86_400_000
#: What a caller wants to know besides, in the statement that counts the budgets: one value each, made with the clock,
#: and named as the function.
Asked = tuple[Callable[[ColumnElement[int]], ColumnElement[Any]], ...]


class Subject(NamedTuple):
    """Whom an event is about and budgets are counted for; `device` is set where the address knows the browser."""

    realm: str
    connection: str
    address: str | None = None
    network: str | None = None
    device: str | None = None
    #: The application that called through the API.
    client: str | None = None


def lock(
    database: Database, connection: Connection, subject: Subject, *what: Literal["texts", "client", "address"]
) -> None:
    """Let one transaction at a time count and write for this address, client, or all text messages of the connection.

    Without it two transactions that run side by side each count without the other's row, and a budget of 5 lets
    through as many as come at once. SQLite's write lock does the same for all. Who takes several takes them in the
    order of the names above, or two could wait for each other.
    """
    if database.is_postgresql:
        values = {
            "realm": _hash(subject.realm),
            "address": _hash(subject.address or ""),
            "texts": _hash(f"texts {subject.connection}"),
            "client": _hash(f"client {subject.client}"),
        }
        database.prepared((lock, what), lambda: _locking(*what)).run(connection, values)


def _locking(*names: str) -> Select[Any]:
    """Each in turn, as PostgreSQL takes what a SELECT lists. Two 32-bit numbers: hashes that meet only wait."""
    realm = bindparam("realm", type_=Integer)
    locks: list[ColumnElement[Any]] = [
        func.pg_advisory_xact_lock(realm, bindparam(name, type_=Integer)).cast(Text) for name in names
    ]
    return select(*locks)


def _hash(value: str) -> int:
    return zlib.crc32(value.encode()) - 2**31


def record(
    connection: Connection,
    event: Event,
    subject: Subject,
    *,
    at: ColumnElement[int] | int,
    challenge_id: str | None = None,
    detail: str = "",
) -> None:
    """Append one event to the caller's transaction."""
    if isinstance(at, int):
        values = appended(event, subject, at=at, challenge_id=challenge_id, detail=detail)
        _recording(connection.dialect).run(connection, values)
    else:
        values = _event(event, subject, challenge_id, detail)
        connection.execute(insert(events).values(at=at), values)


@lru_cache(maxsize=8)
def _recording(dialect: Dialect) -> Prepared:
    return Prepared(dialect, appending())


def appending(*prefixes: str) -> Insert:
    """The same as a part of a prepared statement, with `appended` at each run; in this order if there are several."""
    return inserting(events, *(prefixes or ("event",)))


def appended(
    event: Event,
    subject: Subject,
    *,
    at: int,
    challenge_id: str | None = None,
    detail: str = "",
    prefix: str = "event",
) -> dict[str, Any]:
    return prefixed(prefix, {**_event(event, subject, challenge_id, detail), "at": at})


def _event(event: Event, subject: Subject, challenge_id: str | None, detail: str) -> dict[str, Any]:
    return {**subject._asdict(), "type": event.value, "challenge_id": challenge_id, "detail": detail}


class Who(NamedTuple):
    """Who acts on an address, before it is known whether the address knows the browser."""

    realm: str
    connection: str
    address: str
    network: str
    browser_macs: Sequence[str]
    client: str = ""


class Held(NamedTuple):
    """A transaction that has an address to itself. `now`: its time; `seen`: what was asked for besides, by name."""

    connection: Connection
    subject: Subject
    now: int
    seen: Any


@contextmanager
def held(
    database: Database,
    who: Who,
    rules: Sequence[Rule] = (),
    *,
    asked: Asked = (),
    is_text: bool = False,
    is_try: bool = False,
    is_exempt: Callable[[Any], bool] = lambda _: False,
    more: Mapping[str, Any] | None = None,
) -> Iterator[Held]:
    """A transaction that has the address to itself and fits into the rules; `more`: parameters of what is asked.

    With `is_text` it has the text messages of the connection to itself as well, and with a rule that counts tries for
    the client, the client. `is_exempt` says whether the rules are of no matter, given what was seen. A refusal, the
    caller's own too, is recorded in a transaction of its own, for this one is rolled back.

    Raises:
        RateLimited: a budget is used up.
    """
    subject = Subject(who.realm, who.connection, who.address, who.network, client=who.client or None)
    locks: list[Literal["texts", "client", "address"]] = ["address"]
    if is_try and any(isinstance(rule, Budget) and rule.scope == "client" for rule in rules):
        locks.insert(0, "client")
    if is_text:
        locks.insert(0, "texts")
    try:
        with database.write() as connection:
            lock(database, connection, subject, *locks)
            seen = _look(database, connection, who, rules=tuple(rules), asked=asked, more=more or {})
            subject = subject._replace(device=seen.device)
            if not is_exempt(seen):
                check(connection, rules, subject, seen)
            yield Held(connection, subject, seen.now, seen)
    except (RateLimited, ConnectionStopped) as refusal:
        with database.write() as connection:
            record(
                connection,
                Event.BUDGET_REFUSED,
                subject,
                at=database.clock.now(),
                detail=refusal.budget,
            )
        raise


def _look(
    database: Database,
    connection: Connection,
    who: Who,
    *,
    rules: tuple[Rule, ...],
    asked: Asked,
    more: Mapping[str, Any],
) -> Any:
    """One row: the time (`now`), the browser's MAC if the address has accepted a code in it before (`device`), how
    much of each budget is used (`used_0`, …), and what was asked for.
    """
    count = len(who.browser_macs)
    looking = database.prepared(
        (_look, count, rules, asked),
        lambda: _looking(database, count, rules, asked),
    )
    values = {
        "of_realm": who.realm,
        "of_connection": who.connection,
        "of_address": who.address,
        "of_network": who.network,
        "of_client": who.client,
        **numbered("mac", who.browser_macs),
        **more,
    }
    return looking.one(connection, values)


def _looking(database: Database, count: int, rules: Sequence[Rule], asked: Asked) -> Select[Any]:
    now = select(database.clock.now().label("now")).cte("clock")
    device = (
        select(devices.c.browser_mac)
        .where(
            devices.c.realm == bindparam("of_realm"),
            devices.c.address == bindparam("of_address"),
            one_of(devices.c.browser_mac, "mac", count),
        )
        .limit(1)
        .cte("known")
    )
    its_device = select(device.c.browser_mac).scalar_subquery()
    its_now = select(now.c.now).scalar_subquery()
    # Each once, though several rules may be cleared by the same.
    cleared = {
        kinds: _cleared(kinds, its_device).cte(f"cleared_{number}")
        for number, kinds in enumerate(dict.fromkeys(rule.cleared_by for rule in rules))
        if kinds
    }
    return select(
        its_now.label("now"),
        its_device.label("device"),
        *(
            _count(rule, its_device, its_now, cleared.get(rule.cleared_by)).label(f"used_{number}")
            for number, rule in enumerate(rules)
        ),
        *(ask(its_now).label(ask.__name__) for ask in asked),
    )


def hold(database: Database, connection: Connection, who: Who, rules: tuple[Rule, ...]) -> None:
    """Hold somebody to the rules as they stand, and write nothing.

    Raises:
        RateLimited: a budget is used up.
    """
    seen = _look(database, connection, who, rules=rules, asked=(), more={})
    subject = Subject(who.realm, who.connection, who.address, who.network, seen.device)
    check(connection, rules, subject, seen)


def check(connection: Connection, rules: Sequence[Rule], subject: Subject, seen: Any) -> None:
    """Hold the rules against what was counted.

    Raises:
        RateLimited: for the first budget that has no room for one more.
    """
    is_known = subject.device is not None
    for number, rule in enumerate(rules):
        used = getattr(seen, f"used_{number}")
        if _binds(rule, is_known=is_known) and used >= rule.limit:
            wait_s = _wait_s(connection, rule, subject, used, seen.now)
            if wait_s > 0:
                raise RateLimited(rule.name, retry_after_s=wait_s, limit=rule.limit)


def _of(subject: Subject) -> dict[str, str | None]:
    """What the conditions below are bound to."""
    return {f"of_{name}": value for name, value in subject._asdict().items()}


def _binds(rule: Rule, *, is_known: bool) -> bool:
    """A browser that the address knows is held to its own account with it, and to nothing that others can use up."""
    return not is_known or (isinstance(rule, Budget) and rule.scope == "address")


def _account(device: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    """The events of the caller's account with the address: its own browser's, or (without one) all strangers'."""
    return [
        events.c.realm == bindparam("of_realm"),
        events.c.address == bindparam("of_address"),
        events.c.device.is_not_distinct_from(device),
    ]


def _cleared(kinds: Sequence[Event], device: ColumnElement[Any]) -> Select[Any]:
    """What does not count for the caller's account any more: up to the event `after`, and all before `since`.

    The number decides, not the time: what follows a clearing on a clock that was set back would be older than it. The
    time only keeps the count from going through years. The sum keeps PostgreSQL from walking backwards through
    everybody's events for the newest of the account.
    """
    return select(
        func.coalesce(func.max(events.c.at) - _MOST_SET_BACK_MS, literal(0)).label("since"),
        func.coalesce(func.max(events.c.id + 0), literal(0)).label("after"),
    ).where(*_account(device), _is_one_of(kinds))


def _matching(rule: Rule, device: ColumnElement[Any], cleared: CTE | None) -> list[ColumnElement[bool]]:
    if isinstance(rule, Budget) and rule.scope == "network":
        scope = [
            events.c.realm == bindparam("of_realm"),
            events.c.network == bindparam("of_network"),
            events.c.device.is_(None),
        ]
    elif isinstance(rule, Budget) and rule.scope == "connection":
        scope = [
            events.c.realm == bindparam("of_realm"),
            events.c.connection == bindparam("of_connection"),
            events.c.device.is_(None),
        ]
    elif isinstance(rule, Budget) and rule.scope == "client":
        scope = [
            events.c.realm == bindparam("of_realm"),
            events.c.client == bindparam("of_client"),
            events.c.device.is_(None),
        ]
    else:
        scope = _account(device)
    matching = [*scope, _is_one_of(rule.counts)]
    if cleared is None:
        return matching
    since, after = (select(column).scalar_subquery() for column in (cleared.c.since, cleared.c.after))
    return [*matching, events.c.at > since, events.c.id > after]


def _is_one_of(kinds: Sequence[Event]) -> ColumnElement[bool]:
    # In the text, not as parameters: else an index of one kind's events can't be chosen.
    named: list[ColumnElement[str]] = [literal_column(f"'{kind.value}'") for kind in kinds]
    return events.c.type == named[0] if len(named) == 1 else events.c.type.in_(named)


def _count(
    rule: Rule, device: ColumnElement[Any], now: ColumnElement[int], cleared: CTE | None
) -> ScalarSelect[int]:
    counted = select(func.count()).select_from(events).where(*_matching(rule, device, cleared))
    if isinstance(rule, Budget):
        is_in_time = events.c.at > now - rule.window_s * 1000
        counted = counted.where(is_in_time)
        if rule.less:
            taken_off = replace(rule, counts=rule.less, less=())
            return (
                select(counted.scalar_subquery() - _count(taken_off, device, now, cleared))
            ).scalar_subquery()
        if rule.scope == "connection":
            # Under attack there are many, and more than the limit is as good as the limit.
            found = counted.with_only_columns(events.c.at).limit(rule.limit).subquery()
            counted = select(func.count()).select_from(found)
    return counted.scalar_subquery()


def _wait_s(connection: Connection, rule: Rule, subject: Subject, count: int, now: int) -> int:
    """Until the oldest of the newest `limit` events leaves the window, or the back-off after the newest is over."""
    if isinstance(rule, Budget):
        nth, after_s = rule.limit - 1, rule.window_s
    else:
        nth, after_s = 0, rule.wait_s(count)
    device = bindparam("of_device", type_=Text)
    cleared = _cleared(rule.cleared_by, device).cte("cleared") if rule.cleared_by else None
    newest = (
        select(events.c.at)
        .where(*_matching(rule, device, cleared))
        .order_by(events.c.at.desc())
        .offset(nth)
        .limit(1)
    )
    at: int = connection.execute(newest, _of(subject)).scalar_one()
    wait_s = -(-(at + after_s * 1000 - now) // 1000)
    # A full window lets nothing through, not even in its last millisecond.
    return max(1, wait_s) if isinstance(rule, Budget) else wait_s
