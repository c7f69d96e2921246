"""`passwordless messages`: what became of one address, for whoever helps its owner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from sidecar import store
from sidecar.cli.options import echo_json, inert, json_option, realm_from, settings_from
from sidecar.errors import ConnectionStopped
from sidecar.login.addressing import spelled
from sidecar.model.events import Event
from sidecar.model.timeline import Happened, Sent, Timeline
from sidecar.store.engine import Database
from sidecar.store.timeline import timeline

_UNIT_S = {"m": 60, "h": 3600, "d": 86_400}
_CHALLENGE_CHARS = 6
#: Events in words, with `{detail}` where it belongs.
_SAYS: dict[str, str] = {
    Event.CHALLENGE_STARTED: "asked to sign in: a challenge and its message",
    Event.CHALLENGE_RESENT: "asked for the message again",
    Event.BUDGET_REFUSED: "refused: the limit {detail} is used up",
    Event.CODE_TRIED: "typed a code",
    Event.CODE_RESERVED: "the code was right, and is kept for the browser that comes with it",
    Event.CODE_WRONG: "the code was wrong",
    Event.CODE_ACCEPTED: "the code was right {detail}",
    Event.DEVICE_REMEMBERED: "the browser is known from now on",
    Event.ADDRESS_MUTED: "the reader of the message said: this was not me",
    Event.ADDRESS_UNMUTED: '"this was not me" was taken back, by {detail}',
    Event.ADDRESS_UNLOCKED: "an operator gave new browsers fresh limits",
    Event.SUBJECT_CREATED: "first sign-in, or first after a long silence: subject {detail}",
    Event.AUTH_CODE_REDEEMED: "Keycloak fetched the sign-in",
    Event.AUTH_CODE_REFUSED: "Keycloak's code was refused: {detail}",
    Event.AUTH_CODE_REPLAYED: "Keycloak's code came a second time",
    Event.PROVIDER_REFUSED: "not taken by {detail}",
    Event.MESSAGE_SENT: "message taken by {detail}",
    Event.MESSAGE_REHEARSED: "message held back: nobody must get it ({detail} was up)",
    Event.MESSAGE_DELAYED: "message delayed: {detail}",
    Event.MESSAGE_FAILED: "message failed: {detail}",
    Event.MESSAGE_DELIVERED: "message delivered, says {detail}",
    Event.MESSAGE_UNDELIVERED: "message not delivered, says {detail}",
}
#: Refusals that are no budget which is used up, by their detail.
_REFUSED_BY: dict[str, str] = {
    ConnectionStopped.budget: "refused: an operator has stopped the text messages of the connection",
    "pumping.conversion_per_prefix": "refused: too few codes come back from numbers like it ({detail})",
    "pumping.conversion_per_country": "refused: too few codes come back from its country ({detail})",
}


class _Since(click.ParamType[Any]):
    """`90m`, `24h`, `7d`, or a date or time of ISO 8601 (UTC unless it says otherwise)."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        if ago := re.fullmatch(r"([0-9]{1,5})([mhd])", value):
            return {"last_s": int(ago[1]) * _UNIT_S[ago[2]]}
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail("must be like 90m, 24h, 7d or 2026-11-25T08:00", param, ctx)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return {"since_at": int(moment.timestamp() * 1000)}


@click.command()
@click.option("--realm", required=True, help="The realm, as in the settings.")
@click.option("--address", required=True, help="The address or number, as its owner types it.")
@click.option(
    "--since", type=_Since(), default="7d", show_default=True, help="90m, 24h, 7d, or a date or time (UTC)."
)
@json_option
@click.pass_context
def messages(ctx: click.Context, *, realm: str, address: str, since: dict[str, int], as_json: bool) -> None:
    """Show what became of an address, oldest first: for the person who writes "I get no code".

    Each line is one thing that happened, with its time (UTC), the connection, the first characters of its challenge,
    and for what a browser did its network and whether the address knows that browser: requests, what a limit refused,
    what each provider answered, codes that were right or wrong, "this was not me". Then each message with the
    provider that took it, what that one calls it, and its receipt. No code, link or token is in it: there is none in
    the database.

    Exit codes: 0, also if there is nothing; 2 could not run.
    """
    settings = settings_from(ctx)
    canonical = spelled(realm_from(settings, realm), address).canonical
    database = Database(settings.database.url.reveal())
    try:
        store.check(database)
        found = timeline(database, realm=realm, address=canonical, **since)
    finally:
        database.dispose()
    if as_json:
        echo_json({"realm": realm, "address": canonical, **_as_json(found)})
        return
    for line in _lines(found):
        click.echo(inert(line))
    if not found.events:
        click.echo(f"Nothing is known of {inert(canonical)} in realm {realm} in that time.")


def _lines(found: Timeline) -> Iterator[str]:
    for each in found.events:
        yield "  ".join([_time(each.at), each.connection, _short(each.challenge_id), _said(each)])
    if found.messages:
        yield "Messages:"
    for message in found.messages:
        parts = [
            _time(message.created_at),
            message.connection,
            _short(message.challenge_id),
            _outcome(message),
        ]
        yield "  ".join(parts)


def _said(each: Happened) -> str:
    words = _SAYS.get(each.type, f"{each.type} {{detail}}")
    if each.type == Event.BUDGET_REFUSED:
        words = _REFUSED_BY.get(each.detail, words)
    words = words.replace("{detail}", each.detail).strip()
    if each.network is None:
        return words
    return f"{words}  [{'known' if each.is_known else 'new'} browser, {each.network}]"


def _outcome(message: Sent) -> str:
    parts = [message.status, f"attempts {message.attempts}"]
    if message.provider:
        parts.append(f"provider {message.provider}")
    if message.reference:
        parts.append(f"reference {message.reference}")
    if message.reason:
        parts.append(message.reason)
    if message.receipt:
        parts.append(f"{message.receipt} {_time(message.receipt_at or 0)}")
    return ", ".join(parts)


def _short(challenge_id: str | None) -> str:
    """Enough to see which lines belong together."""
    return f"{(challenge_id or '-')[:_CHALLENGE_CHARS]:{_CHALLENGE_CHARS}}"


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _iso(at: int | None) -> str | None:
    if at is None:
        return None
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _as_json(found: Timeline) -> dict[str, Any]:
    return {
        "events": [
            {
                "at": _iso(each.at),
                "event": each.type,
                "connection": each.connection,
                "challenge": each.challenge_id,
                "network": each.network,
                "browser": None if each.is_known is None else "known" if each.is_known else "new",
                "detail": each.detail,
            }
            for each in found.events
        ],
        "messages": [
            {
                "at": _iso(each.created_at),
                "connection": each.connection,
                "challenge": each.challenge_id,
                "status": each.status,
                "attempts": each.attempts,
                "provider": each.provider,
                "reference": each.reference,
                "reason": each.reason,
                "receipt": each.receipt,
                "receipt_at": _iso(each.receipt_at),
            }
            for each in found.messages
        ],
    }
