"""`GET /v2/logout`, `/oidc/logout`: the session is Keycloak's it ends there, and Keycloak says where one may return."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as AnyResponse

from sidecar.api.sdk.desk import Desk
from sidecar.api.sdk.fields import one

#: Of OpenID Connect RP-Initiated Logout §2.
_PASSED_ON = ("id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")


def install(bp: Blueprint, desk: Desk) -> None:
    @bp.get("/v2/logout")
    def logout() -> ResponseReturnValue:
        """Without a `client_id` there is nobody whose addresses `returnTo` could be among, so it is left out."""
        client_id, return_to = one("client_id"), one("returnTo")
        return _to_keycloak(
            desk, client_id=client_id, post_logout_redirect_uri=return_to if client_id else ""
        )

    @bp.get("/oidc/logout")
    def oidc_logout() -> ResponseReturnValue:
        return _to_keycloak(desk, **{name: one(name) for name in _PASSED_ON})


def _to_keycloak(desk: Desk, **given: str) -> AnyResponse:
    endpoint = desk.room.settings.keycloak.endpoint(desk.realm.name, "logout")
    query = urlencode({name: value for name, value in given.items() if value})
    return redirect(f"{endpoint}?{query}" if query else endpoint, 303)
