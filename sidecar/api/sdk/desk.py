"""What the endpoints share: whose face it is, who calls, and which connection and address are meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from flask import request
from werkzeug.datastructures import MultiDict

from sidecar.api.callers import Call, calling
from sidecar.api.ports import ClientCredentials, Confirming, Passing, Walks
from sidecar.api.sdk.errors import SdkRefused
from sidecar.api.sdk.fields import text
from sidecar.edge.asker import Places
from sidecar.edge.network import network_of
from sidecar.login.room import LoginRoom, api_caller
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.client import ApiClient
from sidecar.settings import Connection, Realm
from sidecar.words import Catalogue

#: From the parameters of our own authorization endpoint to a checked request.
Parse = Callable[[str, str, "MultiDict[str, str]"], AuthorizationRequest]

#: The field with the address, and what sentences call it, by strategy.
FIELD = {"email": "email", "sms": "phone_number"}
KIND = {"email": "email", "sms": "phone number"}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The realm that a host's face speaks for (`sdk_hosts` of a realm, `sdk.default_realm`)."""

    room: LoginRoom
    credentials: ClientCredentials
    walks: Walks
    passing: Passing
    parse: Parse
    catalogue: Catalogue
    places: Places
    confirming: Confirming

    def call(self, fields: Mapping[str, Any]) -> Call:
        """The client that calls; challenges of this face are the client's, for SDKs bring no cookie to their start.

        Raises:
            ClientRefused, KeycloakUnavailable: as `calling`.
        """
        texts = {name: value for name, value in fields.items() if isinstance(value, str)}
        call = calling(self.room, self.credentials, self.realm.name, request, texts)
        network = network_of(person_of(call.client))
        return replace(call, caller=api_caller(call.client, network=network))

    @property
    def realm_name(self) -> str:
        """Of the request's host; empty: there is no face at it."""
        settings = self.room.settings
        return settings.sdk_hosts.get(request.host.lower(), settings.sdk.default_realm)

    @property
    def realm(self) -> Realm:
        """The same.

        Raises:
            SdkRefused: there is none.
        """
        found = self.room.settings.realms.get(self.realm_name)
        if found is None:
            raise SdkRefused(400, "bad.tenant", "error in tenant - tenant validation failed: invalid_tenant")
        return found

    @property
    def base_url(self) -> str:
        """Where this face is, by the settings: nothing of a request becomes a URL."""
        public_url = self.room.settings.server.public_url
        host = next((it for it in self.room.settings.sdk_hosts if it == request.host.lower()), "")
        return f"{urlsplit(public_url).scheme}://{host}" if host else public_url

    def connection(self, name: str) -> Connection:
        found = self.realm.connections.get(name)
        if found is None:
            raise SdkRefused(400, "bad.connection", "Connection does not exist")
        return found


def person_of(client: ApiClient) -> str | None:
    """The network address of the person for whom a client calls, as it was given.

    A server's own word for it counts from one that has proven who it is, and from nobody else.
    """
    if not client.is_public and "auth0-forwarded-for" in request.headers:
        return request.headers["auth0-forwarded-for"]
    return request.remote_addr


def scope_of(fields: Mapping[str, Any]) -> str:
    """Without `openid` Keycloak's broker still works, and no ID token comes of it."""
    return " ".join(text(fields, "scope").split()) or "openid"
