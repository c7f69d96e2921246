"""What the endpoints share: whose face it is, who calls, and which connection and address are meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict

from sidecar.api.callers import Call, calling
from sidecar.api.ports import ClientCredentials, Passing, Walks
from sidecar.api.sdk.errors import SdkRefused
from sidecar.api.sdk.fields import text
from sidecar.edge.asker import Places
from sidecar.edge.network import network_of
from sidecar.login.room import LoginRoom, api_caller
from sidecar.model.authorization import AuthorizationRequest
from sidecar.settings import Connection, Realm
from sidecar.words import Catalogue

#: From the parameters of our own authorization endpoint to a checked request.
Parse = Callable[[str, str, "MultiDict[str, str]"], AuthorizationRequest]

#: The field with the address, and what sentences call it, by strategy.
FIELD = {"email": "email", "sms": "phone_number"}
KIND = {"email": "email", "sms": "phone number"}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One realm at the root of the host (`sdk.default_realm`)."""

    room: LoginRoom
    credentials: ClientCredentials
    walks: Walks
    passing: Passing
    realm: Realm
    parse: Parse
    catalogue: Catalogue
    places: Places

    def call(self, fields: Mapping[str, Any]) -> Call:
        """The client that calls; challenges of this face are the client's, for SDKs bring no cookie to their start.

        Raises:
            ClientRefused, KeycloakUnavailable: as `calling`.
        """
        texts = {name: value for name, value in fields.items() if isinstance(value, str)}
        call = calling(self.room, self.credentials, self.realm.name, request, texts)
        network = call.caller.network
        # Its own word for the person's address counts from a server that has proven who it is, and from nobody else.
        if not call.client.is_public and "auth0-forwarded-for" in request.headers:
            network = network_of(request.headers["auth0-forwarded-for"])
        return Call(client=call.client, caller=api_caller(call.client, network=network))

    def connection(self, name: str) -> Connection:
        found = self.realm.connections.get(name)
        if found is None:
            raise SdkRefused(400, "bad.connection", "Connection does not exist")
        return found


def scope_of(fields: Mapping[str, Any]) -> str:
    """Without `openid` Keycloak's broker still works, and no ID token comes of it."""
    return " ".join(text(fields, "scope").split()) or "openid"
