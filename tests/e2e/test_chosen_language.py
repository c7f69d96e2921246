"""The language that a person chose on Keycloak's page, or whose browser asks for it, all the way to the application."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from sidecar.words import Catalogue, Words
from tests.e2e.conftest import OPEN, Stack

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]

CATALOGUE = Catalogue()


def choose(page: Page, tag: str) -> None:
    """In the language menu of Keycloak's page."""
    menu = page.locator("#login-select-toggle")
    option = menu.locator(f'option[value*="kc_locale={tag}"]')
    menu.select_option(option.get_attribute("value"))
    page.wait_for_url("**kc_locale=**")


def expect_language(page: Page, words: Words) -> None:
    root = page.locator("html")
    expect(root).to_have_attribute("lang", words.locale)
    assert words.direction == root.evaluate("e => getComputedStyle(e).direction")


def sign_in(stack: Stack, page: Page, words: Words) -> None:
    """From Keycloak's page in that language to the application: page, mail and code field follow."""
    address = stack.new_address()
    expect_language(page, words)
    expect(page.get_by_role("button", name=words("passwordlessContinue"), exact=True)).to_be_visible()
    page.get_by_label(words("passwordlessAddress")).fill(address)
    page.get_by_role("button", name=words("passwordlessContinue"), exact=True).click()

    expect(page.get_by_role("heading", name=words("passwordlessCodeTitle"))).to_be_visible()
    expect_language(page, words)
    field = page.get_by_label(words("passwordlessCode"), exact=True)
    assert "ltr" == field.evaluate("e => getComputedStyle(e).direction")

    mail = stack.mail.wait_for(address)
    assert words.locale == mail.message["Content-Language"]
    assert words("mailCodeSubject", mail.code, OPEN.title()) == mail.message["Subject"]
    assert words("mailCodeLead", OPEN.title()) in mail.text
    field.fill(mail.code)
    page.wait_for_url(f"{stack.applications[OPEN].url}/me")


@pytest.mark.parametrize("tag", ["ar", "he", "ja", "nb", "pt-BR", "zh-CN", "zh-TW"])
def test_the_choice_on_keycloaks_page_reaches_the_code_page_and_the_mail(
    stack: Stack, new_page: Callable[..., Page], tag: str
) -> None:
    """Above the browser's own language, German here."""
    page = new_page(locale="de-DE")
    page.goto(f"{stack.applications[OPEN].url}/login")
    expect_language(page, CATALOGUE.words("de"))
    choose(page, tag)
    sign_in(stack, page, CATALOGUE.words(tag))


@pytest.mark.parametrize(
    ("browsers", "tag"),
    [("fa-IR", "fa"), ("ja-JP", "ja"), ("nb-NO", "nb"), ("zh-TW", "zh-TW"), ("tlh", "en")],
)
def test_where_nothing_is_chosen_the_browsers_language_does(
    stack: Stack, new_page: Callable[..., Page], browsers: str, tag: str
) -> None:
    page = new_page(locale=browsers)
    page.goto(f"{stack.applications[OPEN].url}/login")
    sign_in(stack, page, CATALOGUE.words(tag))


def test_an_application_may_ask_for_a_language(stack: Stack, new_page: Callable[..., Page]) -> None:
    page = new_page(locale="de-DE")
    page.goto(f"{stack.applications[OPEN].url}/login?ui_locales=uk")
    sign_in(stack, page, CATALOGUE.words("uk"))
