"""The page behind "this was not me": shows, asks, does, and takes back. Opening it changes nothing."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from sidecar.edge.navigation import require_own_form
from sidecar.login import addressing, not_me
from sidecar.login.asked import asked
from sidecar.login.room import LoginRoom
from sidecar.web.pages import Pages


def blueprint(room: LoginRoom, pages: Pages) -> Blueprint:
    bp = Blueprint("not_me", __name__, url_prefix="/not-me/<token>")
    base = f"{room.settings.server.public_url}/not-me"

    @bp.get("")
    def show(token: str) -> ResponseReturnValue:
        notice = not_me.read(room, token)
        challenge = notice.challenge
        words = pages.words(challenge.realm, otherwise=challenge.locale)
        return pages.render(
            "not_me.html",
            realm=challenge.realm,
            words=words,
            application=challenge.request.application,
            masked_address=addressing.read(challenge.destination).masked,
            minutes_ago=max(1, (challenge.read_at - challenge.created_at) // 60_000),
            asked=asked(words, challenge.asker, challenge.created_at).sentence,
            is_muted=notice.is_muted,
            action=f"{base}/{token}",
            undo_action=f"{base}/{token}/undo",
        )

    @bp.post("")
    def deny(token: str) -> ResponseReturnValue:
        require_own_form(request, room.settings.server.public_url)
        not_me.deny(room, token)
        return redirect(f"{base}/{token}", 303)

    @bp.post("/undo")
    def undo(token: str) -> ResponseReturnValue:
        require_own_form(request, room.settings.server.public_url)
        not_me.undo(room, token)
        return redirect(f"{base}/{token}", 303)

    return bp
