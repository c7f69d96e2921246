"""`passwordless status`: what every connection is doing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from sidecar import store
from sidecar.cli.options import echo_json, json_option, settings_from
from sidecar.cli.pinned import pinned_json, pinned_lines
from sidecar.errors import SettingsError
from sidecar.settings import Connection, Settings
from sidecar.store import traffic
from sidecar.store.engine import Database
from sidecar.store.traffic import Destination, Outcome, Texts
from sidecar.store.waiting import waiting


@click.command()
@click.option("--realm", help="One realm; without it, all.")
@json_option
@click.pass_context
def status(ctx: click.Context, *, realm: str | None, as_json: bool) -> None:
    """Show what every connection is doing: its messages of the last day, and what text messages cost.

    Of text messages: whether an operator stopped them, how many of the day's are used, and for each country, the
    busiest prefixes and applications how many went there in the last hour, how many of those that could be were
    followed by their code, and what is refused now. Test addresses stand with the last day on which their code holds.
    Then how many messages wait to be sent, and for how long.

    Exit codes: 0 fine; 1 a connection is stopped, its day is used up, or a breaker is open.
    """
    settings = settings_from(ctx)
    if realm and realm not in settings.realms:
        known = ", ".join(sorted(settings.realms))
        raise SettingsError(f"there is no realm '{realm}' in the settings, only: {known}")
    database = Database(settings.database.url.reveal())
    try:
        store.check(database)
        found = [_Seen(database, *pair) for pair in _connections(settings, realm)]
        messages, oldest_s = waiting(database)
    finally:
        database.dispose()
    if as_json:
        queue = {"messages": messages, "oldest_s": round(oldest_s, 1)}
        echo_json({"connections": [each.as_json() for each in found], "queue": queue})
    else:
        for each in found:
            for line in each.lines():
                click.echo(line)
        click.echo(f"Queue: {messages} messages wait, the oldest for {oldest_s:.0f} s.")
    ctx.exit(1 if any(each.is_finding for each in found) else 0)


def _connections(settings: Settings, realm: str | None) -> Iterator[tuple[str, Connection]]:
    for each in settings.realms.values():
        if realm in {None, each.name}:
            for connection in each.connections.values():
                yield each.name, connection


class _Seen:
    def __init__(self, database: Database, realm: str, connection: Connection) -> None:
        self._realm = realm
        self._connection = connection
        self._outcomes = traffic.outcomes(database, realm, connection.id)
        is_texting = connection.strategy == "sms"
        self._texts = traffic.texts(database, realm, connection) if is_texting else None

    @property
    def is_finding(self) -> bool:
        texts = self._texts
        return texts is not None and (
            texts.stopped_at is not None
            or bool(texts.refused_by)
            or any(each.is_breaker_open for each in texts.destinations)
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "realm": self._realm,
            "connection": self._connection.id,
            "strategy": self._connection.strategy,
            "outcomes": [_outcome_json(each) for each in self._outcomes],
            **({"texts": _texts_json(self._texts, self._connection)} if self._texts else {}),
            "test_addresses": pinned_json(self._connection),
        }

    def lines(self) -> Iterator[str]:
        yield f"{self._realm}/{self._connection.id} ({self._connection.strategy})"
        if self._texts:
            yield from _texts_lines(self._texts, self._connection)
        for each in self._outcomes:
            by = f" by {each.provider}" if each.provider else ""
            yield f"  {each.count} {each.status}{by} since yesterday, the last at {_time(each.last_at)}"
        yield from pinned_lines(self._connection)


def _texts_lines(texts: Texts, connection: Connection) -> Iterator[str]:
    state = f"STOPPED since {_time(texts.stopped_at)}" if texts.stopped_at else "running"
    used_up = ", USED UP" if texts.refused_by else ""
    per_day = connection.pumping.messages_per_day
    yield f"  text messages {state}; since yesterday {texts.sent_today} of {per_day}{used_up}"
    for each in texts.destinations:
        hour = each.hour
        share = "" if each.percent is None else f" ({each.percent} %)"
        refused = "".join(f"; REFUSED by {rule.name}" for rule in each.refused_by)
        yield (
            f"  {each.scope} {each.name or 'unknown'}: {hour.sent} in the last hour,"
            f" {hour.converted} of {hour.settled} with their code typed{share};"
            f" {each.sent_today} since yesterday{refused}"
        )


def _texts_json(texts: Texts, connection: Connection) -> dict[str, Any]:
    return {
        "stopped_at": _time(texts.stopped_at) if texts.stopped_at else None,
        "sent_today": texts.sent_today,
        "messages_per_day": connection.pumping.messages_per_day,
        "refused_by": [rule.name for rule in texts.refused_by],
        "destinations": [_destination_json(each) for each in texts.destinations],
    }


def _destination_json(each: Destination) -> dict[str, Any]:
    return {
        "scope": each.scope,
        "name": each.name,
        "sent_today": each.sent_today,
        "converted_today": each.converted_today,
        "sent_last_hour": each.hour.sent,
        "settled_last_hour": each.hour.settled,
        "converted_last_hour": each.hour.converted,
        "percent": each.percent,
        "breaker": "open" if each.is_breaker_open else "closed",
        "refused_by": [rule.name for rule in each.refused_by],
    }


def _outcome_json(each: Outcome) -> dict[str, Any]:
    return {
        "provider": each.provider or None,
        "status": each.status,
        "count": each.count,
        "last_at": _time(each.last_at),
    }


def _time(at_ms: int | None) -> str:
    return datetime.fromtimestamp((at_ms or 0) / 1000, UTC).isoformat(timespec="seconds")
