"""Who is signed in to the account page: through Keycloak, as a client of the realm, and for a short while.

The session is a row; the browser has a random cookie, whose MAC finds it. Each form carries a token that only a page of
this session can have. Whoever wants to change something must have signed in to Keycloak a moment ago, and is led there
and back to the page where they asked.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, redirect, request
from flask.typing import ResponseReturnValue

from sidecar.edge.forms import field
from sidecar.edge.navigation import require_own_form
from sidecar.edge.seal import PendingSeal
from sidecar.errors import InvalidRequest
from sidecar.login.account import FRESH_S, AccountRoom
from sidecar.login.ports import AccountSessions, SignIn
from sidecar.model.own_account import Account
from sidecar.settings import Settings

#: Browsers refuse it from a subdomain or without Secure (RFC 6265bis §4.1.3.2).
COOKIE = "__Host-passwordless-account"
#: A login on its way through Keycloak: state, nonce and PKCE verifier, sealed.
PENDING_COOKIE = "__Host-passwordless-account-login"
SESSION_S = 900
_PENDING_S = 1800
_SECRET_BYTES = 32
_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")
_CODE = re.compile(r"[!-~]{1,2000}")


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A signed-in user's request. `token` goes into every form; `is_fresh`: they proved who they are a moment ago."""

    account: Account
    token: str
    is_fresh: bool


class SignInFirst(Exception):
    """Through Keycloak, and back to `then`, a path below the account page. `max_age_s`: how old a proof may be."""

    def __init__(self, realm: str, then: str, *, max_age_s: int | None) -> None:
        self.realm = realm
        self.then = then
        self.max_age_s = max_age_s


class Door:
    """Lets in whom Keycloak names; the only one who reads and writes the account page's cookies."""

    def __init__(
        self, room: AccountRoom, sessions: AccountSessions, sign_in: SignIn, seal: PendingSeal
    ) -> None:
        self._room = room
        self._sessions = sessions
        self._sign_in = sign_in
        self._seal = seal

    @property
    def _settings(self) -> Settings:
        return self._room.login.settings

    def require_page(self, realm: str) -> None:
        """Refuse where the realm has no such page.

        Raises:
            InvalidRequest: it has none.
        """
        found = self._settings.realms.get(realm)
        if found is None or not found.account_page:
            raise InvalidRequest("this realm has no account page here: set realms.REALM.account_page")

    def visit(self, realm: str, *, then: str = "", fresh: bool = False) -> Visit:
        """Who asks; `fresh`: for a page on which something is changed.

        Raises:
            SignInFirst: nobody is signed in, they are no user any more, or their proof is too old.
            KeycloakUnavailable: Keycloak can't be asked about them.
        """
        self.require_page(realm)
        secret = request.cookies.get(COOKIE, "")
        macs = self._macs("account-session", secret) if _SHAPE.fullmatch(secret) else ()
        session = self._sessions.find(macs, realm=realm) if macs else None
        if session is None:
            raise SignInFirst(realm, then, max_age_s=FRESH_S if fresh else None)
        is_fresh = session.read_at - session.auth_time <= FRESH_S * 1000
        if fresh and not is_fresh:
            raise SignInFirst(realm, then, max_age_s=FRESH_S)
        # Each time: who was disabled or deleted meanwhile changes nothing any more.
        account = self._room.accounts.account(realm, session.account)
        if account is None:
            self._sessions.end(macs)
            raise SignInFirst(realm, then, max_age_s=None)
        return Visit(account=account, token=self._macs("account-form", secret)[0], is_fresh=is_fresh)

    def posted(self, realm: str, *, then: str, fresh: bool = True) -> Visit:
        """The same for a form, which must be of a page of this very session.

        Raises:
            InvalidRequest: another site sent it, or it has not this session's token.
            SignInFirst, KeycloakUnavailable: as above.
        """
        require_own_form(request, self._settings.server.public_url)
        visit = self.visit(realm, then=then, fresh=fresh)
        tokens = self._macs("account-form", request.cookies[COOKIE])
        given = field(request, "token")
        if not any(hmac.compare_digest(token.encode(), given.encode()) for token in tokens):
            raise InvalidRequest("the form is not of this session's page")
        return visit

    def blueprint(self) -> Blueprint:
        bp = Blueprint("account_door", __name__, url_prefix="/realms/<realm>/account")

        @bp.get("/callback")
        def callback(realm: str) -> ResponseReturnValue:
            return self._enter(realm)

        @bp.post("/sign-out")
        def sign_out(realm: str) -> ResponseReturnValue:
            self.posted(realm, then="", fresh=False)
            self._sessions.end(self._macs("account-session", request.cookies[COOKIE]))
            return _without(redirect(self._sign_in.sign_out_url(realm), 303), COOKIE)

        return bp

    def to_keycloak(self, first: SignInFirst) -> ResponseReturnValue:
        """Send the browser to Keycloak, with what it needs to come back."""
        state, nonce, verifier = (secrets.token_urlsafe(_SECRET_BYTES) for _ in range(3))
        url = self._sign_in.begin(
            first.realm, state=state, nonce=nonce, code_verifier=verifier, max_age_s=first.max_age_s
        )
        response = make_response(redirect(url, 303))
        pending = {
            "realm": first.realm,
            "state": state,
            "nonce": nonce,
            "verifier": verifier,
            "then": first.then,
        }
        _set(response, PENDING_COOKIE, self._seal.close(pending), _PENDING_S)
        return response

    def _enter(self, realm: str) -> ResponseReturnValue:
        """Back from Keycloak: check that this browser went there, and ask Keycloak whom it let in."""
        self.require_page(realm)
        pending = self._seal.open(request.cookies.get(PENDING_COOKIE, ""), within_s=_PENDING_S)
        given = request.args.get("state", "")
        if pending["realm"] != realm or not hmac.compare_digest(pending["state"].encode(), given.encode()):
            raise InvalidRequest("this sign-in was not begun in this browser: open the account page again")
        code = request.args.get("code", "")
        if not _CODE.fullmatch(code):
            raise InvalidRequest("Keycloak did not sign the user in: open the account page again")
        signed_in = self._sign_in.finish(
            realm, code=code, nonce=pending["nonce"], code_verifier=pending["verifier"]
        )
        old = request.cookies.get(COOKIE, "")
        if _SHAPE.fullmatch(old):
            self._sessions.end(self._macs("account-session", old))
        # A new cookie for each session: what was planted before is worth nothing.
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        self._sessions.open(
            self._macs("account-session", secret)[0],
            realm=realm,
            account=signed_in.account,
            auth_age_s=signed_in.auth_age_s,
            lifetime_s=SESSION_S,
        )
        response = make_response(redirect(f"{self.url(realm)}{pending['then']}", 303))
        _set(response, COOKIE, secret, SESSION_S)
        return _without(response, PENDING_COOKIE)

    def url(self, realm: str) -> str:
        return self._settings.account_url(realm)

    def _macs(self, purpose: str, secret: str) -> tuple[str, ...]:
        return self._room.login.keys.macs(purpose, secret.encode())


def _set(response: Response, name: str, value: str, lifetime_s: int) -> None:
    response.set_cookie(name, value, max_age=lifetime_s, path="/", secure=True, httponly=True, samesite="Lax")


def _without(response: ResponseReturnValue, name: str) -> Response:
    made = make_response(response)
    made.delete_cookie(name, path="/", secure=True, httponly=True, samesite="Lax")
    return made
