"""The code page: typed, sent again, given up. Only the browser that started the challenge sees it."""

from __future__ import annotations

import structlog
from flask import Blueprint, Response, jsonify, make_response, redirect, request
from flask.typing import ResponseReturnValue

from sidecar.edge.answer import denied_url
from sidecar.edge.browser import caller_of, remember
from sidecar.edge.forms import field
from sidecar.edge.navigation import require_own_form
from sidecar.errors import (
    ChallengeRefused,
    ConnectionStopped,
    InvalidRequest,
    KeycloakUnavailable,
    NumberRefused,
    RateLimited,
)
from sidecar.login.addressing import read
from sidecar.login.resend import resend
from sidecar.login.room import Caller, LoginRoom
from sidecar.login.verify import verify
from sidecar.model.challenge import Challenge, DeliveryStatus, Found
from sidecar.web.own import own_or_used_challenge
from sidecar.web.pages import Pages
from sidecar.web.passkey import Passkey
from sidecar.web.waits import wait_text
from sidecar.words import Words

_log = structlog.get_logger()

#: When a browser that the address knows is shown the way to the other channel.
_NEEDS_OTHER_CHANNEL = (DeliveryStatus.DELAYED, DeliveryStatus.FAILED)
_OTHER_CHANNEL = {"email": "passwordlessAddressInstead", "sms": "passwordlessNumberInstead"}


class _LinkUsed(Exception):
    """A form of a window whose link was used in another tab of its browser: its page says so."""

    def __init__(self, challenge: Challenge) -> None:
        self.challenge = challenge


class Code:
    """The page and its forms; each form names the challenge, and the cookie says whose it is."""

    def __init__(self, room: LoginRoom, pages: Pages, passkey: Passkey) -> None:
        self._room = room
        self._pages = pages
        self._passkey = passkey

    def blueprint(self) -> Blueprint:
        bp = Blueprint("code", __name__, url_prefix="/realms/<realm>/<connection>/code")

        @bp.errorhandler(_LinkUsed)
        def is_used(used: _LinkUsed) -> ResponseReturnValue:
            return redirect(self._url(used.challenge), 303)

        @bp.get("")
        def show(realm: str, connection: str) -> ResponseReturnValue:
            found = self._shown(realm, connection)
            is_used = found.challenge.used_at is not None
            return self._done(found.challenge) if is_used else self._page(found)

        @bp.get("/status")
        def status(realm: str, connection: str) -> ResponseReturnValue:
            found = self._shown(realm, connection)
            challenge = found.challenge
            return jsonify(
                status=found.delivery.value,
                expires_in_s=challenge.life_left_s,
                resend_in_s=challenge.resend_wait_s(self._resend_after_s(challenge)),
                open=challenge.is_open,
                used=challenge.used_at is not None,
            )

        @bp.post("")
        def submit(realm: str, connection: str) -> ResponseReturnValue:
            return self._try(*self._posted(realm, connection))

        @bp.post("/resend")
        def send_again(realm: str, connection: str) -> ResponseReturnValue:
            return self._send_again(*self._posted(realm, connection))

        @bp.post("/another")
        def another(realm: str, connection: str) -> ResponseReturnValue:
            challenge, caller = self._posted(realm, connection)
            self._room.challenges.retire(challenge.id, caller.macs(self._room.keys))
            return redirect(f"{self._issuer(challenge)}/start?challenge={challenge.id}", 303)

        @bp.post("/cancel")
        def cancel(realm: str, connection: str) -> ResponseReturnValue:
            challenge, caller = self._posted(realm, connection)
            self._room.challenges.retire(challenge.id, caller.macs(self._room.keys))
            return redirect(denied_url(challenge.request, issuer=self._issuer(challenge)), 303)

        return bp

    def _shown(self, realm: str, connection: str) -> Found:
        return own_or_used_challenge(self._room, realm, connection, request.args.get("challenge", ""))

    def _posted(self, realm: str, connection: str) -> tuple[Challenge, Caller]:
        require_own_form(request, self._room.settings.server.public_url)
        found = own_or_used_challenge(self._room, realm, connection, field(request, "challenge"))
        if found.challenge.used_at is not None:
            raise _LinkUsed(found.challenge)
        return found.challenge, caller_of(request)

    def _try(self, challenge: Challenge, caller: Caller) -> ResponseReturnValue:
        words = self._words(challenge)
        try:
            verified = verify(
                self._room,
                challenge=challenge,
                unverified_code=field(request, "code"),
                caller=caller,
            )
        except InvalidRequest:
            return self._again(challenge, words("passwordlessErrorCodeFormat", challenge.digits), 400)
        except ChallengeRefused as refused:
            if refused.tries_left == 0:
                return self._again(challenge, words("passwordlessErrorCodeOver"), 400)
            return self._again(challenge, words.plural("passwordlessErrorCode", refused.tries_left), 400)
        except RateLimited as limited:
            return self._limited(challenge, words, limited)
        except KeycloakUnavailable as away:
            return self._away(challenge, words, away)
        return remember(make_response(redirect(self._passkey.after(verified), 303)), caller)

    def _send_again(self, challenge: Challenge, caller: Caller) -> ResponseReturnValue:
        try:
            sent = resend(self._room, challenge=challenge, caller=caller)
        except RateLimited as limited:
            if limited.budget == "resend_after":
                # The page says how many seconds are left; there is nothing to add.
                return redirect(self._url(challenge), 303)
            return self._limited(challenge, self._words(challenge), limited)
        except ConnectionStopped:
            # What was sent before can still be typed.
            return self._again(challenge, self._words(challenge)("passwordlessErrorSmsStopped"), 503)
        except NumberRefused:
            return self._again(challenge, self._words(challenge)("passwordlessErrorNumberRefused"), 400)
        return redirect(self._url(sent), 303)

    def _limited(self, challenge: Challenge, words: Words, limited: RateLimited) -> Response:
        page = self._again(challenge, wait_text(words, limited), 429)
        page.headers["Retry-After"] = str(limited.retry_after_s)
        return page

    def _away(self, challenge: Challenge, words: Words, away: KeycloakUnavailable) -> Response:
        """The code was right and is good for another try, if it was not spent by then."""
        found = self._room.challenges.find(challenge.id, caller_of(request).macs(self._room.keys))
        if found.challenge.used_at is not None:
            raise away
        _log.warning("request_refused", code=away.code, reason=str(away))
        return self._page(found, error=words("passwordlessErrorUnavailable"), http_status=503)

    def _again(self, challenge: Challenge, error: str, http_status: int) -> Response:
        """The page anew, as the challenge stands now."""
        fresh = self._room.challenges.find(challenge.id, caller_of(request).macs(self._room.keys))
        return self._page(fresh, error=error, http_status=http_status)

    def _page(self, found: Found, *, error: str | None = None, http_status: int = 200) -> Response:
        challenge = found.challenge
        base = f"{self._issuer(challenge)}/code"
        return self._pages.render(
            "code.html",
            realm=challenge.realm,
            words=self._words(challenge),
            application=challenge.request.application,
            http_status=http_status,
            action=base,
            hidden={"challenge": challenge.id},
            channel=self._room.connection(challenge.realm, challenge.connection).strategy,
            method=challenge.method.value,
            url=self._url(challenge),
            digits=challenge.digits,
            masked_address=read(challenge.destination).masked,
            expires_in_s=challenge.life_left_s,
            expired=not challenge.is_open,
            can_resend=True,
            resend_in_s=challenge.resend_wait_s(self._resend_after_s(challenge)) if challenge.is_open else 0,
            resend_action=f"{base}/resend",
            another_action=f"{base}/another",
            cancel_action=f"{base}/cancel",
            other_channel=self._other_channel(challenge) if found.is_known else None,
            needs_other_channel=found.delivery in _NEEDS_OTHER_CHANNEL,
            status=found.delivery.value,
            status_url=f"{base}/status?challenge={challenge.id}",
            error=error,
        )

    def _done(self, challenge: Challenge) -> Response:
        """The link was used in this browser: the tab that asked for it has nothing more to do."""
        return self._pages.render(
            "done.html",
            realm=challenge.realm,
            words=self._words(challenge),
            application=challenge.request.application,
        )

    def _other_channel(self, challenge: Challenge) -> str | None:
        """What to call the realm's other channel, which Keycloak's sign-in page offers; `None`: there is none.

        It is a way back and no shortcut: a challenge can't be finished under another issuer, and the other channel's
        start counts towards the same budgets.
        """
        realm = self._room.settings.realms[challenge.realm]
        own = realm.connections[challenge.connection].strategy
        other = next((it.strategy for it in realm.connections.values() if it.strategy != own), None)
        return self._words(challenge)(_OTHER_CHANNEL[other]) if other else None

    def _words(self, challenge: Challenge) -> Words:
        return self._pages.catalogue.words(challenge.locale)

    def _issuer(self, challenge: Challenge) -> str:
        return self._room.settings.issuer(challenge.realm, challenge.connection)

    def _url(self, challenge: Challenge) -> str:
        return f"{self._issuer(challenge)}/code?challenge={challenge.id}"

    def _resend_after_s(self, challenge: Challenge) -> int:
        return self._room.connection(challenge.realm, challenge.connection).limits.resend_after_s
