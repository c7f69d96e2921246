"""A realm of its own for each test, on the run's real Keycloak."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from sidecar import settings as settings_module
from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak import Admin, connect
from sidecar.settings import Settings
from tests.keycloak.linked import House, linking_house

MakeSettings = Callable[..., Settings]


@pytest.fixture
def make_settings(tmp_path) -> MakeSettings:
    """Settings for one realm with an `email` connection; the rest as the test needs it, `more` as TOML.

    A connection named `sms` takes numbers.
    """

    def make(
        realm: str = "acme",
        *,
        keycloak: str = "http://localhost:8080",
        public_url: str = "http://localhost:5080",
        internal_url: str = "",
        passwords: bool = True,
        step_up: bool = False,
        service_account: bool = False,
        passkeys: str = "off",
        login_page: str = "universal",
        locales: tuple[str, ...] = ("en", "de"),
        connections: tuple[str, ...] = ("email",),
        more: str = "",
    ) -> Settings:
        tables = "".join(
            f"[realms.{realm}.connections.{name}]\n"
            + (
                'strategy = "sms"\ncountries = ["*"]\nproviders = ["gateway"]\n'
                if name == "sms"
                else 'strategy = "email"\nproviders = ["mail"]\n'
            )
            for name in connections
        )
        file = tmp_path / "passwordless.toml"
        file.write_text(
            f"""
[server]
public_url = "{public_url}"
internal_url = "{internal_url}"
secret_keys = ["q7Zt3vKx9LmW2sYb8RnPc5Hd1Jf4Gu6E"]
[keycloak]
url = "{keycloak}"
timeout_s = 30
[providers.mail]
type = "smtp"
host = "127.0.0.1"
security = "none"
private_network = true
sender = "Acme <login@acme.example>"
[providers.gateway]
type = "webhook"
url = "http://127.0.0.1:1/messages"
secret = "a-gateway-secret-of-this-test-run-0123456789"
private_network = true
[realms.{realm}]
passwords = {str(passwords).lower()}
step_up = {str(step_up).lower()}
service_account = {str(service_account).lower()}
passkeys = "{passkeys}"
login_page = "{login_page}"
locales = {list(locales)}
{tables}
{more}""",
            encoding="utf-8",
        )
        return settings_module.load(file, {})

    return make


@pytest.fixture
def realm_name() -> str:
    return f"t-{secrets.token_hex(4)}"


@pytest.fixture
def admin(keycloak_url, keycloak_admin, make_settings, realm_name) -> Iterator[Admin]:
    """The admin API; the test's realm is removed afterwards."""
    username, password = keycloak_admin
    admin = connect(make_settings(keycloak=keycloak_url), username=username, password=password)
    yield admin
    with suppress(KeycloakUnavailable):
        admin.delete("realms", realm_name)


@pytest.fixture
def own_settings(make_settings, keycloak_url, realm_name) -> MakeSettings:
    """`make_settings` for the test's realm on the real Keycloak."""
    return lambda **changed: make_settings(realm_name, keycloak=keycloak_url, **changed)


@pytest.fixture
def realm(admin, realm_name) -> Admin:
    """A realm by Keycloak's defaults, seen through the admin API."""
    admin.post("realms", body={"realm": realm_name, "enabled": True, "sslRequired": "external"})
    return admin.at("realms", realm_name)


@pytest.fixture(scope="session")
def house(keycloak_url, keycloak_admin, tmp_path_factory) -> Iterator[House]:
    """Realms under each policy of linking; once for the run."""
    with linking_house(keycloak_url, keycloak_admin, tmp_path_factory.mktemp("linking")) as house:
        yield house
