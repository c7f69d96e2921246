"""The theme's files: what it overrides, and that its stylesheet fits both faces."""

from __future__ import annotations

import re

import javaproperties

from sidecar.assets import THEMES
from sidecar.web.component import TEXTS
from tests import compose

THEME = THEMES / "passwordless"
LOGIN = THEME / "login"
CSS = (LOGIN / "resources" / "css" / "passwordless.css").read_text("utf-8")


def test_it_overrides_one_page_and_the_footer_only():
    """An overridden login.ftl leaves people who must sign in again without a form; template.ftl changes by release.

    The footer Keycloak leaves to themes.
    """
    assert {path.name for path in LOGIN.glob("*.ftl")} == {
        "login-username.ftl",
        "pwl.ftl",
        "footer.ftl",
    }


def test_the_classic_theme_is_this_one_and_its_scripts():
    """No page and no text of its own, so that it works wherever this one does."""
    classic = THEMES / "passwordless-classic" / "login"
    with (classic / "theme.properties").open(encoding="utf-8") as file:
        properties = javaproperties.load(file)
    assert (properties["parent"], properties["pwlInPlace"]) == ("passwordless", "true")
    files = [path for path in classic.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".properties", ".js", ".ts"}
    assert "pwlInPlace" in (LOGIN / "pwl.ftl").read_text("utf-8")


def test_the_classic_page_says_all_that_its_script_can_say():
    macro = (
        (LOGIN / "pwl.ftl")
        .read_text("utf-8")
        .partition("function textsInPlace")[2]
        .partition("</#function>")[0]
    )
    said = set(re.findall(r'"([A-Z][A-Za-z]+)"', macro))
    # What a session of somebody else, and the end of a login, say is an application's.
    assert {key.removeprefix("passwordless") for key in TEXTS} - said == {
        "LinkDoneTitle",
        "OtherSession",
        "AccountSignOut",
    }


def test_it_extends_keycloaks_current_theme():
    with (LOGIN / "theme.properties").open(encoding="utf-8") as file:
        properties = javaproperties.load(file)
    assert properties["parent"] == "keycloak.v2"
    assert properties["import"] == "common/keycloak"
    for name in properties["styles"].split():
        assert (LOGIN / "resources" / name).is_file()


def test_the_stylesheet_needs_nothing_else():
    """The sidecar serves this one file, under a policy that allows no other host."""
    assert re.findall(r"@import|url\(|@font-face", CSS) == []


def test_dark_mode_follows_the_page_and_not_a_script():
    assert "light-dark(" in CSS
    assert "pf-v5-theme-dark" not in CSS


def test_every_token_in_use_is_defined():
    used = set(re.findall(r"var\((--pwl-[a-z-]+)\)", CSS))
    assert used - set(re.findall(r"(--pwl-[a-z-]+):", CSS)) == set()


def test_every_token_that_is_dark_has_a_light_fallback():
    light, dark = (
        dict(re.findall(r"(--pwl-[a-z-]+): ([^;]+);", block))
        for block in re.findall(r":root \{(.*?)\n\s*\}", CSS, re.DOTALL)[:2]
    )
    for name, value in dark.items():
        for first in re.findall(r"light-dark\(([^,]+),", value):
            assert first in light[name], name


def test_the_image_has_every_theme():
    copied = [line.split()[0] for line in compose.instructions("keycloak", "COPY")]
    assert {f"themes/{theme.name}" for theme in THEMES.iterdir()} == set(copied)
