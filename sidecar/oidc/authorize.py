"""The authorization endpoint (OpenID Connect Core §3.1.2): check the request, then hand the person to the pages."""

from __future__ import annotations

from typing import Protocol

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from sidecar.edge.answer import redirect_url
from sidecar.login.room import LoginRoom
from sidecar.model.authorization import AuthorizationRequest
from sidecar.oidc import requests


class LoginPages(Protocol):
    """Where a checked request goes on; the composition root hands the pages in."""

    def begin(self, realm: str, connection: str, authorization: AuthorizationRequest) -> ResponseReturnValue:
        """Answer the person's browser: start a challenge, or show the address page."""
        ...


def blueprint(room: LoginRoom, pages: LoginPages) -> Blueprint:
    bp = Blueprint("authorize", __name__, url_prefix="/realms/<realm>/<connection>")

    @bp.route("/authorize", methods=["GET", "POST"])
    def authorize(realm: str, connection: str) -> ResponseReturnValue:
        """Core §3.1.2.1 asks for both methods; a POST is answered with the way to the GET of the same request.

        A form of another site brings no cookie along (SameSite=Lax). A page in answer to it would set a fresh one, in
        the place of that by which this browser holds a login under way; the GET that follows brings it.
        """
        room.connection(realm, connection)
        parameters = request.form if request.method == "POST" else request.args
        issuer = room.settings.issuer(realm, connection)
        try:
            authorization = requests.parse(room.settings, realm, connection, parameters)
            if request.method == "POST":
                return redirect(f"{issuer}/authorize?{requests.as_query(parameters)}", 303)
        except requests.AuthorizationRefused as refused:
            return redirect(
                redirect_url(
                    refused.redirect_uri,
                    issuer=issuer,
                    state=refused.state,
                    error=refused.error,
                    error_description=refused.description,
                ),
                303,
            )
        return pages.begin(realm, connection, authorization)

    return bp
