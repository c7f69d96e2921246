"""A confidential application: a plain Authlib client of Keycloak, which checks state, nonce and PKCE."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify, redirect, request, session
from werkzeug.serving import BaseWSGIServer, make_server


@dataclass
class Application:
    """Serves `/login`, `/callback` and `/me` on a port of its own; keeps the claims and tokens it got."""

    server: BaseWSGIServer
    logins: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server.port}"

    def stop(self) -> None:
        self.server.shutdown()


def start(*, port: int, issuer: str, client_id: str, client_secret: str) -> Application:
    flask = Flask(__name__)
    flask.secret_key = "only for this test's own session cookie"
    keycloak = OAuth(flask).register(
        "keycloak",
        client_id=client_id,
        client_secret=client_secret,
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email", "code_challenge_method": "S256"},
    )
    application = Application(make_server("127.0.0.1", port, flask, threaded=True))

    @flask.get("/login")
    def login() -> Any:
        extra = {name: request.args[name] for name in request.args}
        return keycloak.authorize_redirect(f"{application.url}/callback", **extra)

    @flask.get("/callback")
    def callback() -> Any:
        token = keycloak.authorize_access_token()
        application.logins.append(token)
        session["claims"] = dict(token["userinfo"])
        return redirect("/me")

    @flask.get("/me")
    def me() -> Any:
        if "claims" not in session:
            return "<title>signed out</title>", 401
        return jsonify(session["claims"])

    threading.Thread(
        target=application.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    ).start()
    return application
