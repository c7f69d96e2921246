"""The account page: the user's addresses and numbers; one is removed, or made the primary one."""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue

from sidecar.edge.asker import Places, asker_of
from sidecar.edge.browser import caller_of
from sidecar.edge.forms import field
from sidecar.errors import ChallengeNotFound, RateLimited
from sidecar.login import account as steps
from sidecar.login.account import AccountRoom
from sidecar.model.address import is_number
from sidecar.model.asker import Asker
from sidecar.model.own_account import MOST_ADDRESSES, Account, OwnAddress
from sidecar.settings import Realm
from sidecar.web.account_door import Door, SignInFirst, Visit
from sidecar.web.pages import Pages
from sidecar.web.waits import wait_text
from sidecar.words import Words

_WHICH = re.compile(r"[0-9a-f]{64}")


class AccountPage:
    """The list, and a page of its own for each change to it, so that a login in between leads back to it."""

    def __init__(self, room: AccountRoom, door: Door, pages: Pages, places: Places) -> None:
        self._room = room
        self._door = door
        self._pages = pages
        self._places = places

    def blueprint(self) -> Blueprint:
        bp = Blueprint("account", __name__, url_prefix="/realms/<realm>/account")

        @bp.app_errorhandler(SignInFirst)
        def sign_in_first(first: SignInFirst) -> ResponseReturnValue:
            return self._door.to_keycloak(first)

        @bp.get("")
        def show(realm: str) -> ResponseReturnValue:
            return self._list(self._door.visit(realm))

        @bp.get("/<any(remove, primary):action>")
        def ask(realm: str, action: str) -> ResponseReturnValue:
            which = _which(request.args.get("which", ""))
            visit = self._door.visit(realm, then=f"/{action}?which={which}", fresh=True)
            return self._ask(visit, action, self._own(visit.account, which))

        @bp.post("/<any(remove, primary):action>")
        def act(realm: str, action: str) -> ResponseReturnValue:
            which = _which(field(request, "which"))
            visit = self._door.posted(realm, then=f"/{action}?which={which}")
            return self._act(visit, action, self._own(visit.account, which))

        return bp

    def _list(self, visit: Visit) -> Response:
        account, words = visit.account, self.words(visit.account.realm)
        url = self._door.url(account.realm)
        own = self._room.addresses(account)
        emails = [it for it in own if not is_number(it.destination)]
        rows = [
            {
                "text": steps.shown(it),
                "day": words.day(datetime.fromtimestamp(it.proven_at / 1000, UTC)),
                "is_primary": steps.is_primary(account, it),
                "primary_url": f"{url}/primary?which={self._handle(account, it)}"
                if not is_number(it.destination) and not steps.is_primary(account, it)
                else "",
                "remove_url": ""
                if steps.is_primary(account, it) and len(emails) > 1
                else f"{url}/remove?which={self._handle(account, it)}",
            }
            for it in own
        ]
        return self._pages.render(
            "account.html",
            realm=account.realm,
            words=words,
            rows=rows,
            adds=self._adds(account) if len(own) < MOST_ADDRESSES else [],
            sign_out_action=f"{url}/sign-out",
            hidden={"token": visit.token},
        )

    def _adds(self, account: Account) -> list[dict[str, str]]:
        """A way to add one of each kind: of the connection that the user has one of, or else the realm's first."""
        realm: Realm = self._room.login.settings.realms[account.realm]
        found: dict[str, str] = {}
        for connection in sorted(realm.connections.values(), key=lambda it: it.id not in account.subjects):
            found.setdefault(connection.strategy, connection.id)
        url = self._door.url(account.realm)
        return [
            {"url": f"{url}/add?to={connection}", "strategy": strategy}
            for strategy, connection in sorted(found.items())
        ]

    def _ask(
        self, visit: Visit, action: str, own: OwnAddress, *, error: str | None = None, http_status: int = 200
    ) -> Response:
        account = visit.account
        url = self._door.url(account.realm)
        is_last = len(self._room.addresses(account)) == 1 and not account.has_another_way
        return self._pages.render(
            "account_change.html",
            realm=account.realm,
            words=self.words(account.realm),
            http_status=http_status,
            is_removal=action == "remove",
            is_last=is_last,
            text=steps.shown(own),
            action=f"{url}/{action}",
            hidden={"token": visit.token, "which": self._handle(account, own)},
            back_url=url,
            error=error,
        )

    def _act(self, visit: Visit, action: str, own: OwnAddress) -> ResponseReturnValue:
        account = visit.account
        words = self.words(account.realm)
        asker = self._asker(words)
        step = steps.remove if action == "remove" else steps.make_primary
        try:
            step(self._room, account, own, asker=asker, locale=words.locale)
        except RateLimited as limited:
            page = self._ask(visit, action, own, error=wait_text(words, limited), http_status=429)
            page.headers["Retry-After"] = str(limited.retry_after_s)
            return page
        return redirect(self._door.url(account.realm), 303)

    def _own(self, account: Account, which: str) -> OwnAddress:
        """The account's address of that handle; another account's has none here.

        Raises:
            ChallengeNotFound: it has no such address.
        """
        for own in self._room.addresses(account):
            if hmac.compare_digest(self._handle(account, own), which):
                return own
        raise ChallengeNotFound

    def _handle(self, account: Account, own: OwnAddress) -> str:
        """What a URL calls an address: nothing that can be read, or made up."""
        parts = (account.realm, account.id, own.connection, own.address)
        return self._room.login.keys.mac("account-address", *(part.encode() for part in parts))

    def _asker(self, words: Words) -> Asker:
        network = caller_of(request).network
        return asker_of(request, self._places, network=network, locale=words.locale)

    def words(self, realm: str) -> Words:
        return self._pages.words(realm)


def _which(unverified: str) -> str:
    if not _WHICH.fullmatch(unverified):
        raise ChallengeNotFound
    return unverified
