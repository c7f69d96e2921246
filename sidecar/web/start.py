"""The address: from Keycloak's login page (`login_hint`), or asked for here; then a challenge and the code page."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue

from sidecar.edge.answer import denied_url
from sidecar.edge.asker import Places, asker_of
from sidecar.edge.browser import caller_of, require_cookie
from sidecar.edge.forms import field
from sidecar.edge.navigation import is_person_navigating, require_own_form
from sidecar.edge.seal import Seal
from sidecar.errors import ConnectionStopped, InvalidAddress, InvalidNumber, NumberRefused, RateLimited
from sidecar.login.addressing import take
from sidecar.login.issue import issue
from sidecar.login.room import LoginRoom
from sidecar.login.tickets import is_ticket
from sidecar.model.address import Address
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.challenge import Method
from sidecar.web.own import own_challenge
from sidecar.web.pages import Pages
from sidecar.web.ticket import TicketPages
from sidecar.web.waits import wait_text
from sidecar.words import Words

MAX_TYPED_CHARS = 320
ADDRESS_ERRORS: dict[type[InvalidAddress], str] = {
    InvalidAddress: "passwordlessErrorAddress",
    InvalidNumber: "passwordlessErrorNumber",
    NumberRefused: "passwordlessErrorNumberRefused",
}


class Start:
    """Implements the authorize endpoint's `LoginPages`."""

    def __init__(self, room: LoginRoom, pages: Pages, seal: Seal, places: Places) -> None:
        self._tickets = TicketPages(room, pages, seal)
        self._room = room
        self._pages = pages
        self._seal = seal
        self._places = places

    def begin(self, realm: str, connection: str, authorization: AuthorizationRequest) -> ResponseReturnValue:
        """Send at once if a person brought an address along; else show the page with what there is.

        A link in a mail, a prefetch or an image must not make us send: they all lack a person's own navigation.
        """
        hint = authorization.login_hint
        if is_ticket(hint):
            return self._tickets.begin(realm, connection, authorization) or self._page(
                realm, connection, authorization, value=""
            )
        try:
            address = self._taken(realm, connection, hint)
        except InvalidAddress as refused:
            # Keycloak's page can't check a number, so whoever comes from there is told; what was typed is not repeated.
            error = self._error(realm, authorization, refused) if _is_number_typed(hint) else None
            return self._page(realm, connection, authorization, value="", error=error)
        if is_person_navigating(request):
            return self._issue(realm, connection, authorization, address)
        return self._page(realm, connection, authorization, value=hint)

    def blueprint(self) -> Blueprint:
        bp = Blueprint("start", __name__, url_prefix="/realms/<realm>/<connection>")

        @bp.post("/start")
        def start(realm: str, connection: str) -> ResponseReturnValue:
            authorization = self._opened(realm, connection)
            typed = field(request, "address")[:MAX_TYPED_CHARS]
            try:
                address = self._taken(realm, connection, typed)
            except InvalidAddress as refused:
                error = self._error(realm, authorization, refused)
                return self._page(realm, connection, authorization, value=typed, error=error, status=400)
            return self._issue(realm, connection, authorization, address)

        @bp.post("/continue")
        def go_on(realm: str, connection: str) -> ResponseReturnValue:
            """The button of "Continue as …?"; a ticket that is over meanwhile leads to the address page."""
            authorization = self._opened(realm, connection)
            return self._tickets.go_on(
                realm, connection, authorization, field(request, "ticket")
            ) or self._page(realm, connection, authorization, value="")

        @bp.get("/start")
        def another(realm: str, connection: str) -> ResponseReturnValue:
            """The address page for the request of a challenge that this browser started."""
            challenge = own_challenge(
                self._room, realm, connection, request.args.get("challenge", "")
            ).challenge
            return self._page(realm, connection, challenge.request, value="")

        @bp.post("/cancel")
        def cancel(realm: str, connection: str) -> ResponseReturnValue:
            authorization = self._opened(realm, connection)
            issuer = self._room.settings.issuer(realm, connection)
            return redirect(denied_url(authorization, issuer=issuer), 303)

        return bp

    def _opened(self, realm: str, connection: str) -> AuthorizationRequest:
        self._room.connection(realm, connection)
        require_own_form(request, self._room.settings.server.public_url)
        require_cookie(request)
        return self._seal.open(realm, connection, field(request, "request"), caller_of(request))

    def _issue(
        self, realm: str, connection: str, authorization: AuthorizationRequest, address: Address
    ) -> ResponseReturnValue:
        words, caller = self._words(realm, authorization), caller_of(request)
        try:
            challenge = issue(
                self._room,
                realm=realm,
                connection=connection,
                address=address,
                caller=caller,
                request=authorization,
                asker=asker_of(request, self._places, network=caller.network, locale=words.locale),
                locale=words.locale,
            )
        except RateLimited as limited:
            page = self._page(
                realm,
                connection,
                authorization,
                value=address.shown,
                error=wait_text(words, limited),
                status=429,
            )
            page.headers["Retry-After"] = str(limited.retry_after_s)
            return page
        except ConnectionStopped:
            return self._page(
                realm,
                connection,
                authorization,
                value=address.shown,
                error=words("passwordlessErrorSmsStopped"),
                status=503,
            )
        issuer = self._room.settings.issuer(realm, connection)
        return redirect(f"{issuer}/code?challenge={challenge.id}", 303)

    def _page(
        self,
        realm: str,
        connection: str,
        authorization: AuthorizationRequest,
        *,
        value: str,
        error: str | None = None,
        status: int = 200,
    ) -> Response:
        issuer = self._room.settings.issuer(realm, connection)
        sealed = self._seal.close(realm, connection, authorization, caller_of(request))
        return self._pages.render(
            "address.html",
            realm=realm,
            words=self._words(realm, authorization),
            application=authorization.application,
            http_status=status,
            action=f"{issuer}/start",
            hidden={"request": sealed},
            channel=self._room.connection(realm, connection).strategy,
            method=self._method(realm, connection, authorization).value,
            value=value,
            error=error,
            cancel_action=f"{issuer}/cancel",
        )

    def _method(self, realm: str, connection: str, authorization: AuthorizationRequest) -> Method:
        return Method(self._room.connection(realm, connection).method).narrowed(authorization.send)

    def _words(self, realm: str, authorization: AuthorizationRequest) -> Words:
        return self._pages.words(realm, authorization.ui_locales)

    def _taken(self, realm: str, connection: str, unverified_raw: str) -> Address:
        return take(
            self._room.settings.realms[realm], self._room.connection(realm, connection), unverified_raw
        )

    def _error(self, realm: str, authorization: AuthorizationRequest, refused: InvalidAddress) -> str:
        return self._words(realm, authorization)(ADDRESS_ERRORS[type(refused)])


def _is_number_typed(hint: str) -> bool:
    return "@" not in hint and any(char.isdigit() for char in hint)
