"""Branding in the settings: what is taken, what is refused with the fix, and whose look an application gets."""

from __future__ import annotations

import re

import pytest

from sidecar.errors import SettingsError
from tests.logos import logo, png

UUID = "0b8f4b52-6c1e-4c8e-9d38-2f1d1b0b6a57"
REALM = "REALMS__ACME__BRANDING__"
SHOP = "REALMS__ACME__CLIENTS__SHOP__"


@pytest.fixture
def realm(settings_for):
    def realm(**environment):
        return settings_for("sqlite:///unused.db", **environment).realms["acme"]

    return realm


def refused(realm, key, value):
    with pytest.raises(SettingsError) as error:
        realm(**{f"{REALM}{key.upper()}": value})
    (line,) = [it for it in str(error.value).splitlines()[1:] if f"realms.acme.branding.{key}:" in it]
    return line


def test_without_branding_it_is_the_display_name_and_ours(realm):
    look = realm().look()

    assert ("Acme", None, None, {}) == (look.name, look.logo, look.palette, look.links)


def test_an_application_has_its_own_and_the_rest_of_the_realm(realm):
    said = realm(
        **{
            f"{REALM}NAME": "Acme Inc.",
            f"{REALM}PRIMARY": "#0B6B43",
            f"{REALM}HELP": "https://www.acme.example/help",
            f"{REALM}TERMS": "https://www.acme.example/terms",
            f"{SHOP}ID": UUID.upper(),
            f"{SHOP}BRANDING__NAME": "The Shop",
            f"{SHOP}BRANDING__TERMS": "https://shop.acme.example/terms",
        }
    )

    look = said.look(UUID)
    assert ("The Shop", "#0b6b43") == (look.name, look.palette.light)
    assert {"help": "https://www.acme.example/help", "terms": "https://shop.acme.example/terms"} == look.links
    assert "Acme Inc." == said.look().name


@pytest.mark.parametrize("named", ["", "shop", "other", UUID[:-1] + "8", UUID + " ", "../shop", "x" * 10_000])
def test_any_other_name_gets_the_realms_look(realm, named):
    """D5: what a request says chooses among the looks that there are, and is shown nowhere."""
    said = realm(**{f"{SHOP}ID": UUID, f"{SHOP}BRANDING__NAME": "The Shop"})

    assert said.look() == said.look(named)


def test_a_client_without_an_id_is_nobody(realm):
    """Or all requests that name no application would look like it."""
    said = realm(**{f"{SHOP}BRANDING__NAME": "The Shop"})

    assert "Acme" == said.look("").name


def test_two_clients_with_one_id_are_refused(realm):
    with pytest.raises(SettingsError, match=r"realms\.acme\.clients\.shop\.id: is the id of 'app' too"):
        realm(REALMS__ACME__CLIENTS__APP__ID=UUID, **{f"{SHOP}ID": UUID})


@pytest.mark.parametrize(
    "name",
    [
        "a\nb",
        "a\r\nBcc: eve@example.org",
        "a\x00b",
        "a\u2028b",
        "\u202eemca",
        " a",
        "a\u200b",
        "x" * 61,
        "see https://evil.example",
    ],
)
def test_a_name_is_one_short_line_without_tricks(realm, name):
    """C2, D5."""
    assert re.search("must (be|have)", refused(realm, "name", name))


@pytest.mark.parametrize(
    "url",
    [
        "http://www.acme.example/",
        "javascript:alert(1)",
        "//www.acme.example",
        "/help",
        "www.acme.example",
        "https://",
        "https://user@www.acme.example",
        'https://www.acme.example/"><script>',
        "https://www.acme.example/a b",
        "https://www.acme.example/'",
        "https://www.acme.example/\u202e",
        "https://[bad/",
        "data:text/html,x",
        "https://www.acme.example/" + "x" * 500,
    ],
)
def test_a_link_is_an_https_url(realm, url):
    assert "must be" in refused(realm, "help", url)


@pytest.mark.parametrize("url", ["https://www.acme.example/help?a=b&c=d#e", "http://localhost:8080/imprint"])
def test_a_link_that_is_one_is_taken(realm, url):
    assert {"imprint": url} == realm(**{f"{REALM}IMPRINT": url}).look().links


def test_a_colour_that_can_not_be_read_is_refused_with_one_that_can(realm):
    line = refused(realm, "primary", "#ffcc00")

    assert "#ffcc00 has a contrast of 1.4 to our light pages" in line
    assert "WCAG 2.2 AA wants 4.5" in line
    better = re.search(r"like (#\w{6})$", line)[1]
    assert better == realm(**{f"{REALM}PRIMARY": better}).look().palette.light


def test_so_is_one_for_dark_pages(realm):
    with pytest.raises(
        SettingsError, match=r"primary_dark: #0b6b43 has a contrast of .* take a lighter one, like #"
    ):
        realm(**{f"{REALM}PRIMARY": "#0b6b43", f"{REALM}PRIMARY_DARK": "#0b6b43"})


def test_a_colour_for_dark_pages_goes_with_the_other(realm):
    assert "goes with primary" in refused(realm, "primary_dark", "#7bd8a9")


@pytest.mark.parametrize("colour", ["red", "#fff", "#2350c8;}", "rgb(0,0,0)", "url(//evil.example)"])
def test_a_colour_is_six_digits(realm, colour):
    assert "must be a colour like #2350c8" in refused(realm, "primary", colour)


def test_a_logo_is_known_by_its_content_and_fits_its_room(realm, tmp_path):
    look = realm(**{f"{REALM}LOGO": str(logo(tmp_path, width=400, height=100))}).look()

    assert (400, 100) == (look.logo.width, look.logo.height)
    assert (160, 40) == look.logo.size(height=40, width=160)
    assert (80, 20) == look.logo.size(height=40, width=80)
    assert (400, 100) == look.logo.size(height=1000, width=1000)
    again = realm(**{f"{REALM}LOGO": str(logo(tmp_path, colour="#0b6b43"))}).look()
    assert look.logo.version != again.logo.version


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "can't be read"),
        (b"", "is no PNG"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "is no PNG"),
        (b"\xff\xd8\xff\xe0" + b"x" * 100, "is no PNG"),
        (png(8, 8)[:20], "is no PNG"),
        (png(8, 8) + b"x" * 200_000, "larger than 100 KiB"),
        (png(1, 1).replace(b"\0\0\0\1\0\0\0\1", b"\0\1\0\0\0\0\0\1"), "up to 2000 pixels"),
    ],
)
def test_a_logo_that_is_no_small_png_is_refused(realm, tmp_path, content, complaint):
    path = tmp_path / "logo.png"
    if content is not None:
        path.write_bytes(content)

    assert complaint in refused(realm, "logo", str(path))


def test_a_logo_elsewhere_is_refused(realm):
    assert "must be a PNG file of this machine" in refused(realm, "logo", "https://cdn.example/logo.png")


def test_an_unknown_key_is_refused(realm):
    assert "is no setting" in refused(realm, "colour", "#2350c8")
