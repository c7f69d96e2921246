"""Sign-up off on the whole road: whom Keycloak has gets a code, a stranger sees the same and becomes nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from sqlalchemy import create_engine, text

from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak import Admin, apply_realm, bootstrap_realm, connect
from sidecar.settings import load
from tests.conftest import SECRET_KEY
from tests.e2e.logins import Person
from tests.keycloak.browsing import CLIENT, Page
from tests.stack import MailServer, free_port, serving, wait_until, write_settings

pytestmark = pytest.mark.keycloak

_REALM = "members"
_SAID = {
    f"PASSWORDLESS__REALMS__{_REALM.upper()}__SERVICE_ACCOUNT": "true",
    f"PASSWORDLESS__REALMS__{_REALM.upper()}__CONNECTIONS__EMAIL__SIGNUP": "false",
}


@dataclass
class House:
    keycloak: str
    realm: Admin
    mail: MailServer
    database_url: str

    def ask(self, address: str) -> tuple[Person, Page]:
        person = Person()
        page = person.sign_in(self.keycloak, _REALM, kc_idp_hint="email", login_hint=address)
        assert 'name="challenge"' in page.text, page.text[:1500]
        return person, page

    def worked_off(self) -> int:
        """How many messages have an end."""
        engine = create_engine(self.database_url)
        with engine.connect() as connection:
            found = connection.execute(text("SELECT count(*) FROM messages WHERE finished_at IS NOT NULL"))
            count = int(found.scalar_one())
        engine.dispose()
        return count


@pytest.fixture
def house(keycloak_url, keycloak_admin, tmp_path) -> Iterator[House]:
    mail, port = MailServer(), free_port()
    mail.start()
    database_url = f"sqlite:///{tmp_path}/passwordless.db"
    path = write_settings(
        tmp_path / "passwordless.toml",
        sidecar_port=port,
        keycloak_url=keycloak_url,
        database_url=database_url,
        smtp_port=mail.port,
        realms={_REALM: True},
        secret_key=SECRET_KEY,
    )
    settings = load(path, _SAID)
    admin = connect(settings, username=keycloak_admin[0], password=keycloak_admin[1])
    with suppress(KeycloakUnavailable):
        admin.delete("realms", _REALM)
    try:
        apply_realm(admin, settings, _REALM, create=True)
        bootstrap_realm(admin, settings, _REALM)
        realm = admin.at("realms", _REALM)
        realm.post("clients", body=CLIENT)
        with serving(path, port=port, log=tmp_path / "sidecar.log", **_SAID):
            yield House(keycloak=keycloak_url, realm=realm, mail=mail, database_url=database_url)
    finally:
        admin.delete("realms", _REALM)
        mail.stop()


def test_whom_keycloak_has_gets_a_code_and_a_stranger_becomes_nobody(house):
    ada = {"username": "ada", "email": "ada@example.org", "emailVerified": True, "enabled": True}
    password = {"type": "password", "value": "correct-Horse-7"}
    house.realm.post("users", body={**ada, "firstName": "A", "lastName": "L", "credentials": [password]})

    # Both get the page that asks for a code; journeys/test_strangers.py compares its bytes.
    house.ask("eve@example.org")
    person, page = house.ask("ada@example.org")

    mail = house.mail.wait_for("ada@example.org")
    wait_until(lambda: house.worked_off() == 2, "both messages to have an end")
    assert [it.recipients for it in house.mail.mails] == [["ada@example.org"]]
    challenge = re.search(r'name="challenge" value="([^"]+)"', page.text)
    page = person.send(page.action, {"challenge": challenge[1], "code": mail.code})
    # Keycloak asks for a proof of the account: `linking` is `prompt`.
    assert page.url.startswith(house.keycloak), page.url
    assert page.name == "login-login-idp-link-confirm", page.text[:1500]
    assert [user["username"] for user in house.realm.get("users")] == ["ada"]
