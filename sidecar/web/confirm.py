"""The page that asks before a browser is signed in by a code that it did not ask for itself."""

from __future__ import annotations

from collections.abc import Mapping

from flask.typing import ResponseReturnValue

from sidecar.web.pages import Pages


class Confirm:
    """`api.ports.Confirming`."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def page(
        self, *, realm: str, application: str, action: str, hidden: Mapping[str, str], masked_address: str
    ) -> ResponseReturnValue:
        return self._pages.render(
            "continue.html",
            realm=realm,
            words=self._pages.words(realm, hidden.get("ui_locales", "")),
            application=application,
            action=action,
            hidden=hidden,
            masked_address=masked_address,
            cancel_action=None,
        )
