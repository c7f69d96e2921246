"""The endpoints that existing passwordless SDKs speak, at the root of our host: start, and the OTP grant (docs/sdk.md).

Tokens are Keycloak's own: the grant verifies the code, and walks the login that a browser would walk.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog
from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from sidecar.api import sdk_errors
from sidecar.api.callers import calling
from sidecar.api.ports import ClientCredentials, Passing, Walks
from sidecar.api.sdk_errors import SdkRefused
from sidecar.edge.answer import answer_url
from sidecar.edge.asker import Places, asker_of
from sidecar.edge.network import network_of
from sidecar.errors import (
    AccountRefused,
    AccountStopped,
    ChallengeNotFound,
    ChallengeRefused,
    ClientRefused,
    ConnectionStopped,
    InteractionRequired,
    InvalidAddress,
    InvalidRequest,
    KeycloakUnavailable,
    RateLimited,
    SidecarError,
    StoreUnavailable,
    TooBusy,
)
from sidecar.login import tickets
from sidecar.login.addressing import take
from sidecar.login.issue import issue
from sidecar.login.room import LoginRoom, api_caller
from sidecar.model.address import Address
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.challenge import Challenge, Method
from sidecar.model.client import ApiClient, Walker
from sidecar.model.ticket import Holding
from sidecar.settings import Connection, Realm
from sidecar.words import Catalogue

_log = structlog.get_logger()
OTP_GRANT = "http://auth0.com/oauth/grant-type/passwordless/otp"
_START_FIELDS = frozenset(
    {
        *("tenant", "client_id", "client_secret", "client_assertion", "client_assertion_type"),
        *("connection", "email", "phone_number", "send", "authParams", "captcha"),
    }
)
_PASSED_ON = frozenset({"refresh_token", "authorization_code"})
_MAX_TOKEN_CHARS = 8192
_SENDS = frozenset({"link", "code", "link_ios", "link_android"})
_FIELD = {"email": "email", "sms": "phone_number"}
_KIND = {"email": "email", "sms": "phone number"}
_BUSY_S = 2
_MAX_CHARS = 4096
_ID_CHARS = 24

#: From the parameters of our own authorization endpoint to a checked request.
Parse = Callable[[str, str, "MultiDict[str, str]"], AuthorizationRequest]


class Sdk:
    """One realm at the root of the host (`sdk.default_realm`)."""

    def __init__(
        self,
        room: LoginRoom,
        credentials: ClientCredentials,
        walks: Walks,
        passing: Passing,
        *,
        realm: Realm,
        parse: Parse,
        catalogue: Catalogue,
        places: Places,
    ) -> None:
        self._room = room
        self._credentials = credentials
        self._walks = walks
        self._passing = passing
        self._realm = realm
        self._parse = parse
        self._catalogue = catalogue
        self._places = places

    def blueprint(self) -> Blueprint:
        bp = Blueprint("sdk", __name__)

        @bp.post("/passwordless/start")
        def start() -> ResponseReturnValue:
            return self._start(_body())

        @bp.post("/oauth/token")
        def token() -> ResponseReturnValue:
            return self._granted(_body())

        @bp.get("/userinfo")
        def userinfo() -> ResponseReturnValue:
            authorization = request.headers.get("Authorization", "")[:_MAX_TOKEN_CHARS]
            status, body = self._passing.userinfo(self._realm.name, authorization)
            return jsonify(body), status

        @bp.after_request
        def allow(response: Response) -> Response:
            origin = request.headers.get("Origin")
            response.vary.add("Origin")
            if origin and self._room.clients.allows(self._realm.name, origin):
                response.headers["Access-Control-Allow-Origin"] = origin
                if request.method == "OPTIONS":
                    response.headers["Access-Control-Allow-Headers"] = (
                        "Content-Type, Auth0-Client, X-Request-Language"
                    )
            return response

        for kind, handler in _HANDLERS.items():
            bp.register_error_handler(kind, handler)
        return bp

    def _granted(self, fields: dict[str, Any]) -> ResponseReturnValue:
        grant = _text(fields, "grant_type")
        if not grant:
            raise sdk_errors.missing("grant_type")
        if grant in _PASSED_ON:
            return self._pass_on(fields)
        if grant != OTP_GRANT:
            raise SdkRefused(400, "unsupported_grant_type", "Grant type not supported")
        return self._token(fields)

    def _start(self, fields: dict[str, Any]) -> Response:
        unknown = sorted(set(fields) - _START_FIELDS)
        if unknown:
            raise SdkRefused(
                400, "bad.request", f"the following properties are not allowed: {', '.join(unknown)}"
            )
        for name in ("client_id", "connection"):
            if not _text(fields, name):
                raise SdkRefused(400, f"bad.{name}", f"Missing required property: {name}")
        send = _text(fields, "send") or "link"
        if send not in _SENDS:
            raise SdkRefused(400, "bad.send", f"error in send - No enum match for: {send}")
        if not isinstance(fields.get("authParams") or {}, Mapping):
            raise SdkRefused(
                400, "bad.authParams", "error in authParams - invalid type: string (expected object)"
            )
        client, network = self._client(fields)
        connection = self._connection(_text(fields, "connection"))
        if not Method(connection.method).has_code:
            raise SdkRefused(400, "bad.connection", "Connection is disabled")
        address = self._address(connection, fields)
        words = self._catalogue.negotiate(
            request.headers.get("X-Request-Language", "").split(),
            request.headers.get("Accept-Language"),
            self._realm.locales,
        )
        challenge = issue(
            self._room,
            realm=self._realm.name,
            connection=connection.id,
            address=address,
            caller=api_caller(client, network=network),
            request=AuthorizationRequest.through_api(client.application),
            asker=asker_of(request, self._places, network=network, locale=words.locale),
            locale=words.locale,
        )
        started = {"_id": _id(challenge)}
        if connection.strategy == "email":
            return jsonify({**started, "email": address.destination, "email_verified": False})
        return jsonify(
            {
                **started,
                "phone_number": address.destination,
                "phone_verified": False,
                "request_language": request.headers.get("X-Request-Language"),
            }
        )

    def _token(self, fields: dict[str, Any]) -> Response:
        for name in ("client_id", "username", "otp", "realm"):
            if not _text(fields, name):
                raise sdk_errors.missing(name)
        client, network = self._client(fields)
        connection = self._connection(_text(fields, "realm"))
        kind = _KIND[connection.strategy]
        try:
            address = take(self._realm, connection, _text(fields, "username"))
        except InvalidAddress:
            raise sdk_errors.wrong_code(kind) from None
        # Before the try is counted: whoever is sent away for want of room may come again with the same code.
        leave = self._walks.admit()
        try:
            raw_ticket = self._verified(client, connection, address, _text(fields, "otp"), network)
            walker = Walker(
                client=client,
                client_secret=_text(fields, "client_secret"),
                connection=connection.id,
                scope=_scope(fields),
                agent=request.headers.get("User-Agent", "")[:512],
                network_address=network if "/" not in network else "",
            )
            authorize = partial(self._authorized, connection, client, raw_ticket, network)
            return jsonify(self._walks.tokens(walker, authorize))
        except InteractionRequired:
            raise SdkRefused(
                403,
                "interaction_required",
                "Keycloak has to ask the user something: go on in a browser at interaction_url.",
                interaction_url=f"{self._room.settings.keycloak.url}/realms/{self._realm.name}/account/",
            ) from None
        finally:
            leave()

    def _pass_on(self, fields: Mapping[str, Any]) -> ResponseReturnValue:
        """A grant of Keycloak's own; where it refuses one, SDKs expect 403 rather than RFC 6749's 400."""
        form = {name: value for name, value in fields.items() if isinstance(value, str)}
        status, body = self._passing.token(self._realm.name, form)
        is_refused = isinstance(body, dict) and body.get("error") == "invalid_grant"
        return jsonify(body), 403 if is_refused else status

    def _verified(
        self, client: ApiClient, connection: Connection, address: Address, code: str, network: str
    ) -> str:
        kind = _KIND[connection.strategy]
        caller = api_caller(client, network=network)
        try:
            challenge = self._room.challenges.newest(
                self._realm.name, connection.id, address.canonical, caller.macs(self._room.keys)
            )
            _require_open(challenge, kind)
            return tickets.verify(
                self._room, challenge=challenge, unverified_code=code, caller=caller, client=client
            ).raw_ticket
        except ChallengeRefused as refused:
            raise (
                sdk_errors.wrong_code(kind) if refused.tries_left else sdk_errors.no_more_tries()
            ) from None
        except (ChallengeNotFound, InvalidRequest):
            raise sdk_errors.wrong_code(kind) from None
        except RateLimited:
            raise sdk_errors.blocked() from None

    def _authorized(
        self,
        connection: Connection,
        client: ApiClient,
        raw_ticket: str,
        network: str,
        parameters: Mapping[str, str],
    ) -> str:
        """Our own authorization endpoint, without a way over the network."""
        authorization = self._parse(self._realm.name, connection.id, MultiDict(parameters))
        raw_auth_code = tickets.exchange(
            self._room,
            realm=self._realm.name,
            connection=connection.id,
            unverified_ticket=raw_ticket,
            request=authorization,
            holding=Holding.CLIENT,
            caller=api_caller(client, network=network),
        )
        issuer = self._room.settings.issuer(self._realm.name, connection.id)
        return answer_url(authorization, issuer=issuer, code=raw_auth_code)

    def _client(self, fields: dict[str, Any]) -> tuple[ApiClient, str]:
        texts = {name: value for name, value in fields.items() if isinstance(value, str)}
        call = calling(self._room, self._credentials, self._realm.name, request, texts)
        network = call.caller.network
        # Its own word for the person's address counts from a server that has proven who it is, and from nobody else.
        if not call.client.is_public and "auth0-forwarded-for" in request.headers:
            network = network_of(request.headers["auth0-forwarded-for"])
        return call.client, network

    def _connection(self, name: str) -> Connection:
        found = self._realm.connections.get(name)
        if found is None:
            raise SdkRefused(400, "bad.connection", "Connection does not exist")
        return found

    def _address(self, connection: Connection, fields: dict[str, Any]) -> Address:
        name = _FIELD[connection.strategy]
        given = _text(fields, name)
        if not given:
            raise SdkRefused(400, f"bad.{name}", f"Missing required property: {name}")
        try:
            return take(self._realm, connection, given)
        except InvalidAddress:
            if name == "email":
                description = f"error in email - email format validation failed: {given}"
            else:
                description = r"String does not match pattern: ^\+[0-9]{1,15}$"
            raise SdkRefused(400, f"bad.{name}", description) from None


def _require_open(challenge: Challenge, kind: str) -> None:
    """Say which end it had; whoever started it may know."""
    if challenge.used_at is not None or challenge.retired_at is not None:
        raise sdk_errors.wrong_code(kind)
    if challenge.tries_left == 0:
        raise sdk_errors.no_more_tries()
    if challenge.life_left_s == 0:
        raise sdk_errors.expired()


def _body() -> dict[str, Any]:
    """JSON or a form; an empty text is an absent field."""
    given = request.get_json(silent=True) if request.is_json else request.form.to_dict()
    if not isinstance(given, dict):
        raise SdkRefused(400, "bad.request", "the body is no JSON object")
    return {name: value for name, value in given.items() if value is not None and value != ""}


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name, "")
    return value.strip()[:_MAX_CHARS] if isinstance(value, str) else ""


def _scope(fields: Mapping[str, Any]) -> str:
    """Without `openid` Keycloak's broker still works, and no ID token comes of it."""
    return " ".join(_text(fields, "scope").split()) or "openid"


def _id(challenge: Challenge) -> str:
    """24 hexadecimal digits, as SDKs expect; they name nothing that could be asked for."""
    return hashlib.sha256(challenge.id.encode()).hexdigest()[:_ID_CHARS]


def _refused(error: SdkRefused) -> Response:
    return sdk_errors.answer(error)


def _client_refused(error: ClientRefused) -> Response:
    _log.warning("request_refused", code=error.code, reason=str(error))
    return sdk_errors.answer(SdkRefused(401, "invalid_client", "Client authentication failed"))


def _limited(error: RateLimited) -> Response:
    response = sdk_errors.answer(sdk_errors.too_many_requests())
    response.headers["Retry-After"] = str(error.retry_after_s)
    response.headers["X-RateLimit-Limit"] = str(error.limit)
    response.headers["X-RateLimit-Remaining"] = "0"
    response.headers["X-RateLimit-Reset"] = str(int(time.time()) + error.retry_after_s)
    return response


def _unavailable(error: SidecarError) -> Response:
    _log.warning("request_refused", code=error.code, reason=str(error))
    response = sdk_errors.answer(
        SdkRefused(503, "temporarily_unavailable", "Not available at present: try again later.")
    )
    response.headers["Retry-After"] = str(_BUSY_S)
    return response


def _account_refused(error: SidecarError) -> Response:
    _log.warning("request_refused", code=error.code, reason=str(error))
    return sdk_errors.answer(SdkRefused(401, "unauthorized", "user is blocked"))


def _http(error: HTTPException) -> Response:
    if error.code == 405:  # noqa: PLR2004
        return sdk_errors.answer(SdkRefused(405, "method_not_allowed", "Method not allowed"))
    return sdk_errors.answer(SdkRefused(error.code or 400, "bad.request", "the request can't be read"))


_HANDLERS: dict[type[Exception], Callable[[Any], Response]] = {
    SdkRefused: _refused,
    ClientRefused: _client_refused,
    RateLimited: _limited,
    ConnectionStopped: _unavailable,
    KeycloakUnavailable: _unavailable,
    StoreUnavailable: _unavailable,
    TooBusy: _unavailable,
    AccountRefused: _account_refused,
    AccountStopped: _account_refused,
    HTTPException: _http,
}
