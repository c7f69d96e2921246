"""The page behind a message's link. Opening it changes nothing; its button counts in the browser that asked only."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, request
from flask.typing import ResponseReturnValue

from sidecar.edge.browser import caller_of, known_caller, remember
from sidecar.edge.forms import field
from sidecar.edge.navigation import require_own_form
from sidecar.errors import ChallengeNotFound, ChallengeRefused, RateLimited
from sidecar.login import links, mailed
from sidecar.login.addressing import read
from sidecar.login.asked import asked
from sidecar.login.links import Opened
from sidecar.login.room import LoginRoom
from sidecar.web.pages import Pages
from sidecar.web.passkey import Passkey
from sidecar.web.waits import wait_text

#: Carries the token from the link to the page whose address does not have it. It is no login.
COOKIE = "__Host-passwordless-link"
#: As long as a link can live.
_COOKIE_S = 600


class Link:
    """`/l/TOKEN` takes the token out of the address bar; `/l` shows what it is about."""

    def __init__(self, room: LoginRoom, pages: Pages, passkey: Passkey) -> None:
        self._room = room
        self._pages = pages
        self._passkey = passkey
        self._url = f"{room.settings.server.public_url}/l"

    def blueprint(self) -> Blueprint:
        bp = Blueprint("link", __name__, url_prefix="/l")

        @bp.get("/<token>")
        def take(token: str) -> ResponseReturnValue:
            mailed.challenge_of(token)
            response = redirect(self._url, 303)
            response.set_cookie(
                COOKIE, token, max_age=_COOKIE_S, path="/", secure=True, httponly=True, samesite="Lax"
            )
            return response

        @bp.get("")
        def show() -> ResponseReturnValue:
            return self._page(self._opened())

        @bp.post("")
        def confirm() -> ResponseReturnValue:
            return self._confirm(self._posted())

        @bp.post("/new")
        def renew() -> ResponseReturnValue:
            return self._renew(self._posted())

        return bp

    def _token(self) -> str:
        return request.cookies.get(COOKIE, "")

    def _opened(self) -> Opened:
        return links.read(self._room, self._token(), known_caller(request))

    def _posted(self) -> Opened | None:
        """What the form was about; `None` if another link was opened meanwhile, or this is no browser to confirm it."""
        require_own_form(request, self._room.settings.server.public_url)
        opened = self._opened()
        return opened if opened.is_own and field(request, "challenge") == opened.challenge.id else None

    def _confirm(self, opened: Opened | None) -> ResponseReturnValue:
        if opened is None:
            return redirect(self._url, 303)
        caller = caller_of(request)
        try:
            verified = links.verify_link(self._room, self._token(), caller)
        except ChallengeRefused:
            # The page says what has become of it.
            return redirect(self._url, 303)
        except RateLimited as limited:
            return self._limited(opened, limited)
        return _forgetting(remember(make_response(redirect(self._passkey.after(verified), 303)), caller))

    def _renew(self, opened: Opened | None) -> ResponseReturnValue:
        if opened is None:
            return redirect(self._url, 303)
        try:
            fresh = links.renew(self._room, self._token(), caller_of(request))
        except RateLimited as limited:
            return self._limited(opened, limited)
        except ChallengeNotFound:
            return redirect(self._url, 303)
        issuer = self._room.settings.issuer(fresh.realm, fresh.connection)
        return _forgetting(make_response(redirect(f"{issuer}/code?challenge={fresh.id}", 303)))

    def _limited(self, opened: Opened, limited: RateLimited) -> Response:
        words = self._pages.catalogue.words(opened.challenge.locale)
        page = self._page(opened, error=wait_text(words, limited), http_status=429)
        page.headers["Retry-After"] = str(limited.retry_after_s)
        return page

    def _page(self, opened: Opened, *, error: str | None = None, http_status: int = 200) -> Response:
        challenge = opened.challenge
        own_words = self._pages.catalogue.words(challenge.locale)
        theirs = self._pages.words(challenge.realm, otherwise=challenge.locale)
        words = own_words if opened.is_own else theirs
        is_foreign = opened.is_open and not opened.is_own
        return self._pages.render(
            "link.html",
            realm=challenge.realm,
            words=words,
            application=challenge.request.application,
            http_status=http_status,
            is_open=opened.is_open,
            is_own=opened.is_own,
            can_be_renewed=opened.can_be_renewed,
            masked_address=read(challenge.destination).masked,
            asked=asked(words, challenge.asker, challenge.created_at).sentence,
            code=links.shown_code(self._room, opened) if is_foreign else "",
            action=self._url,
            new_action=f"{self._url}/new",
            hidden={"challenge": challenge.id},
            error=error,
        )


def _forgetting(response: Response) -> Response:
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
    return response
