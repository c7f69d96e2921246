"""What a realm's or an application's branding adds to a page: its logo, its colours as a stylesheet, its links."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from sidecar.model.colours import Palette
from sidecar.settings import LOGO, Branding, Logo, Settings

STYLESHEET = "brand.css"
_VERSION_CHARS = 12
#: Room for a logo, in CSS pixels; Keycloak's pages give as much.
_LOGO_HEIGHT, _LOGO_WIDTH = 40, 160
_LABELS = {
    "help": "passwordlessLinkHelp",
    "privacy": "passwordlessLinkPrivacy",
    "terms": "passwordlessLinkTerms",
    "imprint": "passwordlessLinkImprint",
}


@dataclass(frozen=True)
class Look:
    """What `layout.html` needs. `logo_url` and `css_url` are empty where there is none.

    `links`: the key of each one's text, and its URL.
    """

    name: str
    logo_url: str
    logo_size: tuple[int, int]
    css_url: str
    links: tuple[tuple[str, str], ...]


class Brands:
    """The looks of all realms and applications, and their files by version; made once, at start."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.logos: dict[str, Logo] = {}
        self.stylesheets: dict[str, bytes] = {}
        self._versions: dict[Palette, str] = {}
        for branding in _all(settings):
            if branding.logo:
                self.logos[branding.logo.version] = branding.logo
            if branding.palette:
                content = stylesheet(branding.palette)
                version = hashlib.sha256(content).hexdigest()[:_VERSION_CHARS]
                self._versions[branding.palette] = version
                self.stylesheets[version] = content

    def look(self, realm: str, unverified_application: str) -> Look:
        """How a page of a realm looks for an application; a page of none has no name."""
        known = self._settings.realms.get(realm)
        branding = known.look(unverified_application) if known else Branding()
        logo, palette = branding.logo, branding.palette
        public_url = self._settings.server.public_url
        return Look(
            name=branding.name,
            logo_url=self._settings.logo_url(logo) if logo else "",
            logo_size=logo.size(height=_LOGO_HEIGHT, width=_LOGO_WIDTH) if logo else (0, 0),
            css_url=f"{public_url}/static/{self._versions[palette]}/{STYLESHEET}" if palette else "",
            links=tuple((_LABELS[name], url) for name, url in branding.links.items()),
        )

    def file(self, version: str, name: str) -> bytes | None:
        """The content of a logo or stylesheet, `None` if there is none of that version."""
        if name == STYLESHEET:
            return self.stylesheets.get(version)
        logo = self.logos.get(version) if name == LOGO else None
        return logo.path.read_bytes() if logo else None


def stylesheet(palette: Palette) -> bytes:
    """The tokens of passwordless.css that a palette changes, as pwl.ftl writes them on Keycloak's pages."""
    tokens = (
        ("accent", palette.light, palette.dark),
        ("accent-strong", palette.light_strong, palette.dark_strong),
        ("link", palette.light, palette.dark),
    )
    light = "".join(f"--pwl-{name}:{one};" for name, one, _ in tokens)
    both = "".join(f"--pwl-{name}:light-dark({one},{other});" for name, one, other in tokens)
    return f":root{{{light}}}@supports (color:light-dark(#000,#fff)){{:root{{{both}}}}}\n".encode()


def _all(settings: Settings) -> Iterator[Branding]:
    for realm in settings.realms.values():
        yield realm.branding
        yield from (client.branding for client in realm.clients.values())
