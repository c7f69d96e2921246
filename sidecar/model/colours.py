"""Colours that can be read: contrast by WCAG 2.2, and the shades that a brand's own colour is turned into."""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass

#: WCAG 2.2, success criterion 1.4.3 (AA): text on its ground.
AA = 4.5
#: What links and buttons stand on, as in the pages' stylesheet: page, card, quiet parts.
LIGHT_GROUNDS = ("#f4f5f7", "#ffffff", "#f1f3f6")
DARK_GROUNDS = ("#0e1014", "#171a20", "#21252d")
#: The text of a filled button.
ON_LIGHT_ACCENT = "#ffffff"
ON_DARK_ACCENT = "#0a1226"

_HEX = re.compile(r"#[0-9a-f]{6}")
_BLACK, _WHITE = "#000000", "#ffffff"
_STRONGER = 0.2
_STEPS = 100
#: What a dark page's shade is given where we choose it: at 4.5 colours look dull in the dark.
_COMFORTABLE = 6.0


@dataclass(frozen=True, kw_only=True)
class Palette:
    """A brand's colour in a light and a dark page, each with the stronger one under a pointer; all `#rrggbb`.

    Each has `AA` contrast to that page's grounds, and its button's text to it.
    """

    light: str
    light_strong: str
    dark: str
    dark_strong: str


#: What there is without a brand's own: the tokens of the pages' stylesheet.
OURS = Palette(light="#2350c8", light_strong="#1a3fa3", dark="#93b4ff", dark_strong="#b3caff")


def is_colour(text: str) -> bool:
    """Whether it is `#rrggbb` in small letters: the only form that is ever written into a page, mail or stylesheet."""
    return bool(_HEX.fullmatch(text))


def palette_of(light: str, dark: str = "") -> Palette:
    """The palette of a brand's colour, and of the one for dark pages; empty: the first, as much lighter as it takes.

    Both must be `is_colour` and legible, see `legible_on_light` and `legible_on_dark`.
    """
    dark = dark or _shade(light, DARK_GROUNDS, towards=1.0, least=_COMFORTABLE)
    return Palette(
        light=light,
        light_strong=mixed(light, _BLACK, _STRONGER),
        dark=dark,
        dark_strong=mixed(dark, _WHITE, _STRONGER),
    )


def legible_on_light(colour: str) -> str:
    """The colour itself if links and buttons of light pages may have it, else as much darker as it takes."""
    return _shade(colour, LIGHT_GROUNDS, towards=0.0, least=AA)


def legible_on_dark(colour: str) -> str:
    """The colour itself if links and buttons of dark pages may have it, else as much lighter as it takes."""
    return _shade(colour, DARK_GROUNDS, towards=1.0, least=AA)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio of two colours, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def least_contrast(colour: str, grounds: tuple[str, ...]) -> float:
    return min(contrast(colour, ground) for ground in grounds)


def mixed(colour: str, other: str, share: float) -> str:
    """The colour with that share of another, from 0 to 1."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def _shade(colour: str, grounds: tuple[str, ...], *, towards: float, least: float) -> str:
    """The first shade of its hue on the way to the lightness `towards` that has the least contrast to the grounds."""
    if least_contrast(colour, grounds) >= least:
        return colour
    hue, lightness, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in _channels(colour)))
    shades = (
        _hex(colorsys.hls_to_rgb(hue, lightness + (towards - lightness) * step / _STEPS, saturation))
        for step in range(1, _STEPS + 1)
    )
    return next(shade for shade in shades if least_contrast(shade, grounds) >= least)


def _hex(channels: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def _luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2's definition."""
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004  # as the definition has it
