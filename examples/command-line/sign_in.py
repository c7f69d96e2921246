"""Signs in from a terminal, as an application on a telephone would: address, code, and Keycloak's tokens.

A public client over the endpoints of existing SDKs: `/passwordless/start`, then `/oauth/token`. Nothing but Python is
needed, and nothing is kept: no secret, no token. Environment: LOGIN_URL (the sidecar), CLIENT_ID.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

GRANT = "http://auth0.com/oauth/grant-type/passwordless/otp"
TRIES = 5


class RefusedError(Exception):
    """What the endpoint answered, in words."""


def post(url: str, body: dict[str, str]) -> dict[str, Any]:
    """POST JSON, get JSON."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json", "Accept": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        try:
            said = json.load(refused)
        except ValueError:
            said = {}
        where = said.get("interaction_url")
        text = said.get("error_description") or said.get("error") or f"HTTP {refused.code}"
        raise RefusedError(f"{text} Go on in a browser: {where}" if where else text) from refused
    except urllib.error.URLError as away:
        raise RefusedError(f"{url} does not answer: {away.reason}") from away


def claims_of(token: str) -> dict[str, Any]:
    """Of an ID token that came from the token endpoint itself (OpenID Connect Core §3.1.3.7, 6)."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def sign_in(url: str, client_id: str) -> dict[str, Any]:
    """Ask for the address and the code; the ID token's claims."""
    address = input("Email address or mobile number: ").strip()
    by_mail = "@" in address
    connection = "email" if by_mail else "sms"
    started = {"client_id": client_id, "connection": connection, "send": "code"}
    post(f"{url}/passwordless/start", {**started, ("email" if by_mail else "phone_number"): address})
    for left in reversed(range(TRIES)):
        code = input("Code from the message: ").strip()
        try:
            tokens = post(
                f"{url}/oauth/token",
                {
                    "grant_type": GRANT,
                    "client_id": client_id,
                    "realm": connection,
                    "username": address,
                    "otp": code,
                    "scope": "openid email phone",
                },
            )
        except RefusedError as refused:
            if not left or "browser" in str(refused):
                raise
            print(refused, file=sys.stderr)
        else:
            return claims_of(tokens["id_token"])
    raise AssertionError


def main() -> int:
    url, client_id = (
        os.environ.get("LOGIN_URL", "http://localhost:5080"),
        os.environ.get("CLIENT_ID", "command-line"),
    )
    try:
        claims = sign_in(url.rstrip("/"), client_id)
    except RefusedError as refused:
        print(refused, file=sys.stderr)
        return 1
    except (EOFError, KeyboardInterrupt):
        print(file=sys.stderr)
        return 1
    print(
        f"Signed in as {claims.get('email') or claims.get('phone_number') or claims['preferred_username']}."
    )
    print(json.dumps(claims, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
