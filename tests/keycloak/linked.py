"""Realms under each policy of linking, with the running sidecar that Keycloak brokers, and people who sign in there."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak import Admin, apply_realm, bootstrap_realm, connect
from sidecar.settings import Settings, load
from tests.conftest import SECRET_KEY
from tests.e2e.logins import Person
from tests.gateway import Gateway
from tests.keycloak.browsing import CLIENT, Page
from tests.stack import MailServer, free_port, serving, write_settings

ASKS, LINKS, STRIPS, APART = "asking", "linking", "stripping", "apart"
#: Of each realm: its policy, and what becomes of unverified holders.
POLICIES = {
    ASKS: ("prompt", "stop"),
    LINKS: ("verified", "stop"),
    STRIPS: ("verified", "strip"),
    APART: ("separate", "stop"),
}
PASSWORD = "correct-Horse-7-battery"


class NotSignedIn(AssertionError):
    """Keycloak gave an authorization code, and no tokens for it."""


@dataclass(frozen=True)
class House:
    """What a test of linking needs to know."""

    keycloak: str
    admin: Admin
    settings: Settings
    mail: MailServer
    gateway: Gateway
    #: What `settings` were loaded with beside the file.
    environment: dict[str, str]

    def realm(self, name: str) -> Admin:
        return self.admin.at("realms", name)

    def user(self, realm: str, email: str = "", **more: Any) -> str:
        """A user with a password; its id."""
        body = {
            "enabled": True,
            "username": f"u-{secrets.token_hex(4)}",
            "email": email,
            "emailVerified": True,
            "credentials": [{"type": "password", "value": PASSWORD}],
            **more,
        }
        return self.realm(realm).post("users", body=body)

    def identities(self, realm: str, user: str) -> list[str]:
        return [it["identityProvider"] for it in self.realm(realm).get("users", user, "federated-identity")]

    def arrive(
        self, realm: str, address: str, person: Person | None = None, **more: str
    ) -> tuple[Person, Page]:
        """As far as the code page."""
        person = person or Person()
        alias = "sms" if address.startswith("+") else "email"
        return person, person.sign_in(self.keycloak, realm, kc_idp_hint=alias, login_hint=address, **more)

    def prove(
        self, realm: str, address: str, person: Person | None = None, **more: str
    ) -> tuple[Person, Page]:
        """A login by code; where it ended."""
        before = len(self._messages(address))
        person, page = self.arrive(realm, address, person, **more)
        return person, self.type_code(person, page, address, before)

    def type_code(self, person: Person, page: Page, address: str, before: int = 0) -> Page:
        found = re.search(r'name="challenge" value="([^"]+)"', page.text)
        assert found, f"no code page but {page.url}: {page.text[:1500]}"
        return person.send(page.action, {"challenge": found[1], "code": self._code(address, before)})

    def whose(self, realm: str, page: Page) -> dict[str, Any]:
        """The claims of who came in on this page; fails if nobody did."""
        assert page.code, f"nobody came in: {page.url} {page.name} {page.text[:1500]}"
        return claims_of(self.keycloak, realm, page.code)

    def _messages(self, address: str) -> list[Any]:
        return self.gateway.to(address) if address.startswith("+") else self.mail.to(address)

    def _code(self, address: str, before: int) -> str:
        if address.startswith("+"):
            return str(self.gateway.wait_for(address, before + 1).code)
        return self.mail.wait_for(address, before + 1).code


def claims_of(keycloak: str, realm: str, code: str) -> dict[str, Any]:
    """What the access token of a login says; straight from Keycloak, so it needs no check of its signature."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": "app",
        "redirect_uri": "http://localhost/app",
    }
    url = f"{keycloak}/realms/{realm}/protocol/openid-connect"
    tokens = requests.post(f"{url}/token", data=form, timeout=30).json()
    if "access_token" not in tokens:
        raise NotSignedIn(tokens)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    return {**tokens, **requests.get(f"{url}/userinfo", headers=bearer, timeout=30).json()}


@contextmanager
def linking_house(keycloak_url: str, keycloak_admin: tuple[str, str], folder: Path) -> Iterator[House]:
    mail, gateway, port = MailServer(), Gateway(), free_port()
    mail.start()
    gateway.start()
    path = write_settings(
        folder / "passwordless.toml",
        sidecar_port=port,
        keycloak_url=keycloak_url,
        database_url=f"sqlite:///{folder}/passwordless.db",
        smtp_port=mail.port,
        realms=dict.fromkeys(POLICIES, True),
        secret_key=SECRET_KEY,
        numbers=[LINKS, STRIPS],
        gateway_url=gateway.url,
    )
    environment = {
        f"PASSWORDLESS__REALMS__{name.upper()}__CONNECTIONS__SMS__LINKING": "verified"
        for name in (LINKS, STRIPS)
    }
    for name, (linking, unverified) in POLICIES.items():
        prefix = f"PASSWORDLESS__REALMS__{name.upper()}"
        environment |= {
            f"{prefix}__SERVICE_ACCOUNT": json.dumps(linking != "prompt"),
            f"{prefix}__UNVERIFIED_HOLDER": unverified,
            f"{prefix}__CONNECTIONS__EMAIL__LINKING": linking,
        }
    settings = load(path, environment)
    username, password = keycloak_admin
    admin = connect(settings, username=username, password=password)
    for name in POLICIES:
        with suppress(KeycloakUnavailable):
            admin.delete("realms", name)
        apply_realm(admin, settings, name, create=True, theme="stock")
        bootstrap_realm(admin, settings, name)
        admin.at("realms", name).post("clients", body=CLIENT)
    try:
        with serving(path, port=port, log=folder / "sidecar.log", **environment):
            yield House(
                keycloak=keycloak_url,
                admin=admin,
                settings=settings,
                mail=mail,
                gateway=gateway,
                environment=environment,
            )
    finally:
        for name in POLICIES:
            admin.delete("realms", name)
        mail.stop()
        gateway.stop()
        print((folder / "sidecar.log").read_text()[-5000:])
