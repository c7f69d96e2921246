"""How the realm and its applications look, as the login theme reads it: one realm text."""

from __future__ import annotations

import json
from typing import Any

from sidecar.settings import Branding, Realm, Settings

#: What the text says where nobody has a look of their own.
_NONE = "none"
#: Room for a logo, in CSS pixels; our own pages give as much.
_LOGO_HEIGHT, _LOGO_WIDTH = 40, 160


def brands_text(settings: Settings, realm: Realm) -> str:
    """The looks as JSON by client id, `""` for the realm's, in Java's MessageFormat, which Keycloak reads texts as.

    One text for all, so that an application that is taken out of the settings loses its look.
    """
    looks = {"": realm.branding} | {
        client.client_id: client.branding.over(realm.branding) for client in realm.clients.values()
    }
    said = {client_id: _look(settings, realm, branding) for client_id, branding in looks.items()}
    if not any(said.values()):
        return _NONE
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    # Quoted whole: braces begin an argument otherwise.
    return "'" + text.replace("'", "''") + "'"


def _look(settings: Settings, realm: Realm, branding: Branding) -> dict[str, Any]:
    """What there is of a look. Without a name and logo of its own the page keeps Keycloak's name of the realm."""
    look: dict[str, Any] = {}
    if branding.name or branding.logo:
        look["name"] = branding.name or realm.display_name
    if branding.logo:
        width, height = branding.logo.size(height=_LOGO_HEIGHT, width=_LOGO_WIDTH)
        look |= {"logo": settings.logo_url(branding.logo), "width": width, "height": height}
    if palette := branding.palette:
        look |= {
            "light": palette.light,
            "lightStrong": palette.light_strong,
            "dark": palette.dark,
            "darkStrong": palette.dark_strong,
        }
    return look | branding.links
