"""What the login theme learns through the realm's texts, on the real page."""

from __future__ import annotations

import re

import pytest

from sidecar.keycloak import apply_realm, plan_realm
from tests.keycloak.browsing import CLIENT, Browser

pytestmark = pytest.mark.keycloak


def _connection_forms(keycloak_url: str, realm_name: str, language: str) -> list[str]:
    page = Browser().sign_in(keycloak_url, realm_name, ui_locales=language)
    assert f'lang="{language}"' in page.text
    return re.findall(r'<form[^>]*action="[^"]*/broker/([^/"]+)/login', page.text)


@pytest.fixture
def settings(admin, realm, realm_name, own_settings):
    """A realm with our theme and a connection that the theme's own defaults don't name."""
    settings = own_settings(connections=("work",), locales=("en",))
    apply_realm(admin, settings, realm_name)
    realm.post("clients", body=CLIENT)
    return settings


def test_the_realms_texts_win_over_the_themes_defaults(settings, keycloak_url, realm_name):
    assert _connection_forms(keycloak_url, realm_name, "en") == ["work"]


def test_a_language_without_texts_of_its_own_falls_back_to_english(settings, realm, keycloak_url, realm_name):
    realm.put(body={"supportedLocales": ["en", "fr"]})
    assert _connection_forms(keycloak_url, realm_name, "fr") == ["work"]


def test_a_language_that_was_added_later_is_in_the_next_plan(
    settings, admin, realm, keycloak_url, realm_name
):
    realm.put(body={"supportedLocales": ["en", "de"]})
    pending = [change.what for change in plan_realm(admin, settings, realm_name) if change.is_pending]
    assert pending == ["texts for the login theme"]
    apply_realm(admin, settings, realm_name)
    assert _connection_forms(keycloak_url, realm_name, "de") == ["work"]
