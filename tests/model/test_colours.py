"""Contrast by WCAG 2.2, and a brand's palette that is legible whatever the colour."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.assets import THEMES
from sidecar.model.colours import (
    AA,
    DARK_GROUNDS,
    LIGHT_GROUNDS,
    ON_DARK_ACCENT,
    ON_LIGHT_ACCENT,
    OURS,
    contrast,
    is_colour,
    least_contrast,
    legible_on_dark,
    legible_on_light,
    palette_of,
)

CSS = (THEMES / "passwordless" / "login" / "resources" / "css" / "passwordless.css").read_text("utf-8")
COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#000000", "#ffffff", 21),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#ff0000", "#0000ff", 2.15),
    ],
)
def test_the_contrast_is_that_of_wcag(one, other, expected):
    """Known pairs, as published checkers give them."""
    assert expected == pytest.approx(contrast(one, other), abs=0.005)
    assert contrast(one, other) == contrast(other, one)


@given(COLOURS)
def test_any_colour_has_a_legible_neighbour_and_its_palette_is_legible(colour):
    palette = palette_of(legible_on_light(colour))

    for shade in (palette.light, palette.light_strong):
        assert least_contrast(shade, LIGHT_GROUNDS) >= AA
        assert contrast(shade, ON_LIGHT_ACCENT) >= AA
    for shade in (palette.dark, palette.dark_strong):
        assert least_contrast(shade, DARK_GROUNDS) >= AA
        assert contrast(shade, ON_DARK_ACCENT) >= AA


@given(COLOURS)
def test_a_colour_that_is_legible_stays_as_it_is(colour):
    assert (legible_on_light(colour) == colour) == (least_contrast(colour, LIGHT_GROUNDS) >= AA)
    assert (legible_on_dark(colour) == colour) == (least_contrast(colour, DARK_GROUNDS) >= AA)


@pytest.mark.parametrize(
    "text",
    ["", "red", "#fff", "#12345", "#1234567", "#12345g", "#ABCDEF", "#123456\n", "#123456;}", "١٢٣٤٥٦"],
)
def test_only_six_digits_are_a_colour(text):
    assert not is_colour(text)


def test_grounds_and_our_own_colours_are_those_of_the_stylesheet():
    tokens = dict(re.findall(r"--pwl-([a-z-]+): light-dark\((#\w+, #\w+)\);", CSS))

    def both(name):
        light, dark = (
            it if len(it) == 7 else "#" + "".join(2 * c for c in it[1:]) for it in tokens[name].split(", ")
        )
        return light, dark

    grounds = [both(name) for name in ("page", "surface", "quiet")]
    assert (LIGHT_GROUNDS, DARK_GROUNDS) == tuple(zip(*grounds, strict=True))
    assert (ON_LIGHT_ACCENT, ON_DARK_ACCENT) == both("on-accent")
    assert ((OURS.light, OURS.dark), (OURS.light_strong, OURS.dark_strong)) == (
        both("accent"),
        both("accent-strong"),
    )
