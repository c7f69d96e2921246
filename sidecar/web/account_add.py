"""Adding an address or a number to an account: asked for, sent a code of its own kind, typed here."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, redirect, request
from flask.typing import ResponseReturnValue

from sidecar.edge.asker import Places, asker_of
from sidecar.edge.browser import caller_of, require_cookie
from sidecar.edge.forms import field
from sidecar.errors import (
    ChallengeNotFound,
    ChallengeRefused,
    ConnectionStopped,
    InvalidAddress,
    InvalidRequest,
    NumberRefused,
    RateLimited,
)
from sidecar.login import account as steps
from sidecar.login.account import AccountRoom
from sidecar.login.addressing import read, take
from sidecar.login.resend import resend
from sidecar.model.challenge import Challenge, Found, Purpose
from sidecar.model.own_account import Outcome
from sidecar.web.account_door import Door, Visit
from sidecar.web.own import own_challenge
from sidecar.web.pages import Pages
from sidecar.web.start import ADDRESS_ERRORS, MAX_TYPED_CHARS
from sidecar.web.waits import wait_text
from sidecar.words import Words


class AccountAdd:
    """`/add` asks for the address; `/add/code` takes the code, in the browser and for the account that asked."""

    def __init__(self, room: AccountRoom, door: Door, pages: Pages, places: Places) -> None:
        self._room = room
        self._door = door
        self._pages = pages
        self._places = places

    def blueprint(self) -> Blueprint:
        bp = Blueprint("account_add", __name__, url_prefix="/realms/<realm>/account/add")

        @bp.get("")
        def show(realm: str) -> ResponseReturnValue:
            to = self._connection(realm, request.args.get("to", ""))
            visit = self._door.visit(realm, then=f"/add?to={to}", fresh=True)
            return self._form(visit, to, value="")

        @bp.post("")
        def begin(realm: str) -> ResponseReturnValue:
            to = self._connection(realm, field(request, "to"))
            return self._begin(self._door.posted(realm, then=f"/add?to={to}"), to)

        @bp.get("/code")
        def code(realm: str) -> ResponseReturnValue:
            visit = self._door.visit(realm)
            return self._code(visit, self._found(visit, request.args.get("challenge", "")))

        @bp.get("/status")
        def status(realm: str) -> ResponseReturnValue:
            found = self._found(self._door.visit(realm), request.args.get("challenge", ""))
            challenge = found.challenge
            return jsonify(
                status=found.delivery.value,
                expires_in_s=challenge.life_left_s,
                resend_in_s=challenge.resend_wait_s(self._resend_after_s(challenge)),
                open=challenge.is_open,
                used=False,
            )

        @bp.post("/code")
        def submit(realm: str) -> ResponseReturnValue:
            visit = self._door.posted(realm, then="", fresh=False)
            return self._try(visit, self._found(visit, field(request, "challenge")).challenge)

        @bp.post("/resend")
        def send_again(realm: str) -> ResponseReturnValue:
            visit = self._door.posted(realm, then="", fresh=False)
            return self._send_again(visit, self._found(visit, field(request, "challenge")).challenge)

        @bp.post("/another")
        def another(realm: str) -> ResponseReturnValue:
            visit = self._door.posted(realm, then="", fresh=False)
            challenge = self._found(visit, field(request, "challenge")).challenge
            self._room.login.challenges.retire(challenge.id, caller_of(request).macs(self._room.login.keys))
            return redirect(f"{self._url(realm)}?to={challenge.connection}", 303)

        return bp

    def _connection(self, realm: str, unverified_id: str) -> str:
        self._door.require_page(realm)
        return self._room.login.connection(realm, unverified_id).id

    def _found(self, visit: Visit, unverified_id: str) -> Found:
        """The challenge of a page: this browser's, to add an address, to the account that is signed in.

        Raises:
            CookieMissing: the browser sent no cookie.
            ChallengeNotFound: it is none, or used.
        """
        require_cookie(request)
        found = own_challenge(self._room.login, visit.account.realm, None, unverified_id, purpose=Purpose.ADD)
        if found.challenge.account != visit.account.id:
            raise ChallengeNotFound
        return found

    def _begin(self, visit: Visit, to: str) -> ResponseReturnValue:
        account, caller = visit.account, caller_of(request)
        login, words = self._room.login, self._words(visit)
        typed = field(request, "address")[:MAX_TYPED_CHARS]
        try:
            address = take(login.settings.realms[account.realm], login.connection(account.realm, to), typed)
            challenge = steps.begin(
                self._room,
                account,
                connection=to,
                address=address,
                caller=caller,
                asker=asker_of(request, self._places, network=caller.network, locale=words.locale),
                locale=words.locale,
            )
        except InvalidAddress as refused:
            return self._form(visit, to, value=typed, error=words(ADDRESS_ERRORS[type(refused)]), status=400)
        except RateLimited as limited:
            page = self._form(visit, to, value=typed, error=wait_text(words, limited), status=429)
            page.headers["Retry-After"] = str(limited.retry_after_s)
            return page
        except ConnectionStopped:
            error = words("passwordlessErrorSmsStopped")
            return self._form(visit, to, value=typed, error=error, status=503)
        return redirect(self._code_url(challenge), 303)

    def _try(self, visit: Visit, challenge: Challenge) -> ResponseReturnValue:
        words = self._words(visit)
        try:
            outcome = steps.confirm(
                self._room,
                visit.account,
                challenge=challenge,
                unverified_code=field(request, "code"),
                caller=caller_of(request),
            )
        except InvalidRequest:
            return self._again(visit, challenge, words("passwordlessErrorCodeFormat", challenge.digits), 400)
        except ChallengeRefused as refused:
            if refused.tries_left == 0:
                return self._again(visit, challenge, words("passwordlessErrorCodeOver"), 400)
            error = words.plural("passwordlessErrorCode", refused.tries_left)
            return self._again(visit, challenge, error, 400)
        except RateLimited as limited:
            return self._limited(visit, challenge, limited)
        if outcome is Outcome.TAKEN:
            # Whoever gets there has proven that it is theirs.
            return redirect(f"{self._door.url(challenge.realm)}/merge?challenge={challenge.id}", 303)
        return redirect(self._door.url(challenge.realm), 303)

    def _send_again(self, visit: Visit, challenge: Challenge) -> ResponseReturnValue:
        words = self._words(visit)
        try:
            sent = resend(self._room.login, challenge=challenge, caller=caller_of(request))
        except RateLimited as limited:
            if limited.budget == "resend_after":
                return redirect(self._code_url(challenge), 303)
            return self._limited(visit, challenge, limited)
        except ConnectionStopped:
            return self._again(visit, challenge, words("passwordlessErrorSmsStopped"), 503)
        except NumberRefused:
            return self._again(visit, challenge, words("passwordlessErrorNumberRefused"), 400)
        return redirect(self._code_url(sent), 303)

    def _limited(self, visit: Visit, challenge: Challenge, limited: RateLimited) -> Response:
        page = self._again(visit, challenge, wait_text(self._words(visit), limited), 429)
        page.headers["Retry-After"] = str(limited.retry_after_s)
        return page

    def _again(self, visit: Visit, challenge: Challenge, error: str, http_status: int) -> Response:
        macs = caller_of(request).macs(self._room.login.keys)
        fresh = self._room.login.challenges.find(challenge.id, macs)
        return self._code(visit, fresh, error=error, http_status=http_status)

    def _form(
        self, visit: Visit, to: str, *, value: str, error: str | None = None, status: int = 200
    ) -> Response:
        realm = visit.account.realm
        caller_of(request)  # the challenge will be this browser's
        return self._pages.render(
            "account_add.html",
            realm=realm,
            words=self._words(visit),
            http_status=status,
            action=self._url(realm),
            hidden={"token": visit.token, "to": to},
            channel=self._room.login.connection(realm, to).strategy,
            value=value,
            error=error,
            back_url=self._door.url(realm),
        )

    def _code(
        self, visit: Visit, found: Found, *, error: str | None = None, http_status: int = 200
    ) -> Response:
        challenge = found.challenge
        base = self._url(challenge.realm)
        wait_s = challenge.resend_wait_s(self._resend_after_s(challenge)) if challenge.is_open else 0
        return self._pages.render(
            "code.html",
            realm=challenge.realm,
            words=self._words(visit),
            http_status=http_status,
            action=f"{base}/code",
            hidden={"challenge": challenge.id, "token": visit.token},
            channel=self._room.login.connection(challenge.realm, challenge.connection).strategy,
            method=challenge.method.value,
            url=self._code_url(challenge),
            digits=challenge.digits,
            masked_address=read(challenge.destination).masked,
            expires_in_s=challenge.life_left_s,
            expired=not challenge.is_open,
            can_resend=True,
            resend_in_s=wait_s,
            resend_action=f"{base}/resend",
            another_action=f"{base}/another",
            cancel_action=None,
            other_channel=None,
            needs_other_channel=False,
            status=found.delivery.value,
            status_url=f"{base}/status?challenge={challenge.id}",
            error=error,
        )

    def _words(self, visit: Visit) -> Words:
        return self._pages.words(visit.account.realm)

    def _url(self, realm: str) -> str:
        return f"{self._door.url(realm)}/add"

    def _code_url(self, challenge: Challenge) -> str:
        return f"{self._url(challenge.realm)}/code?challenge={challenge.id}"

    def _resend_after_s(self, challenge: Challenge) -> int:
        return self._room.login.connection(challenge.realm, challenge.connection).limits.resend_after_s
