"""A device that keeps passkeys: Chromium's virtual authenticator, over the protocol of its developer tools."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect


class Device:
    """One page's only authenticator: it verifies its user by itself.

    `is_touched`: whether somebody is there to say yes. While nobody is, whatever the page asks of it waits; Chromium
    answers a page's offer in a field (conditional mediation) without a click as soon as somebody is.
    """

    def __init__(self, page: Page, *, is_touched: bool = True, is_passkey: bool = True) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal" if is_passkey else "usb",
            "hasResidentKey": is_passkey,
            "hasUserVerification": is_passkey,
            "isUserVerified": is_passkey,
            "automaticPresenceSimulation": is_touched,
        }
        made = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._id = made["authenticatorId"]

    @property
    def credentials(self) -> list[dict[str, Any]]:
        found = self._session.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        return list(found["credentials"])

    def take(self, credentials: list[dict[str, Any]]) -> None:
        """Keep another device's credentials too, as a synchronised one does."""
        for credential in credentials:
            arguments = {"authenticatorId": self._id, "credential": credential}
            self._session.send("WebAuthn.addCredential", arguments)

    def touch(self, *, is_touched: bool = True) -> None:
        arguments = {"authenticatorId": self._id, "enabled": is_touched}
        self._session.send("WebAuthn.setAutomaticPresenceSimulation", arguments)

    def lose(self) -> None:
        """Everything on it is gone."""
        self._session.send("WebAuthn.clearCredentials", {"authenticatorId": self._id})


def register(page: Page) -> None:
    """Press the button of Keycloak's page that sets a device up."""
    _ready(page, "#registerWebAuthn").click()


def authenticate(page: Page, device: Device | None = None) -> None:
    """Press the button of Keycloak's pages that asks for a device, beside a field or as a second factor.

    `device`: one that nobody touches before, or the field's offer would be taken instead.
    """
    button = _ready(page, "#authenticateWebAuthnButton")
    if device:
        # Behind the same question of the page's own, so that the field's offer stands: it is not answered any more.
        page.evaluate("() => PublicKeyCredential.isConditionalMediationAvailable()")
        device.touch()
    button.click()


def _ready(page: Page, selector: str) -> Locator:
    """A button that does nothing before the page's module has run."""
    button = page.locator(selector)
    expect(button).to_be_visible()
    page.wait_for_load_state()
    return button
