"""The theme learns the looks of a realm and its applications through one text, and believes none of it."""

from __future__ import annotations

import json
import re

import pytest

from sidecar.errors import SettingsError
from sidecar.keycloak import apply_realm, plan_realm
from sidecar.keycloak.desired import desired_realm
from tests.keycloak.browsing import CLIENT, Browser
from tests.logos import logo

UUID = "0b8f4b52-6c1e-4c8e-9d38-2f1d1b0b6a57"


@pytest.fixture
def branded(make_settings, tmp_path):
    """`make_settings` with tables of branding behind it; `%s` stands for the realm, `LOGO` for a file."""

    def branded(tables, realm="acme", **changed):
        return make_settings(
            realm, more=tables.replace("%s", realm).replace("LOGO", str(logo(tmp_path))), **changed
        )

    return branded


def text_of(settings, realm="acme"):
    """The text as Keycloak's MessageFormat reads it: in apostrophes, in which two are one."""
    text = desired_realm(settings, realm)["localizationTexts"]["en"]["passwordlessBrands"]
    quoted = re.fullmatch(r"'((?:[^']|'')*)'", text)
    return quoted[1].replace("''", "'") if quoted else text


def test_the_text_has_all_looks_by_client_id(branded):
    settings = branded("""
[realms.%s.branding]
name = "Acme's {0}"
logo = "LOGO"
primary = "#8a1c5c"
help = "https://www.acme.example/help"
[realms.%s.clients."https://rp.example/a?b"]
[realms.%s.clients."https://rp.example/a?b".branding]
name = "Shop"
""")
    looks = json.loads(text_of(settings))

    assert {"", "https://rp.example/a?b"} == set(looks)
    assert "Acme's {0}" == looks[""]["name"]
    assert "Shop" == looks["https://rp.example/a?b"]["name"]
    for look in looks.values():
        assert ("#8a1c5c", "https://www.acme.example/help", 40, 40) == (
            look["light"],
            look["help"],
            look["width"],
            look["height"],
        )
        assert re.fullmatch(r"http://localhost:5080/static/\w{12}/logo\.png", look["logo"])


def test_without_branding_the_text_says_so(branded):
    assert "none" == text_of(branded(""))


def test_a_colour_alone_leaves_keycloaks_name(branded):
    assert "name" not in json.loads(text_of(branded('[realms.%s.branding]\nprimary = "#8a1c5c"')))[""]


@pytest.fixture
def on_keycloak(branded, keycloak_url, realm_name):
    return lambda tables="": branded(tables, realm_name, keycloak=keycloak_url)


def page_of(keycloak_url, realm_name):
    return Browser().sign_in(keycloak_url, realm_name).text


BRANDING = '[realms.%s.branding]\nname = "Acme\'s {House}"\nprimary = "#8a1c5c"\nimprint = "https://www.acme.example/?a=1&b=2"\n'


@pytest.mark.keycloak
def test_the_page_follows_the_settings_there_and_back(admin, realm, realm_name, keycloak_url, on_keycloak):
    apply_realm(admin, on_keycloak(BRANDING), realm_name)
    realm.post("clients", body=CLIENT)
    page = page_of(keycloak_url, realm_name)
    assert re.search(r'<span class="pwl-brand-name" dir="auto">Acme(&#39;|\')s \{House\}</span>', page)
    assert "--pwl-accent: light-dark(#8a1c5c, " in page
    assert 'href="https://www.acme.example/?a=1&amp;b=2"' in page
    assert [] == [it.what for it in plan_realm(admin, on_keycloak(BRANDING), realm_name) if it.is_pending]

    (pending,) = [it for it in plan_realm(admin, on_keycloak(), realm_name) if it.is_pending]
    assert "texts for the login theme" == pending.what
    assert all("passwordlessBrands" in line for line in pending.detail)
    apply_realm(admin, on_keycloak(), realm_name)
    page = page_of(keycloak_url, realm_name)
    assert "pwl-brand" not in page
    assert "<style" not in page


EVIL = '"><script>alert(1)</script>'
HOSTILE = [
    {
        "": {
            "name": EVIL,
            "primary": EVIL,
            "light": "#8a1c5c",
            "lightStrong": "red",
            "dark": "#8a1c5c",
            "darkStrong": "#8a1c5c",
        }
    },
    {
        "": {
            "name": "x",
            "light": "#8a1c5c;}body{display:none}",
            "lightStrong": "#8a1c5c",
            "dark": "#8a1c5c",
            "darkStrong": "#8a1c5c",
        }
    },
    {
        "": {
            "name": "x",
            "help": "javascript:alert(1)",
            "privacy": "data:text/html,x",
            "terms": "//evil.example",
            "imprint": f"https://x.example/{EVIL}",
        }
    },
    {"": {"name": "x", "logo": "javascript:alert(1)", "width": 10, "height": 10}},
    {"": {"name": "x", "logo": "https://x.example/a.png", "width": "10", "height": EVIL}},
    {"": {"name": "x", "logo": "https://x.example/a.png", "width": 100000, "height": -1}},
    {"": {"name": {"a": 1}, "logo": [], "light": 7, "help": True}},
    {"": "x"},
    {"": None, "app": []},
    [],
]


@pytest.mark.keycloak
def test_the_theme_shows_nothing_of_a_text_that_it_can_not_trust(
    admin, realm, realm_name, keycloak_url, on_keycloak
):
    """Whoever may write realm texts gets no script, style or address into a login page, and breaks none."""
    apply_realm(admin, on_keycloak(), realm_name)
    realm.post("clients", body=CLIENT)

    def page_saying(text):
        realm.post("localization", "en", body={"passwordlessBrands": "'" + text.replace("'", "''") + "'"})
        return page_of(keycloak_url, realm_name)

    texts = [json.dumps(it) for it in HOSTILE] + ["{broken", "{}", "{'a': ", '{"": ' * 500]
    for text in texts:
        page = page_saying(text)
        assert 'id="pwl-address-form"' in page, text
        assert "alert(1)</script>" not in page, text
        assert "<style" not in page, text
        assert "<img" not in page, text
        assert 'id="pwl-links"' not in page, text
    # That it could: the same text, with nothing wrong in it.
    right = {"light": "#8a1c5c", "lightStrong": "#8a1c5c", "dark": "#8a1c5c", "darkStrong": "#8a1c5c"}
    right |= {
        "name": EVIL,
        "logo": "https://x.example/a.png",
        "width": 9,
        "height": 9,
        "help": "https://x.example/",
    }
    page = page_saying(json.dumps({"": right}))
    assert all(it in page for it in ("<style", "<img", 'id="pwl-links"', "&lt;script&gt;alert(1)"))
    assert "<script>alert(1)" not in page


@pytest.mark.keycloak
def test_a_client_that_the_broker_names_otherwise_is_refused_with_its_name(
    admin, realm, realm_name, on_keycloak, keycloak_url
):
    realm.post("clients", body={**CLIENT, "id": UUID})
    realm.post("clients", body={**CLIENT, "clientId": "old", "id": "an-imported-id"})
    table = '[realms.%s.clients.app]\nid = "ID"\n[realms.%s.clients.old]\n[realms.%s.clients.later]\n'
    table += "".join(
        f'[realms.%s.clients.{name}.branding]\nname = "Shop"\n' for name in ("app", "old", "later")
    )
    with pytest.raises(SettingsError) as refused:
        plan_realm(admin, on_keycloak(table.replace("ID", UUID.replace("0b8f", "1b8f"))), realm_name)
    assert f'realms.{realm_name}.clients.app.id: write "{UUID}"' in str(refused.value)
    assert f'realms.{realm_name}.clients.old.id: write "old"' in str(refused.value)
    with pytest.raises(SettingsError, match="would not know these applications"):
        apply_realm(admin, on_keycloak(table), realm_name)
    assert "passwordless browser" not in {it["alias"] for it in realm.get("authentication", "flows")}

    settings = on_keycloak(
        table.replace('id = "ID"', f'id = "{UUID}"').replace("clients.old]", 'clients.old]\nid = "old"')
    )
    first, *_ = plan_realm(admin, settings, realm_name)
    assert ("keep", ("later: the realm has no such client yet",)) == (first.kind, first.detail)
