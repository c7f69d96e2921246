"""One Keycloak, sidecar, mail server and Chromium for the whole run; a fresh browser context for each test."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from sidecar.assets import locales
from sidecar.keycloak import Admin, apply_realm, bootstrap_realm, connect
from sidecar.settings import Settings, load
from tests.conftest import SECRET_KEY
from tests.e2e import application
from tests.gateway import Gateway
from tests.logos import logo
from tests.stack import MailServer, free_port, serving, write_settings

#: Realms of the run: without passwords, with passwords, under Keycloak's own theme, with links beside codes, with
#: numbers beside addresses, with looks of their own, with a second factor for applications that ask for it, with
#: passkeys that the sidecar offers, and with passkeys that everybody must have.
OPEN, MIXED, STOCK, LINKS, NUMBERS, BRANDED = "open", "mixed", "stock", "links", "numbers", "branded"
STEP_UP, PASSKEYS, KEYED = "step-up", "passkeys", "keyed"
REALMS = {
    OPEN: False,
    MIXED: True,
    STOCK: False,
    LINKS: False,
    NUMBERS: False,
    BRANDED: False,
    STEP_UP: False,
    PASSKEYS: False,
    KEYED: False,
}
#: All that there are texts in, Norwegian by one of its names.
LANGUAGES = ("en", *(tag for tag in locales() if tag not in {"en", "no"}))
APPLICATION = "confidential-app"
#: The application of the realm with numbers whose login page is the classic one; its test makes it.
CLASSIC = "classic-app"
#: What Keycloak calls the application of the realm with looks of their own, by its id there.
BRANDED_CLIENT = "5f1d7e0a-9c3b-4a86-8f27-1b0c6d2e4a90"
BRANDING = f"""
[realms.{BRANDED}.branding]
name = "Acme's {{House}}"
logo = "%s"
primary = "#8a1c5c"
help = "https://www.acme.example/help"
privacy = "https://www.acme.example/privacy"
[realms.{BRANDED}.clients.{APPLICATION}]
id = "{BRANDED_CLIENT}"
[realms.{BRANDED}.clients.{APPLICATION}.branding]
name = "Acme Shop"
logo = "%s"
primary = "#0b6b43"
terms = "https://shop.acme.example/terms"
"""
#: An address and a number whose code is fixed.
REVIEWER, REVIEWERS_NUMBER, REVIEWERS_CODE = "review@acme.example", "+447411731904", "73190482"
FOR_TESTS = "".join(
    f'[realms.{NUMBERS}.connections.{connection}.test_addresses."{address}"]\ncode = "{REVIEWERS_CODE}"\n'
    for connection, address in (("email", REVIEWER), ("sms", REVIEWERS_NUMBER))
)
CLIENT_SECRET = "a-secret-of-this-test-run"


@dataclass(frozen=True)
class Stack:
    """What a test of the whole road needs to know."""

    keycloak: str
    settings: Settings
    settings_file: Path
    sidecar: str
    mail: MailServer
    gateway: Gateway
    admin: Admin
    applications: dict[str, application.Application]

    def new_address(self, name: str = "ada") -> str:
        return f"{name}-{secrets.token_hex(4)}@example.org"

    def new_number(self) -> str:
        """A British mobile, in E.164."""
        return f"+447400{secrets.randbelow(10**6):06d}"

    def user(self, realm: str, address: str) -> dict[str, object]:
        """The one Keycloak user of that address."""
        users = self.admin.at("realms", realm).get("users", email=address, exact="true")
        assert len(users) == 1, users
        return users[0]

    def identities(self, realm: str, address: str) -> list[dict[str, str]]:
        return self.admin.at("realms", realm).get(
            "users", str(self.user(realm, address)["id"]), "federated-identity"
        )


@pytest.fixture(scope="session")
def stack(
    keycloak_url: str, keycloak_admin: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    mail = MailServer()
    mail.start()
    gateway = Gateway()
    gateway.start()
    port = free_port()
    # Realms of a run on a Keycloak that other runs use too must not meet.
    path = write_settings(
        folder / "passwordless.toml",
        sidecar_port=port,
        keycloak_url=keycloak_url,
        database_url=f"sqlite:///{folder}/passwordless.db",
        smtp_port=mail.port,
        realms=REALMS,
        methods={LINKS: "both", BRANDED: "both", STEP_UP: "both"},
        more=f'[sdk]\ndefault_realm = "{NUMBERS}"\n'
        f'[realms.{NUMBERS}.clients.{CLASSIC}]\ntheme = "passwordless-classic"\n'
        + FOR_TESTS
        + BRANDING % (logo(folder, "house.png"), logo(folder, "shop.png", colour="#0b6b43")),
        numbers=[NUMBERS, STEP_UP],
        step_up=[STEP_UP],
        account_page=[NUMBERS],
        passkeys={STEP_UP: "allow", PASSKEYS: "offer", KEYED: "require"},
        locales={OPEN: LANGUAGES, NUMBERS: LANGUAGES},
        gateway_url=gateway.url,
        secret_key=SECRET_KEY,
    )
    settings = load(path, {})
    username, password = keycloak_admin
    admin = connect(settings, username=username, password=password)
    applications = {}
    for realm in REALMS:
        _delete_realm(admin, realm)
        apply_realm(admin, settings, realm, create=True, theme="stock" if realm == STOCK else "passwordless")
        bootstrap_realm(admin, settings, realm)
        applications[realm] = _application(admin, keycloak_url, realm)
    with serving(path, port=port, log=folder / "sidecar.log"):
        yield Stack(
            keycloak=keycloak_url,
            settings=settings,
            settings_file=path,
            sidecar=f"http://localhost:{port}",
            mail=mail,
            gateway=gateway,
            admin=admin,
            applications=applications,
        )
    for running in applications.values():
        running.stop()
    for realm in REALMS:
        _delete_realm(admin, realm)
    mail.stop()
    gateway.stop()
    print((folder / "sidecar.log").read_text()[-3000:])


def _delete_realm(admin: Admin, realm: str) -> None:
    if any(found["realm"] == realm for found in admin.get("realms", briefRepresentation="true")):
        admin.delete("realms", realm)


def _application(admin: Admin, keycloak_url: str, realm: str) -> application.Application:
    port = free_port()
    clients = admin.at("realms", realm)
    clients.post(
        "clients",
        body={
            "clientId": APPLICATION,
            **({"id": BRANDED_CLIENT} if realm == BRANDED else {}),
            "secret": CLIENT_SECRET,
            "publicClient": False,
            "redirectUris": [f"http://localhost:{port}/callback"],
            "attributes": {"pkce.code.challenge.method": "S256"},
        },
    )
    (client,) = clients.get("clients", clientId="confidential-app")
    for scope in clients.get("client-scopes"):
        # As the docs tell admins whose applications want to know the number.
        if scope["name"] == "passwordless-phone":
            clients.put("clients", client["id"], "optional-client-scopes", scope["id"])
    return application.start(
        port=port,
        issuer=f"{keycloak_url}/realms/{realm}",
        client_id=APPLICATION,
        client_secret=CLIENT_SECRET,
    )


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page in a browser context of its own; options are Playwright's (`java_script_enabled`, `locale`, …)."""
    contexts: list[BrowserContext] = []

    def make(**options: object) -> Page:
        context = chromium.new_context(**{"locale": "en-GB", **options})  # type: ignore[arg-type]
        context.set_default_timeout(20_000)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    return new_page()
