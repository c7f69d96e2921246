"""Messages look like their realm, or like the application that asked: name, logo, colour, links."""

from __future__ import annotations

import re

import pytest

from sidecar.app import renderer_of
from sidecar.errors import SettingsError
from sidecar.words import Catalogue
from tests.flow import ASKER
from tests.logos import logo

SHOP = "0b8f4b52-6c1e-4c8e-9d38-2f1d1b0b6a57"
REALM, CLIENT = "REALMS__ACME__BRANDING__", "REALMS__ACME__CLIENTS__SHOP__"


@pytest.fixture
def settings(settings_for, tmp_path):
    def settings(**more):
        return settings_for(
            "sqlite:///unused.db",
            **{
                f"{REALM}NAME": "Acme & Sons",
                f"{REALM}PRIMARY": "#8a1c5c",
                f"{REALM}LOGO": str(logo(tmp_path, width=300, height=100)),
                f"{REALM}PRIVACY": "https://www.acme.example/privacy?a=1&b=2",
                f"{CLIENT}ID": SHOP,
                f"{CLIENT}BRANDING__NAME": "The Shop",
                f"{CLIENT}BRANDING__PRIMARY": "#0b6b43",
                f"{CLIENT}BRANDING__IMPRINT": "https://shop.acme.example/imprint",
            }
            | more,
        )

    return settings


def rendered(settings, application="", template="login_email", **changed):
    renderer = renderer_of(settings, list(settings.realms.values()), Catalogue())
    values = {"code": "012345", "link_url": "https://login.example.org/l/x", "locale": "en", "minutes": 5}
    return renderer.render(
        realm="acme",
        template=template,
        application=application,
        not_me_url="https://login.example.org/not-me/x",
        asker=ASKER,
        asked_at=0,
        **(values | changed),
    )


def test_a_mail_wears_the_realms_brand(settings):
    mail = rendered(settings())

    assert "012345 is your code for Acme & Sons" == mail.subject
    assert "\nPrivacy: https://www.acme.example/privacy?a=1&b=2\n" in mail.text
    assert 'href="https://www.acme.example/privacy?a=1&amp;b=2"' in mail.html
    assert re.search(
        r'<img class="logo" src="https://login\.example\.org/static/\w{12}/logo\.png" alt="" width="120" height="40"',
        mail.html,
    )
    # In light and dark mail, and for Outlook, which reads neither class nor style of a cell's ground.
    assert {"#8a1c5c"} == set(re.findall(r'bgcolor="([^"]+)"', mail.html))
    dark = re.findall(r"\.button \{ background-color: (#\w{6}) !important", mail.html)
    assert 2 == len(dark)
    assert 1 == len({*dark} - {"#8a1c5c"})
    assert "Acme &amp; Sons</td>" in mail.html


def test_a_mail_wears_the_brand_of_the_application_that_asked(settings):
    mail = rendered(settings(), SHOP)

    assert "012345 is your code for The Shop" == mail.subject
    assert "to The Shop with your Acme & Sons account" in mail.text
    assert 'bgcolor="#0b6b43"' in mail.html
    assert "#8a1c5c" not in mail.html
    assert "The Shop</td>" in mail.html
    for url in ("https://shop.acme.example/imprint", "https://www.acme.example/privacy"):
        assert url in mail.text
        assert url in mail.html


@pytest.mark.parametrize("forged", ["shop", "The Shop", SHOP.upper(), SHOP + "x", "<b>evil</b>"])
def test_a_made_up_application_gets_the_realms_mail_byte_for_byte(settings, forged):
    """D5."""
    said = settings()

    assert rendered(said) == rendered(said, forged)


def test_a_text_message_is_of_the_application_too(settings):
    assert "012345 is your code for The Shop." in rendered(settings(), SHOP, "login_sms", link_url="").text


def test_without_branding_it_is_ours_and_loads_nothing(settings_for):
    mail = rendered(settings_for("sqlite:///unused.db"))

    assert 'bgcolor="#2350c8"' in mail.html
    assert "<img" not in mail.html
    assert "Privacy" not in mail.html + mail.text


def test_a_template_may_link_where_the_branding_does_and_nowhere_else(settings, tmp_path):
    """F5."""
    folder = tmp_path / "own" / "login_email"
    folder.mkdir(parents=True)
    more = {"REALMS__ACME__TEMPLATES": str(tmp_path / "own")}
    body = "{{ code }}{{ link_url }} https://shop.acme.example/faq https://www.acme.example/x"
    (folder / "body.txt").write_text(body, encoding="utf-8")
    assert rendered(settings(**more)).text.endswith("https://www.acme.example/x")

    (folder / "body.txt").write_text(f"{body} https://acme.example/", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"links to https://acme\.example/"):
        rendered(settings(**more))
