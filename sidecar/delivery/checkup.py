"""Whether the providers of a realm's connections answer, without a message: each goes the way of one up to it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence

from sidecar.delivery.console import Console
from sidecar.delivery.ports import Provider, Rendered
from sidecar.errors import DeliveryFailed
from sidecar.model.checkup import Check, Finding

_ID_BYTES = 16
#: Of nobody: RFC 2606 keeps the domain, and the North American plan the exchange 555-01xx.
_NOBODY = {"email": "nobody@doctor.invalid", "sms": "+12025550123"}
_CONTENT = Rendered(subject="Never sent", text="Never sent", html="<p>Never sent</p>")


def provider_checks(
    providers: Mapping[str, Sequence[Provider]], strategies: Mapping[str, str]
) -> Iterator[Check]:
    """A check for each provider: connect, TLS and sign in, as far as it has them; nothing is handed over.

    Args:
        providers: of each connection, in the order in which they are asked.
        strategies: of each connection, `email` or `sms`.
    """
    for provider, connections in _users(providers).items():
        is_last = any(len(providers[it]) == 1 for it in connections)
        yield Check(
            name=f"provider:{provider.id}",
            title=f"provider {provider.id} answers ({', '.join(connections)})",
            look=_looking(provider, _NOBODY[strategies[connections[0]]], is_last=is_last),
        )


def _users(providers: Mapping[str, Sequence[Provider]]) -> dict[Provider, list[str]]:
    users: dict[Provider, list[str]] = {}
    for connection, its in providers.items():
        for provider in its:
            users.setdefault(provider, []).append(connection)
    return users


def _looking(provider: Provider, destination: str, *, is_last: bool) -> Callable[[], Iterator[Finding]]:
    def look() -> Iterator[Finding]:
        if isinstance(provider, Console):
            yield Finding(severity="note", what="it prints messages, and sends none")
            return
        try:
            provider.rehearse(
                message_id=secrets.token_urlsafe(_ID_BYTES),
                destination=destination,
                content=_CONTENT,
                locale="en",
            )
        except DeliveryFailed as err:
            yield Finding(
                severity="problem" if is_last else "warning",
                what=f"{provider.id}: {err.reason}",
                why="no code reaches anybody through a connection that has no other provider"
                if is_last
                else "messages go by the connection's other providers, later and with none in reserve",
                mend=f"correct [providers.{provider.id}] in the settings (host, port, security, credentials),"
                " or start what it names; then `passwordless send-test`",
            )
        finally:
            provider.close()

    return look
