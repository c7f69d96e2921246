"""About where a network is, out of a real database file made here; its names are nobody's to trust (threats D5, D8)."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from sidecar.app import create_app
from sidecar.edge.places import places_of
from sidecar.errors import SettingsError
from tests.places import database, place

BERLIN = place({"en": "Berlin", "fr": "Berlin (FR)"}, {"en": "Germany", "de": "Deutschland"})
FOUND = {
    "203.0.114.0/24": BERLIN,
    "2a00:1450::/32": BERLIN,
    "8.8.8.0/24": place(None, {"en": "United States"}),
    "9.9.9.0/24": place({"en": "Nowhere"}, None),
    "10.0.0.0/8": BERLIN,
    "192.168.0.0/16": BERLIN,
    "fd00::/8": BERLIN,
    "1.1.1.0/24": {"autonomous_system_number": 1},
    "1.2.3.0/24": {"city": "Berlin", "country": {"names": ["Germany"]}},
    "1.2.4.0/24": {"city": {"names": {"en": 7}}, "country": {"names": {"en": {}}}},
}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return places_of(database(tmp_path_factory.mktemp("places") / "City.mmdb", FOUND))


@pytest.mark.parametrize(
    ("network", "locale", "expected"),
    [
        ("203.0.114.9", "en", ("Berlin", "Germany")),
        ("203.0.114.9", "de", ("Berlin", "Deutschland")),
        ("203.0.114.9", "fr-CA", ("Berlin (FR)", "Germany")),
        ("203.0.114.9", "xx", ("Berlin", "Germany")),
        ("2a00:1450:1:2::/64", "en", ("Berlin", "Germany")),
        ("8.8.8.8", "de", (None, "United States")),
        ("9.9.9.9", "en", (None, None)),
        ("1.1.1.1", "en", (None, None)),
        ("1.2.3.4", "en", (None, None)),
        ("1.2.4.4", "en", (None, None)),
        ("93.184.216.34", "en", (None, None)),
        ("2600::/64", "en", (None, None)),
        ("unknown", "en", (None, None)),
    ],
)
def test_a_network_is_near_a_city_in_a_country_or_nowhere(places, network, locale, expected):
    assert expected == places.near(network, locale)


@pytest.mark.parametrize("network", ["10.1.2.3", "192.168.1.1", "127.0.0.1", "fd00:1::/64", "fe80::/64"])
def test_a_private_network_is_nowhere_even_if_the_file_has_it(places, network):
    assert (None, None) == places.near(network, "en")


@pytest.mark.parametrize(
    "name",
    [
        "https://evil.example",
        "evil.example",
        "Berlin\r\nBcc: eve@example.org",
        "Berlin\u2028x",
        "\u202enilreB",
        "Berlin\u200f",
        "القاهرة",
        "<b>Berlin</b>",
        "eve@example.org",
        "Your code is 123456",
        "Call 0 8 0 0",
        "A" * 61,
        "",
        " ",
        "&amp;",
        "B" + "\u0336" * 20,
    ],
)
def test_a_name_that_is_no_plain_one_is_not_shown(tmp_path, name):
    """D5: no link, number, markup, line, nor letters that turn the line around; English stands in."""
    named = {"de": name, "en": "Fine"}
    path = database(tmp_path / "City.mmdb", {"203.0.114.0/24": place(named, named)})

    assert ("Fine", "Fine") == places_of(path).near("203.0.114.1", "de")


@pytest.mark.parametrize(
    "name",
    [
        "Saint-Denis",
        "St. Louis",
        "Washington, D. C.",
        "L’Aquila",
        "Xi'an",
        "6th of October City",
        "東京",
        "दिल्ली",
    ],
)
def test_the_names_of_real_places_are_shown(tmp_path, name):
    path = database(tmp_path / "City.mmdb", {"203.0.114.0/24": place({"en": name}, {"en": name})})

    assert (name, name) == places_of(path).near("203.0.114.1", "en")


def test_a_file_of_ipv4_alone_knows_no_ipv6(tmp_path):
    path = database(tmp_path / "City.mmdb", {"203.0.114.0/24": BERLIN}, ip_version=4)

    assert (None, None) == places_of(path).near("2a00:1450::/64", "en")


def test_a_damaged_spot_is_nowhere(tmp_path):
    """A login must not fail for it."""
    path = tmp_path / "City.mmdb"
    whole = database(path, {"203.0.114.0/24": BERLIN})
    raw = path.read_bytes()
    data, metadata = raw.index(b"\0" * 16) + 16, raw.rindex(b"\xab\xcd\xefMaxMind.com")
    path.write_bytes(raw[:data] + b"\xff" * (metadata - data) + raw[metadata:])

    assert (None, None) == places_of(whole).near("203.0.114.1", "en")


def test_no_file_is_no_places():
    assert (None, None) == places_of("").near("203.0.114.9", "en")


def test_without_the_extra_the_setting_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "maxminddb", None)

    with pytest.raises(SettingsError, match=r"geoip_database .*pip install 'keycloak-passwordless\[geoip\]'"):
        places_of("/nowhere/City.mmdb")


def test_a_file_that_is_not_there_or_of_another_kind_is_refused_with_its_name(tmp_path):
    text = tmp_path / "text.mmdb"
    text.write_text("no database")
    networks = database(tmp_path / "ASN.mmdb", {"1.1.1.0/24": {"n": "x"}}, kind="GeoLite2-ASN")
    for path, why in (
        (tmp_path / "none.mmdb", "mend the path"),
        (tmp_path, "mend the path"),
        (text, "mend the path"),
        (networks, "is a GeoLite2-ASN database: take one of cities or countries"),
    ):
        with pytest.raises(SettingsError, match=f"^server.geoip_database: {path} .*{why}"):
            places_of(str(path))


def test_an_unreadable_file_stops_the_start(parts, settings_for, database_url, tmp_path):
    settings = settings_for(database_url, SERVER__GEOIP_DATABASE=str(tmp_path / "none.mmdb"))

    with pytest.raises(SettingsError, match=r"server\.geoip_database"):
        create_app(replace(parts, settings=settings))
