"""All languages on the real login page: offered, chosen, told to the connection, and nothing of it in English."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest

from sidecar.assets import locales
from sidecar.keycloak import apply_realm, plan_realm
from sidecar.keycloak.versions import TEXTS_SINCE, is_before
from sidecar.words import Catalogue
from tests.keycloak.browsing import CLIENT, Browser, Page

pytestmark = pytest.mark.keycloak

CATALOGUE = Catalogue()
LOCALES = tuple(sorted(locales()))
#: What the login page shows of ours, and of Keycloak's.
SHOWN, TITLE = ("passwordlessAddress", "passwordlessContinue"), "Sign in to your account"


@pytest.fixture
def settings(admin, realm, realm_name, own_settings):
    """A realm with every language there is."""
    settings = own_settings(locales=LOCALES)
    apply_realm(admin, settings, realm_name)
    realm.post("clients", body=CLIENT)
    return settings


@pytest.fixture
def open_page(settings, keycloak_url, realm_name) -> Callable[..., Page]:
    return lambda **parameters: Browser().sign_in(keycloak_url, realm_name, **parameters)


def _menu(page: Page) -> dict[str, str]:
    """The language menu: tag → name."""
    options = re.findall(
        r"<option\s+value=\"[^\"]*kc_locale=([\w-]+)[^\"]*\"[^>]*>\s*([^<]+?)\s*</option>", page.text
    )
    return {tag: html.unescape(name) for tag, name in options}


def _tag(page: Page, name: str) -> str:
    found = re.search(rf"<html[^>]*\s{name}=\"([^\"]*)\"", page.text)
    return found[1] if found else ""


def test_a_second_plan_finds_nothing_to_do_whatever_the_names(settings, admin, realm, realm_name):
    assert [change.what for change in plan_realm(admin, settings, realm_name) if change.is_pending] == []
    assert set(realm.get()["supportedLocales"]) == set(LOCALES)


def test_keycloaks_page_offers_all_by_their_names(open_page):
    menu = _menu(open_page())
    assert set(menu) == set(LOCALES)
    assert not any(name.startswith("locale_") for name in menu.values())
    assert "עברית" in menu["he"]
    assert "bokmål" in menu["nb"].lower()


def test_the_login_page_is_in_the_language_that_is_asked_for(open_page, admin):
    assert _english(open_page(ui_locales="en")) == {TITLE, "Email address", "Continue"}
    version = admin.get("serverinfo")["systemInfo"]["version"]
    # In Romanian the title is among the few words that an older Keycloak has.
    untitled = {tag for tag, since, _ in TEXTS_SINCE if is_before(version, since)} - {"ro"}
    foreign = {TITLE, _title(open_page(ui_locales=LOCALES[0]))}
    for locale in LOCALES:
        page, words = open_page(ui_locales=locale), CATALOGUE.words(locale)
        assert (_tag(page, "lang"), _tag(page, "dir") or "ltr") == (locale, words.direction)
        assert all(words(key) in html.unescape(page.text) for key in SHOWN), locale
        assert locale == "en" or not _english(page) - {TITLE}, locale
        # What Keycloak has no text for is in English, or by version in the realm's own language.
        assert (_title(page) in foreign) is (locale in {"en", LOCALES[0], *untitled}), locale


def _title(page: Page) -> str:
    """What Keycloak writes over the form."""
    found = re.search(r'id="kc-page-title"[^>]*>\s*([^<]*?)\s*<', page.text)
    assert found, page.text
    return html.unescape(found[1])


def _english(page: Page) -> set[str]:
    """What of the page, read as a person sees it, is in English."""
    texts = {text.strip() for text in re.findall(r">([^<>]+)<", page.text)}
    return texts & {TITLE, "Email address", "Continue"}
