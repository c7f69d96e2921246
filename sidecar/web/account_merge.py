"""Making one account of two: for an address that was proven on the account page and has a profile of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue

from sidecar.edge.asker import Places, asker_of
from sidecar.edge.browser import caller_of
from sidecar.edge.forms import field
from sidecar.errors import ChallengeNotFound, UsersRefused
from sidecar.login import account as steps
from sidecar.login.account import AccountRoom
from sidecar.login.addressing import read
from sidecar.model.challenge import Challenge, Purpose
from sidecar.users.merging import MergePlan, Merging
from sidecar.users.ports import Profiles
from sidecar.web.account_door import Door, Visit
from sidecar.web.own import own_spent_challenge
from sidecar.web.pages import Pages

#: How long after it was given a proof is still one that the two belong together.
_PROVEN_S = 600
_ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, kw_only=True)
class AccountMerge:
    """`/merge`: shows what would move and what is lost, asks, and does it. The spent challenge is the proof."""

    room: AccountRoom
    door: Door
    pages: Pages
    places: Places
    merging: Merging
    profiles: Callable[[str], Profiles]

    def blueprint(self) -> Blueprint:
        bp = Blueprint("account_merge", __name__, url_prefix="/realms/<realm>/account/merge")

        @bp.get("")
        def show(realm: str) -> ResponseReturnValue:
            named = request.args.get("challenge", "")
            visit = self.door.visit(realm, then=_back_to(named), fresh=True)
            challenge = self._proof(visit, named)
            plan = self._plan(visit, challenge)
            if plan is None:
                return redirect(self.door.url(realm), 303)
            return self._taken(visit) if plan.refusals else self._page(visit, challenge, plan)

        @bp.post("")
        def merge(realm: str) -> ResponseReturnValue:
            named = field(request, "challenge")
            visit = self.door.posted(realm, then=_back_to(named))
            plan = self._plan(visit, self._proof(visit, named))
            if plan is None:
                return redirect(self.door.url(realm), 303)
            before = {(it.connection, it.address) for it in self.room.addresses(visit.account)}
            try:
                self.merging.carry_out(plan, by="page")
            except UsersRefused:
                return self._taken(visit)
            self._tell(visit, before)
            return redirect(self.door.url(realm), 303)

        return bp

    def _proof(self, visit: Visit, unverified_id: str) -> Challenge:
        """The challenge that proved the address a moment ago: in this browser, for this very account.

        Raises:
            ChallengeNotFound: there is none.
        """
        account = visit.account
        challenge = own_spent_challenge(
            self.room.login, account.realm, None, unverified_id, purpose=Purpose.ADD
        )
        used_at = challenge.used_at or 0
        if challenge.account != account.id or challenge.read_at - used_at > _PROVEN_S * 1000:
            raise ChallengeNotFound
        return challenge

    def _plan(self, visit: Visit, challenge: Challenge) -> MergePlan | None:
        """What merging the address's profile into the account would do; `None`: it has none, or it is this one."""
        account = visit.account
        subject_id = self.room.book.holder(account.realm, challenge.connection, challenge.address)
        if subject_id is None or subject_id in account.subject_ids:
            return None
        found = self.profiles(account.realm).holders(challenge.connection, subject_id)
        if len(found) != 1 or found[0] == account.id:
            return None
        return self.merging.plan(account.realm, into=account.id, from_=found[0])

    def _tell(self, visit: Visit, before: Collection[tuple[str, str]]) -> None:
        """Word of each address that came, to all others; its link takes it off the account again."""
        account = self.room.accounts.account(visit.account.realm, visit.account.id)
        if account is None:
            return
        words = self.pages.words(account.realm)
        network = caller_of(request).network
        asker = asker_of(request, self.places, network=network, locale=words.locale)
        came = [it for it in self.room.addresses(account) if (it.connection, it.address) not in before]
        steps.tell_of_added(self.room, account, came, asker=asker, locale=words.locale)

    def _page(self, visit: Visit, challenge: Challenge, plan: MergePlan) -> Response:
        url = self.door.url(visit.account.realm)
        moved = {it.what for it in plan.moves}
        return self.pages.render(
            "account_merge.html",
            realm=visit.account.realm,
            words=self.pages.words(visit.account.realm),
            moves=[
                read(it.what).shown if it.kind == "address" else f"{it.alias}: {it.what}" for it in plan.moves
            ],
            # An email address that moves is not lost: it signs in, though Keycloak holds the primary's.
            lost=[
                f"{it.alias}: {it.secondary}" if it.alias else it.secondary
                for it in plan.conflicts
                if it.secondary.lower() not in moved
            ],
            action=f"{url}/merge",
            hidden={"token": visit.token, "challenge": challenge.id},
            back_url=url,
        )

    def _taken(self, visit: Visit) -> Response:
        words = self.pages.words(visit.account.realm)
        return self.pages.render(
            "error.html",
            realm=visit.account.realm,
            words=words,
            http_status=409,
            heading=words("passwordlessErrorTitle"),
            message=words("passwordlessAccountTaken"),
            continue_url=self.door.url(visit.account.realm),
            continue_label=words("passwordlessAccountBack"),
        )


def _back_to(unverified_id: str) -> str:
    """Where to come back to from Keycloak: here, if that can be a challenge."""
    return f"/merge?challenge={unverified_id}" if _ID.fullmatch(unverified_id) else ""
