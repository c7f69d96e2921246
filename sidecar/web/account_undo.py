"""The page behind the link of a notice: shows what was changed, asks, and takes it back. Opening it changes nothing."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from sidecar.edge.navigation import require_own_form
from sidecar.login import account as steps
from sidecar.login.account import AccountRoom
from sidecar.login.addressing import read
from sidecar.login.asked import asked
from sidecar.model.own_account import ChangeKind
from sidecar.web.account_door import Door
from sidecar.web.pages import Pages

_SENTENCES = {
    ChangeKind.ADDED: "mailChangedAdded",
    ChangeKind.REMOVED: "mailChangedRemoved",
    ChangeKind.PRIMARY: "mailChangedPrimary",
}


def blueprint(room: AccountRoom, door: Door, pages: Pages) -> Blueprint:
    bp = Blueprint("account_undo", __name__, url_prefix="/realms/<realm>/account/undo/<token>")

    @bp.get("")
    def show(realm: str, token: str) -> ResponseReturnValue:
        door.require_page(realm)
        notice = steps.notice(room, token, realm=realm)
        change, challenge = notice.change, notice.challenge
        words = pages.words(realm, otherwise=challenge.locale)
        name = room.login.settings.realms[realm].look().name
        masked = read(change.destination).masked
        return pages.render(
            "account_undo.html",
            realm=realm,
            words=words,
            sentence=words(_SENTENCES[change.kind], masked, name),
            asked=asked(words, challenge.asker, change.at).sentence,
            is_undone=change.undone_at is not None,
            action=f"{door.url(realm)}/undo/{token}",
        )

    @bp.post("")
    def undo(realm: str, token: str) -> ResponseReturnValue:
        door.require_page(realm)
        require_own_form(request, room.login.settings.server.public_url)
        steps.undo(room, token, realm=realm)
        return redirect(f"{door.url(realm)}/undo/{token}", 303)

    return bp
