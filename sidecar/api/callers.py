"""Who calls: a client that the admin switched on, and perhaps a browser on a page of it. Nothing is counted yet."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from flask import Request, g

from sidecar.api import login_page
from sidecar.api.ports import ClientCredentials, Credentials
from sidecar.edge.browser import caller_of
from sidecar.edge.navigation import is_same_site
from sidecar.edge.network import network_of
from sidecar.errors import ClientRefused
from sidecar.login.room import Caller, LoginRoom, api_caller
from sidecar.model.client import ASSERTION_TYPE, ApiClient

_MAX_CHARS = 4096
#: What a text message can name: browsers' own spelling. The line that binds a code has no form for IPv6.
_NAMEABLE = re.compile(r"[a-z0-9._-]+")


@dataclass(frozen=True, kw_only=True)
class Call:
    """A client, and whose the challenge is: the browser's that holds our cookie, or the client's.

    `login`: the login under way at Keycloak whose page calls; empty for an application. `page_host`: the host of the
    page where a code is typed, as far as it is known to be the client's.
    """

    client: ApiClient
    caller: Caller
    login: str = ""
    page_host: str = ""

    @property
    def page_of(self) -> str:
        """The client whose login page at Keycloak calls; empty for an application."""
        return self.client.client_id if self.login else ""


def calling(
    room: LoginRoom, credentials: ClientCredentials, realm: str, request: Request, fields: Mapping[str, str]
) -> Call:
    """Who makes this request.

    `fields`: `client_id` and, of a confidential client, its proof, unless in a Basic header; of Keycloak's own page,
    `login`.

    Raises:
        ClientRefused: unknown, not switched on, from an origin that is not its own, or not proven.
        KeycloakUnavailable: a confidential client's proof can't be checked.
    """
    if login := fields.get("login", ""):
        page = login_page.client_of(room, realm, request, fields)
        return Call(client=page, caller=caller_of(request), login=login, page_host=_host(page.origins))
    given = _given(request, fields)
    client = room.clients.find(realm, given.client_id) if realm in room.settings.realms else None
    if client is None:
        raise ClientRefused(f"{given.client_id!r} is no client that was switched on for the API")
    g.api_client = client
    origin = request.headers.get("Origin")
    if origin is not None and origin not in client.origins:
        raise ClientRefused(f"{given.client_id} does not list this origin")
    if not client.is_public and not credentials.are_right(realm, given):
        raise ClientRefused(f"{given.client_id} did not prove who it is")
    caller = browser_of(request) or api_caller(client, network=network_of(request.remote_addr))
    # Of a program nothing tells where its person types the code, unless all of the client's pages are at one host.
    page_host = _host(client.origins if origin is None else (origin,))
    return Call(client=client, caller=caller, page_host=page_host)


def _host(checked_origins: Collection[str]) -> str:
    """The one host that they have in common; empty where they have none, or where a text message can't name it."""
    hosts = {urlsplit(origin).hostname or "" for origin in checked_origins}
    host = hosts.pop() if len(hosts) == 1 else ""
    return host if _NAMEABLE.fullmatch(host) else ""


def browser_of(request: Request) -> Caller | None:
    """The browser of a page on our own site; of any other caller, whose cookies never come along, none.

    Our cookie came along, or goes out with the answer: browsers keep it on the same site only.
    """
    is_page = request.headers.get("Origin") is not None
    return caller_of(request) if is_page and is_same_site(request) else None


def with_credentials(request: Request, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, with the client's id and secret among them also where they came in a Basic header.

    Raises:
        ClientRefused: that header can't be read.
    """
    client_id, secret = _basic(request)
    given = {"client_id": client_id, "client_secret": secret}
    return {**fields, **{name: value for name, value in given.items() if value}}


def _given(request: Request, fields: Mapping[str, str]) -> Credentials:
    client_id, secret = _basic(request)
    assertion = fields.get("client_assertion", "")
    if assertion and fields.get("client_assertion_type") != ASSERTION_TYPE:
        raise ClientRefused("client_assertion_type is not jwt-bearer")
    found = Credentials(
        client_id=client_id or fields.get("client_id", ""),
        secret=secret or fields.get("client_secret", ""),
        assertion=assertion,
    )
    if max(map(len, (found.client_id, found.secret, found.assertion))) > _MAX_CHARS or not found.client_id:
        raise ClientRefused("no client_id")
    if "\0" in found.client_id:
        # PostgreSQL takes no such text, not even to look for it.
        raise ClientRefused("no client's id has a NUL")
    return found


def _basic(request: Request) -> tuple[str, str]:
    """Of a Basic header, form-encoded before it was put there (RFC 6749 §2.3.1)."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise ClientRefused("the Authorization header can't be read") from None
    return (unquote_plus(name), unquote_plus(secret)) if colon else ("", "")
