"""The page between a proof and Keycloak: would you like a passkey? Only the browser that gave the proof sees it."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue

from sidecar.edge.answer import answer_url
from sidecar.edge.browser import caller_of
from sidecar.edge.forms import field
from sidecar.edge.navigation import require_own_form
from sidecar.errors import ChallengeNotFound
from sidecar.login.passkeys import Passkeys
from sidecar.login.room import LoginRoom
from sidecar.login.verify import Verified
from sidecar.model.challenge import Challenge
from sidecar.web.own import own_spent_challenge
from sidecar.web.pages import Pages

_YES = "yes"


class Passkey:
    """Where a login goes on, and the page on the way."""

    def __init__(self, room: LoginRoom, pages: Pages, passkeys: Passkeys) -> None:
        self._room = room
        self._pages = pages
        self._passkeys = passkeys

    def after(self, verified: Verified) -> str:
        """Where whoever gave the proof goes next: to Keycloak, or to this page."""
        challenge = verified.challenge
        if self._passkeys.is_offered(challenge):
            return f"{self._url(challenge)}?challenge={challenge.id}"
        return self._to_keycloak(challenge, verified.raw_auth_code)

    def blueprint(self) -> Blueprint:
        bp = Blueprint("passkey", __name__, url_prefix="/realms/<realm>/<connection>/passkey")

        @bp.get("")
        def show(realm: str, connection: str) -> ResponseReturnValue:
            return self._page(self._found(realm, connection, request.args.get("challenge", "")))

        @bp.post("")
        def answer(realm: str, connection: str) -> ResponseReturnValue:
            require_own_form(request, self._room.settings.server.public_url)
            challenge = self._found(realm, connection, field(request, "challenge"))
            raw_auth_code = self._passkeys.answered(
                challenge, caller_of(request), is_wanted=field(request, "passkey") == _YES
            )
            return redirect(self._to_keycloak(challenge, raw_auth_code), 303)

        return bp

    def _found(self, realm: str, connection: str, unverified_id: str) -> Challenge:
        challenge = own_spent_challenge(self._room, realm, connection, unverified_id)
        if not self._passkeys.is_waiting(challenge, caller_of(request)):
            raise ChallengeNotFound
        return challenge

    def _page(self, challenge: Challenge) -> Response:
        return self._pages.render(
            "passkey.html",
            realm=challenge.realm,
            words=self._pages.catalogue.words(challenge.locale),
            application=challenge.request.application,
            action=self._url(challenge),
            hidden={"challenge": challenge.id},
            may_decline=self._passkeys.may_decline(challenge),
        )

    def _url(self, challenge: Challenge) -> str:
        return f"{self._issuer(challenge)}/passkey"

    def _to_keycloak(self, challenge: Challenge, raw_auth_code: str) -> str:
        return answer_url(challenge.request, issuer=self._issuer(challenge), code=raw_auth_code)

    def _issuer(self, challenge: Challenge) -> str:
        return self._room.settings.issuer(challenge.realm, challenge.connection)
