"""Who asks, for the message to say: browser and system off a closed list, and about where the network is.

The User-Agent header is text of whoever asks, and goes to a mailbox that may be somebody else's. So none of it goes
on: it chooses among words of ours (RFC 9110 §10.1.5 says what it may look like).
"""

from __future__ import annotations

import re
from typing import Protocol

from flask import Request

from sidecar.model.asker import Asker, Browser, System

_MAX_CHARS = 512
#: Product, platform in brackets, the rest: the form that every browser of today has.
_BROWSERS_OWN = re.compile(r"Mozilla/5\.0 \((?P<platform>[ -'*-~]{1,200})\) (?P<products>[ -~]{1,300})")
_PRODUCT = re.compile(r"(?:^| )([A-Za-z]+)/[0-9]")

#: Product → browser, the special ones first: each of them also names those whose engine or pages it shares.
_BROWSERS = (
    ("Edg", Browser.EDGE),
    ("EdgA", Browser.EDGE),
    ("EdgiOS", Browser.EDGE),
    ("OPR", Browser.OPERA),
    ("OPT", Browser.OPERA),
    ("SamsungBrowser", Browser.SAMSUNG),
    ("FxiOS", Browser.FIREFOX),
    ("CriOS", Browser.CHROME),
    ("Firefox", Browser.FIREFOX),
    ("Chrome", Browser.CHROME),
)
_ON_IOS_ONLY = frozenset({"EdgiOS", "OPT", "FxiOS", "CriOS"})
_APPLES = frozenset({System.IPHONE, System.IPAD, System.MAC})
#: First word of the platform → system.
_SYSTEMS = {
    "iPhone": System.IPHONE,
    "iPad": System.IPAD,
    "Macintosh": System.MAC,
    "Android": System.ANDROID,
    "Windows NT 10.0": System.WINDOWS,
    "Windows NT 6.3": System.WINDOWS,
    "Windows NT 6.1": System.WINDOWS,
}


class Places(Protocol):
    """Where networks are."""

    def near(self, network: str, locale: str) -> tuple[str | None, str | None]:
        """City and country, as far as they are known, in words that may be shown."""
        ...


class Nowhere:
    """`Places` of an operator who has no database of them."""

    def near(self, network: str, locale: str) -> tuple[str | None, str | None]:  # noqa: ARG002
        return None, None


def asker_of(request: Request, places: Places, *, network: str, locale: str) -> Asker:
    """Who makes this request, in words for a message in `locale`."""
    browser, system = _told(request.headers.get("User-Agent", ""))
    city, country = places.near(network, locale)
    return Asker(browser=browser, system=system, city=city, country=country)


def _told(unverified_header: str) -> tuple[Browser | None, System | None]:
    """The browser and its system as the header has them, if it looks like a browser's own."""
    found = _BROWSERS_OWN.fullmatch(unverified_header) if len(unverified_header) <= _MAX_CHARS else None
    if not found:
        return None, None
    system = _system(found["platform"])
    products = frozenset(_PRODUCT.findall(found["products"]))
    browser = next((browser for product, browser in _BROWSERS if product in products), None)
    if browser is None and {"Version", "Safari"} <= products and system in _APPLES:
        browser = Browser.SAFARI
    if system is System.MAC and products & _ON_IOS_ONLY:
        return browser, System.IPAD
    if system is System.MAC and browser is Browser.SAFARI:
        return browser, System.MAC_OR_IPAD
    return browser, system


def _system(platform: str) -> System | None:
    first, *more = (part.strip() for part in platform.split(";"))
    if first in _SYSTEMS or not more:
        return _SYSTEMS.get(first) or (System.ANDROID if first.startswith("Android ") else None)
    if first == "Linux" and more[0].startswith("Android"):
        return System.ANDROID
    if first == "X11" and more[0].startswith("CrOS "):
        return System.CHROMEOS
    if first == "X11" and any(part.startswith("Linux ") for part in more):
        return System.LINUX
    return System.ANDROID if first.startswith("Android ") else None
