"""A ticket as `login_hint`: at once in the browser that holds it, behind a button in another, and never a client's."""

from __future__ import annotations

from flask import redirect, request
from flask.typing import ResponseReturnValue

from sidecar.edge.answer import answer_url
from sidecar.edge.browser import caller_of
from sidecar.edge.seal import Seal
from sidecar.errors import TicketRefused
from sidecar.login import tickets
from sidecar.login.addressing import read
from sidecar.login.room import LoginRoom
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.ticket import Holding
from sidecar.web.pages import Pages


class TicketPages:
    """Each answer is `None` where the ticket is worth nothing: the person is asked for an address then."""

    def __init__(self, room: LoginRoom, pages: Pages, seal: Seal) -> None:
        self._room = room
        self._pages = pages
        self._seal = seal

    def begin(
        self, realm: str, connection: str, authorization: AuthorizationRequest
    ) -> ResponseReturnValue | None:
        """Go on without a page in the browser in which the code was verified; elsewhere, ask first.

        Whoever made somebody open a link with his own ticket would have them signed in as himself.
        """
        unverified_ticket = authorization.login_hint
        found = tickets.find(
            self._room, realm=realm, connection=connection, unverified_ticket=unverified_ticket
        )
        if found is None or found.is_of_client or found.application != authorization.application:
            # Refused and recorded by the same statement that would spend it.
            return self._answer(realm, connection, authorization, unverified_ticket, Holding.BROWSER)
        return self._answer(
            realm, connection, authorization, unverified_ticket, Holding.BROWSER
        ) or self._confirm(realm, connection, authorization, found.address)

    def go_on(
        self,
        realm: str,
        connection: str,
        authorization: AuthorizationRequest,
        unverified_ticket: str,
    ) -> ResponseReturnValue | None:
        """The person pressed the button."""
        return self._answer(realm, connection, authorization, unverified_ticket, Holding.CONFIRMED)

    def _answer(
        self,
        realm: str,
        connection: str,
        authorization: AuthorizationRequest,
        unverified_ticket: str,
        holding: Holding,
    ) -> ResponseReturnValue | None:
        try:
            raw_auth_code = tickets.exchange(
                self._room,
                realm=realm,
                connection=connection,
                unverified_ticket=unverified_ticket,
                request=authorization,
                holding=holding,
                caller=caller_of(request),
            )
        except TicketRefused:
            return None
        issuer = self._room.settings.issuer(realm, connection)
        return redirect(answer_url(authorization, issuer=issuer, code=raw_auth_code), 303)

    def _confirm(
        self, realm: str, connection: str, authorization: AuthorizationRequest, address: str
    ) -> ResponseReturnValue:
        issuer = self._room.settings.issuer(realm, connection)
        sealed = self._seal.close(realm, connection, authorization, caller_of(request))
        return self._pages.render(
            "continue.html",
            realm=realm,
            words=self._pages.words(realm, authorization.ui_locales),
            application=authorization.application,
            action=f"{issuer}/continue",
            hidden={"request": sealed, "ticket": authorization.login_hint},
            masked_address=read(address).masked,
            cancel_action=f"{issuer}/cancel",
        )
