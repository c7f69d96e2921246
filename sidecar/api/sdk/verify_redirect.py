"""`GET /passwordless/verify_redirect`: a browser comes with a code, to be signed in by it.

In a link anybody may have made the address of this page, and anything may open it. So a GET signs in only the browser
in which the code was checked a moment ago, and else shows a page with a button.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as AnyResponse

from sidecar.api.callers import Call
from sidecar.api.onward import PASSED_ON
from sidecar.api.sdk.authorize import ALSO, go_on, refuse
from sidecar.api.sdk.codes import newest, refusing, still_open
from sidecar.api.sdk.desk import FIELD, KIND, Desk
from sidecar.api.sdk.errors import SdkRefused, wrong_code
from sidecar.api.sdk.fields import one
from sidecar.api.sdk.verify import REFUSALS
from sidecar.edge.browser import caller_of, known_caller, require_cookie
from sidecar.edge.forms import field
from sidecar.edge.navigation import is_person_navigating, require_own_form
from sidecar.edge.network import network_of
from sidecar.errors import ChallengeNotFound, InvalidAddress, InvalidRequest
from sidecar.login import reserve, tickets
from sidecar.login.addressing import take
from sidecar.login.room import api_caller
from sidecar.login.tickets import Ticketed
from sidecar.model.address import Address
from sidecar.model.challenge import Challenge
from sidecar.settings import Connection, Realm

_OURS = ("client_id", "connection", "email", "phone_number", "verification_code")
_NAMES = (*PASSED_ON, *ALSO, *_OURS)


class _Coming:
    """A browser that comes with a code: what it was given, each parameter once, and what that means in the realm."""

    def __init__(self, desk: Desk, realm: Realm, read: Callable[[str], str]) -> None:
        self.desk, self.realm = desk, realm
        self.given: Mapping[str, str] = {name: read(name) for name in _NAMES}
        client = desk.room.clients.find(realm.name, self.given["client_id"])
        if client is None or not client.is_public:
            raise InvalidRequest("the client is none that a page may speak for")
        self.call = Call(client=client, caller=api_caller(client, network=network_of(request.remote_addr)))

    def answered(
        self, answer: Callable[[_Coming, Connection, Address], ResponseReturnValue]
    ) -> ResponseReturnValue:
        """Go on with connection and address, or back to the application where there are none."""
        connection = self.realm.connections.get(self.given["connection"])
        if connection is None:
            return self.refused("invalid_request", "the connection was not found")
        try:
            address = take(self.realm, connection, self.given[FIELD[connection.strategy]])
        except InvalidAddress:
            return self.refused(REFUSALS.error, wrong_code(KIND[connection.strategy]))
        return answer(self, connection, address)

    def refused(self, error: str, description: str) -> AnyResponse:
        return refuse(self.desk, self.realm.name, self.given, error, description)

    def newest(self, connection: Connection, address: Address) -> Challenge:
        return newest(self.desk, self.realm.name, self.call, connection, address)


def install(bp: Blueprint, desk: Desk) -> None:
    settings = desk.room.settings

    def page_of(realm: str) -> str:
        return f"{settings.server.public_url}/realms/{realm}/embedded/verify"

    def faced(realm: str) -> Realm:
        if realm not in {settings.sdk.default_realm, *settings.sdk_hosts.values()}:
            raise InvalidRequest("there is no such realm here")
        return settings.realms[realm]

    @bp.get("/passwordless/verify_redirect")
    @bp.get("/passwordless/verify-redirect")
    def verify_redirect() -> ResponseReturnValue:
        """On to our own host, where our cookie and our pages are."""
        query = urlencode({name: value for name in _NAMES if (value := one(name))})
        return redirect(f"{page_of(desk.realm.name)}?{query}", 303)

    @bp.get("/realms/<realm>/embedded/verify")
    def show(realm: str) -> ResponseReturnValue:
        return _Coming(desk, faced(realm), one).answered(_asked)

    @bp.post("/realms/<realm>/embedded/verify")
    def confirm(realm: str) -> ResponseReturnValue:
        require_own_form(request, settings.server.public_url)
        require_cookie(request)
        return _Coming(desk, faced(realm), lambda name: field(request, name)).answered(_redeemed)

    def _asked(coming: _Coming, connection: Connection, address: Address) -> ResponseReturnValue:
        if _is_held(coming, connection, address):
            return _redeemed(coming, connection, address)
        # The page may be the first that this browser sees of us; the button needs a cookie.
        caller_of(request)
        return desk.confirming.page(
            realm=coming.realm.name,
            application=coming.call.client.application,
            action=page_of(coming.realm.name),
            hidden={name: value for name, value in coming.given.items() if value},
            masked_address=address.masked,
        )


def _is_held(coming: _Coming, connection: Connection, address: Address) -> bool:
    holder = known_caller(request)
    if holder is None or not is_person_navigating(request):
        return False
    try:
        challenge = coming.newest(connection, address)
    except ChallengeNotFound:
        return False
    return reserve.is_held(coming.desk.room, challenge=challenge, caller=coming.call.caller, holder=holder)


def _redeemed(coming: _Coming, connection: Connection, address: Address) -> ResponseReturnValue:
    try:
        with refusing(REFUSALS, connection):
            ticketed = _bought(coming, connection, coming.newest(connection, address))
    except SdkRefused as refused:
        return coming.refused(refused.error, refused.description)
    return go_on(
        coming.desk, coming.realm.name, coming.given, connection=connection.id, raw_ticket=ticketed.raw_ticket
    )


def _bought(coming: _Coming, connection: Connection, challenge: Challenge) -> Ticketed:
    """What is kept may have run out meanwhile; what is not is an ordinary code, whose try is counted."""
    room, call = coming.desk.room, coming.call
    code, holder = coming.given["verification_code"], caller_of(request)
    kept = reserve.redeem(
        room, challenge=challenge, unverified_code=code, caller=call.caller, client=call.client, holder=holder
    )
    return kept or tickets.verify(
        room,
        challenge=still_open(challenge, connection, REFUSALS),
        unverified_code=code,
        caller=call.caller,
        client=call.client,
        holder=holder,
    )
