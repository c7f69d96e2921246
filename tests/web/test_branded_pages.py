"""Pages look like their realm, or like the application that Keycloak's state names; nobody else chooses."""

from __future__ import annotations

import base64
import re
from uuid import UUID

import pytest

from sidecar.app import Parts, create_app
from tests.logos import logo, png
from tests.web.browser import Browser

SHOP = "0b8f4b52-6c1e-4c8e-9d38-2f1d1b0b6a57"


def state(client: bytes) -> str:
    return f"abc.tab.{base64.urlsafe_b64encode(client).rstrip(b'=').decode()}"


OF_SHOP = state(UUID(SHOP).bytes)


@pytest.fixture
def environment(tmp_path):
    return {
        "REALMS__ACME__BRANDING__NAME": "Acme & Sons",
        "REALMS__ACME__BRANDING__LOGO": str(logo(tmp_path)),
        "REALMS__ACME__BRANDING__PRIMARY": "#8a1c5c",
        "REALMS__ACME__BRANDING__PRIVACY": "https://www.acme.example/privacy?a=1&b=2",
        "REALMS__ACME__CLIENTS__SHOP__ID": SHOP,
        "REALMS__ACME__CLIENTS__SHOP__BRANDING__NAME": "The Shop",
        "REALMS__ACME__CLIENTS__SHOP__BRANDING__PRIMARY": "#0b6b43",
        "REALMS__ACME__CLIENTS__SHOP__BRANDING__IMPRINT": "https://shop.acme.example/imprint",
    }


def accent(browser, page):
    """The colour of a page's own stylesheet, which comes after ours."""
    links = re.findall(r'<link rel="stylesheet" href="https://login\.example\.org([^"]+)">', page)
    assert links[0].endswith("/passwordless.css")
    assert len(links) == 2
    css = browser.get(links[1])
    assert "text/css" in css.content_type
    return re.search(r"--pwl-accent:(#\w{6});", css.get_data(as_text=True))[1]


def pages_of(parts, browser, **request):
    """The address page and the code page of one login."""
    address = browser.authorize(**request)
    challenge = browser.start(**request)
    return [
        address.get_data(as_text=True),
        browser.get(f"/realms/acme/email/code?challenge={challenge}").get_data(as_text=True),
        browser.get("/realms/acme/email/code?challenge=of-nobody").get_data(as_text=True),
    ]


def test_every_page_wears_the_realms_brand(parts, browser):
    for page in pages_of(parts, browser):
        assert "– Acme &amp; Sons</title>" in page
        assert '<span class="pwl-brand-name" dir="auto">Acme &amp; Sons</span>' in page
        assert "#8a1c5c" == accent(browser, page)
        assert (
            'href="https://www.acme.example/privacy?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">Privacy<'
            in page
        )


def test_an_application_that_the_state_names_has_its_own(parts, browser):
    for page in pages_of(parts, browser, state=OF_SHOP)[:2]:
        assert '<span class="pwl-brand-name" dir="auto">The Shop</span>' in page
        assert "#0b6b43" == accent(browser, page)
        assert 'href="https://shop.acme.example/imprint"' in page
        # What it leaves out is the realm's.
        assert 'href="https://www.acme.example/privacy' in page


@pytest.mark.parametrize(
    "forged",
    [
        "state-1",
        state(b"shop"),
        state(b"The Shop"),
        state(UUID(SHOP).bytes[::-1]),
        state(b"<script>alert(1)</script>"),
        f"{OF_SHOP.rpartition('.')[0]}.%%%",
        "x" * 255,
    ],
)
def test_a_forged_state_gets_the_realms_brand_and_is_shown_nowhere(parts, browser, forged):
    """D5."""
    for page in pages_of(parts, browser, state=forged)[:2]:
        assert '<span class="pwl-brand-name" dir="auto">Acme &amp; Sons</span>' in page
        assert "#8a1c5c" == accent(browser, page)
        assert "The Shop" not in page
        assert "alert(1)" not in page


def test_a_look_is_of_its_realm_only(parts, browser):
    page = browser.authorize("other", state=OF_SHOP).get_data(as_text=True)

    assert "– other</title>" in page
    assert "brand.css" not in page


def test_logo_and_colours_are_served_for_ever_and_nothing_else_is(parts, browser):
    page = browser.authorize().get_data(as_text=True)
    url = re.search(
        r'src="https://login\.example\.org(/static/\w+/logo\.png)" alt="" width="40" height="40"', page
    )[1]
    found = browser.get(url)

    assert ("image/png", png()) == (found.content_type, found.get_data())
    assert "immutable" in found.headers["Cache-Control"]
    # Keycloak's pages show it; nothing else of ours is for other origins.
    assert "cross-origin" == found.headers["Cross-Origin-Resource-Policy"]
    assert "img-src 'self' data:;" in found.headers["Content-Security-Policy"]
    for other in (
        "/static/x/logo.png",
        "/static/x/brand.css",
        url.replace("logo.png", "brand.css"),
        url.replace("logo.png", "logo.txt"),
    ):
        missing = browser.get(other)
        assert (404, "same-origin") == (missing.status_code, missing.headers["Cross-Origin-Resource-Policy"])


def test_without_branding_a_page_has_one_stylesheet_and_no_picture(settings_for, sqlite_url):
    parts = Parts.build(settings_for(sqlite_url))
    page = Browser(create_app(parts)).authorize().get_data(as_text=True)
    parts.database.dispose()

    assert 1 == page.count('rel="stylesheet"')
    assert "<img" not in page
    assert "pwl-links" not in page
    assert '<div id="kc-header-wrapper">Acme</div>' in page
