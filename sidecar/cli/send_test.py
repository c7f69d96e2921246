"""`passwordless send-test`: a message through the real providers, to see which of them takes it."""

from __future__ import annotations

import html
import secrets
import time
from collections.abc import Sequence

import click

from sidecar import app as composition
from sidecar.cli.options import echo_json, inert, json_option, realm_from, settings_from
from sidecar.delivery.ports import Provider, Rendered
from sidecar.delivery.route import Route, Taken
from sidecar.errors import DeliveryFailed, SettingsError
from sidecar.login.addressing import take
from sidecar.model.message import CLAIM_S
from sidecar.settings import Realm, Settings

_ID_BYTES = 16
#: It opens nothing: no challenge has a code of the operator's.
_CODE = "012345"


@click.command("send-test")
@click.option("--realm", required=True, help="The realm, as in the settings.")
@click.option("--connection", required=True, help="The connection, as in the settings.")
@click.option("--to", required=True, help="The address or number that gets the message.")
@click.option("--provider", help="Ask this one only; without it, all in their order, as for a sign-in.")
@json_option
@click.pass_context
def send_test(
    ctx: click.Context, *, realm: str, connection: str, to: str, provider: str | None, as_json: bool
) -> None:
    """Send a test message through a connection's providers, and say who took it.

    It goes the way of every message: the next provider where one fails. Its text says that it is a test, and its code
    opens nothing. No database is needed, no limit counts it, and an operator's stop of text messages does not hold it
    up; a text message costs what it costs.

    Exit codes: 0 a provider took it, 1 none did, 2 could not run.
    """
    settings = settings_from(ctx)
    its_realm = realm_from(settings, realm)
    providers = _chosen(settings, its_realm, connection, provider)
    destination = take(its_realm, its_realm.connections[connection], to).destination
    message_id = secrets.token_urlsafe(_ID_BYTES)
    refusals: list[tuple[str, str]] = []
    taken = _sent(providers, message_id, destination, _text(its_realm), refusals)
    if as_json:
        echo_json(
            {
                "to": destination,
                "message": message_id,
                "provider": taken.provider if taken else None,
                "reference": taken.reference if taken else None,
                "refused": [{"provider": name, "reason": reason} for name, reason in refusals],
            }
        )
    else:
        for name, reason in refusals:
            click.echo(inert(f"{name} did not take it: {reason}"))
        if taken:
            called = f", and calls it {taken.reference}" if taken.reference else ""
            click.echo(inert(f"{taken.provider} took the message to {destination}{called}."))
        else:
            click.echo("Nobody took it.")
    ctx.exit(0 if taken else 1)


def _chosen(settings: Settings, realm: Realm, connection: str, name: str | None) -> Sequence[Provider]:
    if connection not in realm.connections:
        known = ", ".join(sorted(realm.connections))
        raise SettingsError(f"realm '{realm.name}' has no connection '{connection}', only: {known}")
    providers = composition.providers_of(settings)[realm.name, connection]
    if name is None:
        return providers
    found = [each for each in providers if each.id == name]
    if not found:
        known = ", ".join(each.id for each in providers)
        raise SettingsError(f"connection '{connection}' has no provider '{name}', only: {known}")
    return found


def _text(realm: Realm) -> Rendered:
    name = realm.look().name
    text = (
        f"This is a test of sign-in messages for {name}, sent by an operator."
        f" A message would bring a code like {_CODE}; this one opens nothing."
    )
    return Rendered(
        subject=f"Test of sign-in messages for {name}",
        text=text,
        html=f"<p>{html.escape(text)}</p>",
    )


def _sent(
    providers: Sequence[Provider],
    message_id: str,
    destination: str,
    content: Rendered,
    refusals: list[tuple[str, str]],
) -> Taken | None:
    """Who took it; `None`: nobody. What the others said goes to `refusals`."""

    def hand_over(provider: Provider) -> str:
        return provider.send(message_id=message_id, destination=destination, content=content, locale="en")

    try:
        return Route().carry(
            providers,
            hand_over,
            until=time.monotonic() + CLAIM_S,
            note=lambda name, failure: refusals.append((name, failure.reason)),
        )
    except DeliveryFailed:
        return None
    finally:
        for provider in providers:
            provider.close()
