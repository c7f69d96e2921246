"""Start, look, send again, verify: the main flow for an application's own form."""

from __future__ import annotations

import re
from typing import Any

from flask import after_this_request, request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import RAISE

from sidecar.api import schemas
from sidecar.api.callers import Call, calling
from sidecar.api.describing import links, operation, path
from sidecar.api.idempotency import once
from sidecar.api.ports import ClientCredentials
from sidecar.edge.asker import Places, asker_of
from sidecar.edge.browser import remember
from sidecar.errors import ChallengeNotFound, InvalidRequest
from sidecar.login import tickets
from sidecar.login.addressing import read, take
from sidecar.login.issue import issue
from sidecar.login.resend import resend
from sidecar.login.room import LoginRoom
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.challenge import Challenge, DeliveryStatus, Found, Method
from sidecar.words import Catalogue

_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_NEXT = {"show": "showChallenge", "resend": "resendChallenge", "verify": "verifyChallenge"}


class Challenges:
    """Each call names its client; a challenge is found by its own caller only."""

    def __init__(
        self, room: LoginRoom, credentials: ClientCredentials, catalogue: Catalogue, places: Places
    ) -> None:
        self._room = room
        self._credentials = credentials
        self._catalogue = catalogue
        self._places = places

    def install(self, bp: Blueprint) -> None:
        api = self

        @bp.route("/realms/<realm>/challenges", parameters=path("realm"))
        class Collection(MethodView):
            @bp.arguments(schemas.Start)
            @bp.arguments(schemas.Idempotency, location="headers")
            @bp.response(201, schemas.Challenge)
            @operation(bp, "startChallenge", 401, 429, responses={201: {"links": links(**_NEXT)}})
            def post(self, body: dict[str, str], headers: dict[str, str], realm: str) -> Any:
                """Start a challenge: a message with a code goes to the address."""
                return api.start(realm, body, headers.get("key", ""))

        @bp.route("/realms/<realm>/challenges/<challenge_id>", parameters=path("realm", "challenge_id"))
        class One(MethodView):
            @bp.arguments(schemas.Client, location="query", unknown=RAISE)
            @bp.response(200, schemas.Challenge)
            @operation(bp, "showChallenge", 401, 404)
            def get(self, query: dict[str, str], realm: str, challenge_id: str) -> Any:
                """How a challenge stands."""
                return api.show(realm, challenge_id, query)

        @bp.route(
            "/realms/<realm>/challenges/<challenge_id>/resend", parameters=path("realm", "challenge_id")
        )
        class Resend(MethodView):
            @bp.arguments(schemas.Client)
            @bp.response(200, schemas.Challenge)
            @operation(bp, "resendChallenge", 401, 404, 429, responses={200: {"links": links(**_NEXT)}})
            def post(self, body: dict[str, str], realm: str, challenge_id: str) -> Any:
                """Send the same code again; near its end, a challenge is replaced by a fresh one, of another id."""
                return api.send_again(realm, challenge_id, body)

        @bp.route(
            "/realms/<realm>/challenges/<challenge_id>/verify", parameters=path("realm", "challenge_id")
        )
        class Verify(MethodView):
            @bp.arguments(schemas.Verify)
            @bp.response(200, schemas.Ticket)
            @operation(bp, "verifyChallenge", 401, 403, 404, 429)
            def post(self, body: dict[str, str], realm: str, challenge_id: str) -> Any:
                """Try a code. The right one buys a ticket, which signs in at Keycloak as `login_hint`, once."""
                return api.verify(realm, challenge_id, body)

    def start(self, realm: str, body: dict[str, str], key: str) -> Any:
        call = self._call(realm, body)
        connection = self._room.connection(realm, body["connection"])
        address = take(self._room.settings.realms[realm], connection, body["address"])
        words = self._catalogue.negotiate(
            body["locale"].split(),
            request.headers.get("Accept-Language"),
            self._room.settings.realms[realm].locales,
        )
        challenge = issue(
            self._room,
            realm=realm,
            connection=connection.id,
            address=address,
            caller=call.caller,
            request=AuthorizationRequest.through_api(
                call.client.application,
                send=_send(Method(connection.method), body.get("method", "")),
                page_of=call.page_of,
                page_host=call.page_host,
            ),
            asker=asker_of(request, self._places, network=call.caller.network, locale=words.locale),
            locale=words.locale,
            once=once(self._room, call, key, body) if key else None,
        )
        if not key:
            return self._shown(challenge, DeliveryStatus.SENDING)
        found = self._room.challenges.find(challenge.id, call.caller.macs(self._room.keys))
        return self._shown(found.challenge, found.delivery)

    def show(self, realm: str, challenge_id: str, query: dict[str, str]) -> Any:
        found = self._theirs(self._call(realm, query), realm, challenge_id)
        return self._shown(found.challenge, found.delivery)

    def send_again(self, realm: str, challenge_id: str, body: dict[str, str]) -> Any:
        call = self._call(realm, body)
        found = self._found(call, realm, challenge_id)
        sent = resend(self._room, challenge=found.challenge.typed_at(call.page_host), caller=call.caller)
        return self._shown(sent, DeliveryStatus.SENDING)

    def verify(self, realm: str, challenge_id: str, body: dict[str, str]) -> Any:
        call = self._call(realm, body)
        found = self._found(call, realm, challenge_id)
        ticketed = tickets.verify(
            self._room,
            challenge=found.challenge,
            unverified_code=body["code"],
            caller=call.caller,
            client=call.client,
            login=call.login,
        )
        if call.caller.is_browser:
            after_this_request(lambda response: remember(response, call.caller))
        return {"ticket": ticketed.raw_ticket, "expires_in_s": tickets.LIFETIME_S}

    def _call(self, realm: str, fields: dict[str, str]) -> Call:
        return calling(self._room, self._credentials, realm, request, fields)

    def _found(self, call: Call, realm: str, unverified_id: str) -> Found:
        found = self._theirs(call, realm, unverified_id)
        if found.challenge.used_at is not None:
            raise ChallengeNotFound
        return found

    def _theirs(self, call: Call, realm: str, unverified_id: str) -> Found:
        if not _ID.fullmatch(unverified_id):
            raise ChallengeNotFound
        found = self._room.challenges.find(unverified_id, call.caller.macs(self._room.keys))
        challenge = found.challenge
        asked = challenge.request
        is_of_client = (asked.api_client, asked.page_of) == (call.client.application, call.page_of)
        if challenge.realm != realm or not is_of_client:
            raise ChallengeNotFound
        return found

    def _shown(self, challenge: Challenge, delivery: DeliveryStatus) -> dict[str, Any]:
        limits = self._room.connection(challenge.realm, challenge.connection).limits
        return {
            "id": challenge.id,
            "connection": challenge.connection,
            "masked_address": read(challenge.destination).masked,
            "method": challenge.method.value,
            "digits": challenge.digits,
            "status": delivery.value,
            "open": challenge.is_open,
            "verified": challenge.used_at is not None,
            "tries_left": challenge.tries_left,
            "expires_in_s": challenge.life_left_s,
            "resend_in_s": challenge.resend_wait_s(limits.resend_after_s),
        }


def _send(sends: Method, asked: str) -> str:
    """What the message brings, in the words of `AuthorizationRequest.send`; unasked a code, where there are codes.

    Raises:
        InvalidRequest: the connection does not send that.
    """
    wanted = Method(asked) if asked else (Method.CODE if sends.has_code else Method.LINK)
    if (wanted.has_code and not sends.has_code) or (wanted.has_link and not sends.has_link):
        raise InvalidRequest(f'this connection does not send "{wanted}"')
    return "" if wanted is Method.BOTH else wanted.value
