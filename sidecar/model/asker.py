"""Who asked for a code, in words rough enough to be read by a stranger: what a message says of its start."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Browser(StrEnum):
    """The browsers that are told apart; all others are one."""

    CHROME = "chrome"
    EDGE = "edge"
    FIREFOX = "firefox"
    OPERA = "opera"
    SAFARI = "safari"
    SAMSUNG = "samsung"


class System(StrEnum):
    """The operating systems that are told apart. Safari calls an iPad a Mac, so there it may be either."""

    ANDROID = "android"
    CHROMEOS = "chromeos"
    IPAD = "ipad"
    IPHONE = "iphone"
    LINUX = "linux"
    MAC = "mac"
    MAC_OR_IPAD = "mac_or_ipad"
    WINDOWS = "windows"


@dataclass(frozen=True, kw_only=True)
class Asker:
    """What a start tells of whoever made it; `None` is not known. Holds nothing that they wrote.

    `browser` and `system` are values of `Browser` and `System`, or a newer version's, which count as not known.
    `city` and `country` are names in the message's language where there are any, else in English.
    """

    browser: str | None = None
    system: str | None = None
    city: str | None = None
    country: str | None = None
