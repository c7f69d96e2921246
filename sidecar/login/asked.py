"""The sentence that tells the reader of a message who asked for it; who did not ask sees by it that it was not them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sidecar.model.asker import Asker, Browser, System
from sidecar.words import Words

_BROWSERS: dict[str, str] = {
    Browser.CHROME: "Chrome",
    Browser.EDGE: "Edge",
    Browser.FIREFOX: "Firefox",
    Browser.OPERA: "Opera",
    Browser.SAFARI: "Safari",
    Browser.SAMSUNG: "Samsung Internet",
}
_ON: dict[str, str] = {
    System.ANDROID: "mailAskedOnAndroid",
    System.CHROMEOS: "mailAskedOnChromebook",
    System.IPAD: "mailAskedOnIpad",
    System.IPHONE: "mailAskedOnIphone",
    System.LINUX: "mailAskedOnLinux",
    System.MAC: "mailAskedOnMac",
    System.MAC_OR_IPAD: "mailAskedOnMacOrIpad",
    System.WINDOWS: "mailAskedOnWindows",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Plain text. `browser`: "Firefox on Windows"; `place`: "Berlin, Germany", or empty; `at`: day and time in UTC."""

    sentence: str
    browser: str
    place: str
    at: str


def asked(words: Words, asker: Asker, at_ms: int) -> Asked:
    """Who asked, and when (milliseconds since the epoch), in these words."""
    browser, at = _browser(words, asker.browser, asker.system), _moment(words, at_ms)
    place = ", ".join(name for name in (asker.city, asker.country) if name)
    if asker.city:
        sentence = words("mailAskedNear", browser, place, at)
    elif place:
        sentence = words("mailAskedCountry", browser, place, at)
    else:
        sentence = words("mailAsked", browser, at)
    return Asked(sentence=sentence, browser=browser, place=place, at=at)


def _browser(words: Words, browser: str | None, system: str | None) -> str:
    name = _BROWSERS.get(browser or "") or words("mailAskedBrowser")
    on = _ON.get(system or "")
    return words(on, name) if on else name


def _moment(words: Words, at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return words("mailAskedAt", words.day(moment), f"{moment:%H:%M}")
