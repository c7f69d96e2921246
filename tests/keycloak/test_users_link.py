"""`passwordless users link` on a real realm: who is linked signs in without a page, wherever a run was cut off."""

from __future__ import annotations

import json
from contextlib import closing, suppress

import pytest
from click.testing import CliRunner

from sidecar.cli import main
from sidecar.errors import KeycloakUnavailable
from sidecar.keycloak import RealmUsers, apply_realm, bootstrap_realm
from sidecar.store.candidates import DiskCandidates
from sidecar.store.engine import Database
from sidecar.store.links import SqlLinks
from sidecar.users.linking import Linking, Outcome
from tests.keycloak.browsing import CLIENT, Browser
from tests.keycloak.provider import Provider, running
from tests.keycloak.realms import Budgeted

pytestmark = pytest.mark.keycloak

_COUNT = 60


def _user(number: int, **fields) -> dict:
    return {
        "username": f"u{number}",
        "email": f"u{number}@acme.example",
        "emailVerified": True,
        "enabled": True,
        **fields,
    }


_ODD = [
    _user(900, enabled=False),
    _user(901, emailVerified=False),
    {"username": "u902", "enabled": True},
    _user(903, email="twin@b\u00fccher.example"),
    _user(904, email="twin@xn--bcher-kva.example"),
]


@pytest.fixture
def database_url(sqlite_url):
    return sqlite_url


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def over_database(own_settings, database_url):
    """Settings of the realm with a database; the rest as the test needs it."""
    more = f'[database]\nurl = "{database_url}"'
    return lambda **changed: own_settings(
        connections=("email", "sms"), service_account=True, more=more, **changed
    )


@pytest.fixture
def settings(over_database):
    return over_database()


@pytest.fixture
def lived_in(admin, realm, realm_name, settings):
    """A realm with users, enabled, and an application."""
    apply_realm(admin, settings, realm_name, theme="stock")
    users = [_user(number) for number in range(_COUNT)] + _ODD
    realm.post("partialImport", body={"ifResourceExists": "FAIL", "users": users})
    realm.post("clients", body=CLIENT)
    return realm


@pytest.fixture
def command(admin, settings, lived_in, realm_name, tmp_path):
    """`passwordless users link` of the connection, by the sidecar's own account: it may change users, no more."""
    bootstrap_realm(admin, settings, realm_name)
    environment = {"PASSWORDLESS_SETTINGS": str(tmp_path / "passwordless.toml")}

    def run(*options: str, connection: str = "email"):
        arguments = ["users", "link", realm_name, "--connection", connection, "--service-account"]
        return CliRunner().invoke(main, [*arguments, *options], env=environment)

    return run


@pytest.fixture
def sign_in(lived_in, admin, realm_name, over_database, keycloak_url):
    """Sign a user in through the connection, as the given subject; the page where it ends."""
    with running(Provider(keycloak_url, realm_name)) as provider:
        there = over_database(public_url=provider.url)

        def run(name: str, subject: str):
            apply_realm(admin, there, realm_name, theme="stock")
            address = {"email": f"{name}@acme.example", "email_verified": True}
            provider.claims = {"sub": subject, "preferred_username": f"{name}@acme.example", **address}
            return Browser().sign_in(keycloak_url, realm_name, kc_idp_hint="email")

        yield run


def _links(realm, alias="email") -> dict[str, str]:
    """User name → subject."""
    return {
        user["username"]: identity["userId"]
        for user in realm.get("users", idpAlias=alias, max="500")
        for identity in realm.get("users", user["id"], "federated-identity")
        if identity["identityProvider"] == alias
    }


def test_who_is_linked_signs_in_without_a_page_of_keycloaks(command, lived_in, sign_in):
    (own,) = lived_in.get("users", username="u902", exact="true")
    body = {"identityProvider": "email", "userId": "email.own", "userName": "own"}
    lived_in.post("users", own["id"], "federated-identity", "email", body=body)
    looked = command("--dry-run")
    assert looked.exit_code == 1, looked.output
    assert set(_links(lived_in)) == {"u902"}
    done = json.loads(command("--yes", "--json").stdout)
    again = json.loads(command("--yes", "--json").stdout)

    assert (done["users"], done["linked"], done["already"]) == (_COUNT + len(_ODD), _COUNT, 1)
    assert done["skipped"] == {"disabled": 1, "unverified": 1, "no_address": 1}
    assert done["refused"] == [
        {"reason": "duplicate", "address": "twin@xn--bcher-kva.example", "users": ["u903", "u904"]}
    ]
    assert (again["linked"], again["already"]) == (0, _COUNT + 1)
    links = _links(lived_in)
    assert set(links) == {"u902", *(f"u{number}" for number in range(_COUNT))}
    assert len(set(links.values())) == _COUNT + 1
    assert "share an address" in command("--dry-run").output
    page = sign_in("u7", links["u7"])
    assert page.code, page.text[:2000]
    assert len(lived_in.get("users", max="500")) == _COUNT + len(_ODD)

    asked = command("--undo")
    undone = json.loads(command("--undo", "--yes", "--json").stdout)
    assert asked.exit_code == 1
    assert f"{_COUNT} links would be taken out" in asked.output
    assert undone["taken_out"] == _COUNT
    assert _links(lived_in) == {"u902": "email.own"}


def test_cut_off_after_any_write_the_next_run_goes_on(admin, lived_in, realm_name, settings, database):
    def run(writes: int) -> None:
        users = RealmUsers(Budgeted.over(admin, writes=writes).at("realms", realm_name))
        connection = settings.realms[realm_name].connections["email"]
        with closing(DiskCandidates()) as candidates, suppress(KeycloakUnavailable):
            linking = Linking(
                realm=settings.realms[realm_name],
                connection=connection,
                attribute="",
                directory=users,
                candidates=candidates,
                links=SqlLinks(database),
            )
            linking.survey()
            linking.carry_out(Outcome())

    for writes in (0, 1, 7, 30):
        with suppress(Exception):
            run(writes)
        links = _links(lived_in)
        assert len(set(links.values())) == len(links)
    run(1000)

    assert len(_links(lived_in)) == _COUNT


def test_numbers_come_from_the_attribute_that_only_admins_write(command, lived_in):
    profile = lived_in.get("users", "profile")
    (ada,) = lived_in.get("users", username="u1", exact="true")
    lived_in.put("users", ada["id"], body={**ada, "attributes": {"phone_number": ["+447400123456"]}})

    refused = command("--yes", connection="sms")
    done = json.loads(
        command("--yes", "--json", "--trust-attribute", "phone_number", connection="sms").stdout
    )
    assert refused.exit_code == 2
    assert "--trust-attribute phone_number" in refused.output
    assert (done["linked"], _links(lived_in, "sms").keys()) == (1, {"u1"})

    for attribute in profile["attributes"]:
        if attribute["name"] == "phone_number":
            attribute["permissions"]["edit"] = ["admin", "user"]
    lived_in.put("users", "profile", body=profile)
    for name in ("phone_number", "nickname"):
        refused = command("--yes", "--trust-attribute", name, connection="sms")
        assert refused.exit_code == 2
        assert "can't be trusted" in refused.output

    assert "no connection 'fax', only: email, sms" in command("--yes", connection="fax").output
    lived_in.delete("identity-provider", "instances", "email")
    with pytest.raises(KeycloakUnavailable, match="passwordless apply"):
        RealmUsers(lived_in).require_provider("email")
