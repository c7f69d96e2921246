"""An application with Universal Login: it sends people to Keycloak, and Keycloak sends them back (Authlib, PKCE).

Run it with `python app.py`. Environment: ISSUER (a realm of Keycloak), CLIENT_ID, PORT. The client is public: PKCE
stands in for a secret (RFC 7636), and the session's key is new at each start.
"""

from __future__ import annotations

import os
import secrets
from typing import Any
from urllib.parse import urlencode

from authlib.integrations.flask_client import OAuth, OAuthError
from flask import Flask, redirect, render_template_string, request, session, url_for

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Flask example</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
  main { max-width: 30rem; margin: 10vh auto; padding: 0 1rem; }
  th { text-align: start; vertical-align: top; }
  td { overflow-wrap: anywhere; }
</style>
<main>
  <h1>Flask example</h1>
  {% if claims %}
    <p>Signed in as <bdi id="who">{{ claims.email or claims.phone_number or claims.preferred_username }}</bdi>.</p>
    <form method="post" action="{{ url_for('sign_out') }}"><button>Sign out</button></form>
    <table>
      {% for name, value in claims.items() %}<tr><th scope="row">{{ name }}</th><td>{{ value }}</td></tr>{% endfor %}
    </table>
  {% else %}
    {% if error %}<p role="alert">That did not work: {{ error }}</p>{% endif %}
    <p><a href="{{ url_for('sign_in') }}">Sign in</a></p>
    <p><a href="{{ url_for('sign_in', kc_idp_hint='email') }}">Sign in by email</a>, without a choice</p>
  {% endif %}
</main>
</html>
"""
#: What a link may ask of Keycloak: which connection, which level, whether anew.
PASSED_ON = ("kc_idp_hint", "login_hint", "acr_values", "prompt", "ui_locales")


def create_app(issuer: str, client_id: str) -> Flask:
    """The application of that client of the realm."""
    app = Flask(__name__)
    app.secret_key = secrets.token_bytes(32)
    app.config.update(SESSION_COOKIE_NAME="flask-example", SESSION_COOKIE_SAMESITE="Lax")
    keycloak = OAuth(app).register(
        "keycloak",
        client_id=client_id,
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid email phone",
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": "none",
        },
    )

    @app.get("/")
    def home() -> Any:
        return render_template_string(PAGE, claims=session.get("claims"), error=request.args.get("error"))

    @app.get("/sign-in")
    def sign_in() -> Any:
        wanted = {name: request.args[name] for name in PASSED_ON if name in request.args}
        return keycloak.authorize_redirect(url_for("signed_in", _external=True), **wanted)

    @app.get("/signed-in")
    def signed_in() -> Any:
        """Authlib checks state, PKCE, and the ID token's signature, issuer, audience and nonce."""
        try:
            token = keycloak.authorize_access_token()
        except OAuthError as err:
            return redirect(url_for("home", error=err.description or err.error))
        session["claims"] = dict(token["userinfo"])
        session["id_token"] = token["id_token"]
        return redirect(url_for("home"))

    @app.post("/sign-out")
    def sign_out() -> Any:
        """Here, and at Keycloak (OpenID Connect RP-Initiated Logout)."""
        query = {
            "id_token_hint": session.get("id_token", ""),
            "post_logout_redirect_uri": url_for("home", _external=True),
        }
        session.clear()
        return redirect(f"{keycloak.load_server_metadata()['end_session_endpoint']}?{urlencode(query)}")

    return app


if __name__ == "__main__":
    create_app(os.environ["ISSUER"], os.environ["CLIENT_ID"]).run(
        "127.0.0.1", int(os.environ.get("PORT", "5000"))
    )
