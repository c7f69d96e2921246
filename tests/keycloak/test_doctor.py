"""The doctor on a real realm: nothing on a healthy one, and each planted fault by name, alone and all together."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from sidecar.cli import main
from sidecar.keycloak import Admin, apply_realm, connect
from sidecar.keycloak.advisories import ADVISORIES
from sidecar.keycloak.passkeys import policy_of
from sidecar.keycloak.versions import lacking, parsed
from sidecar.settings import Settings, load
from tests.conftest import SECRET_KEY
from tests.gateway import Gateway
from tests.keycloak.realms import state
from tests.stack import MailServer, free_port, serving, wait_until, write_settings

pytestmark = pytest.mark.keycloak

_FLOWS = ("authentication", "flows")
_PROVIDERS = ("identity-provider", "instances")
#: The second one is in the settings alone.
_REALM, _GHOST = "doctored", "ghost"


@dataclass(frozen=True)
class House:
    """A realm with a connection of addresses and one of numbers, and all that serves it."""

    admin: Admin
    settings_file: Path
    settings: Settings
    mail: MailServer
    gateway: Gateway
    password: tuple[str, str]

    @property
    def realm(self) -> Admin:
        return self.admin.at("realms", _REALM)

    def run(self, *arguments: str, realm: str = _REALM, **environment: str):
        username, password = self.password
        return CliRunner().invoke(
            main,
            ["doctor", realm, "--admin-username", username, *arguments],
            env={
                "PASSWORDLESS_SETTINGS": str(self.settings_file),
                "KEYCLOAK_ADMIN_PASSWORD": password,
                **environment,
            },
        )

    def findings(self, *arguments: str, **environment: str) -> dict[str, list[dict[str, str]]]:
        """What is to be mended, by the name of the check, but what this version of Keycloak is told in any realm."""
        ended = self.run("--json", *arguments, **environment)
        found = {}
        for check in json.loads(ended.stdout)["checks"]:
            faults = [it for it in check["findings"] if it["severity"] != "note"]
            if faults:
                found[check["name"]] = faults
        assert ended.exit_code == (1 if found else 0), ended.output
        of_the_version = {it["what"].partition(" ")[0] for it in found.get("advisories", ())}
        if "advisories" in found and of_the_version == self.open_advisories:
            del found["advisories"]
        return found

    @property
    def version(self) -> str:
        return str(self.admin.get("serverinfo")["systemInfo"]["version"])

    @property
    def open_advisories(self) -> set[str]:
        """Those that concern every realm with an identity provider, and are not mended in this version of Keycloak."""
        return {it.cve for it in ADVISORIES if it.concerns == "all" and not it.is_fixed_in(self.version)}


@pytest.fixture(scope="module")
def house(keycloak_url, keycloak_admin, tmp_path_factory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("doctor")
    mail, gateway, port = MailServer(), Gateway(), free_port()
    mail.start()
    gateway.start()
    path = write_settings(
        folder / "passwordless.toml",
        sidecar_port=port,
        keycloak_url=keycloak_url,
        database_url=f"sqlite:///{folder}/passwordless.db",
        smtp_port=mail.port,
        realms={_REALM: False, _GHOST: False},
        secret_key=SECRET_KEY,
        numbers=[_REALM],
        passkeys={_REALM: "allow"},
        gateway_url=gateway.url,
    )
    settings = load(path, {})
    username, password = keycloak_admin
    admin = connect(settings, username=username, password=password)
    apply_realm(admin, settings, _REALM, create=True)
    admin.at("realms", _REALM).post(
        "clients", body={"clientId": "shop", "redirectUris": ["http://localhost/"]}
    )
    with serving(path, port=port, log=folder / "sidecar.log"):
        yield House(
            admin=admin,
            settings_file=path,
            settings=settings,
            mail=mail,
            gateway=gateway,
            password=keycloak_admin,
        )
    admin.delete("realms", _REALM)
    mail.stop()
    gateway.stop()


def test_a_healthy_realm_has_nothing_to_mend_and_stays_as_it_is(house):
    before = state(house.realm)

    ended = house.run()

    assert house.findings() == {}, ended.output
    told = house.open_advisories
    assert ended.exit_code == (1 if told else 0)
    (summary,) = [it for it in ended.stdout.splitlines() if it.endswith("with problems.")]
    assert f"{1 if told else 0} with warnings, 0 with problems." in summary
    assert all(f"{cve} is open in Keycloak {house.version}" in ended.stdout for cve in told)
    assert state(house.realm) == before
    assert house.mail.mails == []


def test_what_this_version_of_keycloak_lacks_is_said_and_nothing_to_mend(house):
    checks = {it["name"]: it for it in json.loads(house.run("--json").stdout)["checks"]}
    version, realm = checks["keycloak-version"], house.settings.realms[_REALM]
    assert version["state"] == "ok"
    assert [it["what"] for it in version["findings"]] == [
        f"Keycloak {house.version} {it.what}; {it.since} has" for it in lacking(house.version, realm)
    ]


Plant = Callable[[House], Callable[[], object]]


def _provider(**changed) -> Plant:
    def plant(house: House):
        there = house.realm.at(*_PROVIDERS, "email")
        right = there.get()
        config = {**right["config"], **changed.get("config", {})}
        there.put(body={**right, **changed, "config": config})
        return lambda: there.put(body=right)

    return plant


def _in_realm(**changed) -> Plant:
    def plant(house: House):
        right = house.realm.get()
        house.realm.put(body=changed)
        return lambda: house.realm.put(body={key: right.get(key, "") for key in changed})

    return plant


def _required_email(house: House):
    right = house.realm.get("users", "profile")
    changed = json.loads(json.dumps(right))
    for attribute in changed["attributes"]:
        if attribute["name"] == "email":
            attribute["required"] = {"roles": ["user"]}
    house.realm.put("users", "profile", body=changed)
    return lambda: house.realm.put("users", "profile", body=right)


def _number_that_users_write(house: House):
    right = house.realm.get("users", "profile")
    changed = json.loads(json.dumps(right))
    for attribute in changed["attributes"]:
        if attribute["name"] == "phone_number":
            attribute["permissions"]["edit"] = ["admin", "user"]
    house.realm.put("users", "profile", body=changed)
    return lambda: house.realm.put("users", "profile", body=right)


def _name_alone_for_a_client(house: House):
    """A client's own flow of a Username Form and a second factor that only some users have."""
    head = {
        "alias": "a name",
        "description": "",
        "providerId": "basic-flow",
        "topLevel": True,
        "builtIn": False,
    }
    flow = house.realm.post(*_FLOWS, body=head)
    where = (*_FLOWS, "a name", "executions")
    house.realm.post(*where, "execution", body={"provider": "auth-username-form"})
    house.realm.post(*where, "flow", body={"alias": "if it has one", "type": "basic-flow", "provider": "x"})
    inside = (*_FLOWS, "if it has one", "executions")
    for provider in ("conditional-user-configured", "auth-otp-form"):
        house.realm.post(*inside, "execution", body={"provider": provider})
    for row in house.realm.get(*where):
        requirement = "CONDITIONAL" if row.get("authenticationFlow") else "REQUIRED"
        house.realm.put(*where, body={**row, "requirement": requirement})
    _bind_to_shop(house, flow)

    def undo():
        _bind_to_shop(house, "")
        house.realm.delete(*_FLOWS, flow)

    return undo


def _bind_to_shop(house: House, flow: str) -> None:
    (client,) = house.realm.get("clients", clientId="shop")
    house.realm.put(
        "clients", client["id"], body={**client, "authenticationFlowBindingOverrides": {"browser": flow}}
    )


def _linked_without_proof(house: House):
    where = (*_FLOWS, "passwordless first broker login create or link", "executions")
    execution = house.realm.post(*where, "execution", body={"provider": "idp-auto-link"})
    (row,) = (it for it in house.realm.get(*where) if it["id"] == execution)
    house.realm.put(*where, body={**row, "requirement": "ALTERNATIVE"})
    return lambda: house.realm.delete("authentication", "executions", execution)


def _refusal_switched_off(house: House):
    """What refuses a name without a passkey: the Username Form then stands alone."""
    where = (*_FLOWS, "passwordless browser", "executions")
    (row,) = (
        it for it in house.realm.get(*where) if it["displayName"] == "passwordless browser passkey or nothing"
    )
    body = {**row, "description": row.get("description", "")}
    house.realm.put(*where, body={**body, "requirement": "DISABLED"})
    return lambda: house.realm.put(*where, body=body)


def _another_frontend(house: House):
    attributes = house.realm.get()["attributes"]
    house.realm.put(body={"attributes": {**attributes, "frontendUrl": "https://id.example.net"}})
    return lambda: house.realm.put(body={"attributes": {**attributes, "frontendUrl": ""}})


def _no_key(house: House):
    kind = "org.keycloak.keys.KeyProvider"
    (key,) = house.realm.get("components", type=kind, name="passwordless-es256")
    house.realm.put("components", key["id"], body={**key, "config": {**key["config"], "enabled": ["false"]}})
    return lambda: house.realm.put("components", key["id"], body=key)


def _passkeys_of_anybody(house: House):
    right = policy_of(house.realm.get())
    house.realm.put(body={**right, "webAuthnPolicyPasswordlessUserVerificationRequirement": "discouraged"})
    return lambda: house.realm.put(body=right)


def _stale_texts(house: House):
    name = "passwordlessConnections"
    right = house.realm.get("localization", "de")
    house.realm.post("localization", "de", body={**right, name: "fax"})
    return lambda: house.realm.post("localization", "de", body=right)


def _left_provider(house: House):
    right = house.realm.get(*_PROVIDERS, "email")
    issuer = house.settings.issuer(_REALM, "fax")
    body = {**right, "alias": "fax", "config": {**right["config"], "issuer": issuer}}
    body.pop("internalId")
    house.realm.post(*_PROVIDERS, body=body)
    return lambda: house.realm.delete(*_PROVIDERS, "fax")


def _no_mail_server(house: House):
    house.mail.stop()
    return house.mail.start


def _no_gateway(house: House):
    house.gateway.stop()
    return house.gateway.start


#: What is planted, the check that must find it, and a word of what it says.
FAULTS: dict[str, tuple[Plant, str, str]] = {
    "addresses not trusted": (_provider(trustEmail=False), "identity-provider:email", "trustEmail"),
    "another issuer": (
        _provider(config={"issuer": "https://login.example.net"}),
        "identity-provider:email",
        "config.issuer",
    ),
    "signatures not validated": (
        _provider(config={"validateSignature": "false"}),
        "identity-provider:email",
        "config.validateSignature",
    ),
    "another first login flow": (
        _provider(firstBrokerLoginFlowAlias="first broker login"),
        "identity-provider:email",
        "firstBrokerLoginFlowAlias",
    ),
    "linking without proof": (_linked_without_proof, "first-broker-login-flow", "idp-auto-link"),
    "a name for proof": (_name_alone_for_a_client, "name-alone", "client shop"),
    "the refusal of a name switched off": (_refusal_switched_off, "name-alone", "bound to the realm"),
    "another name of Keycloak's": (_another_frontend, "redirect-uri:email", "id.example.net"),
    "another sign-in flow": (_in_realm(browserFlow="browser"), "login-page", "browserFlow"),
    "another theme": (_in_realm(loginTheme="keycloak"), "login-page", "loginTheme"),
    "a language less": (_in_realm(supportedLocales=["en"]), "languages", "supportedLocales"),
    "a required address": (_required_email, "user-profile", "email"),
    "numbers that users write": (_number_that_users_write, "user-profile", "phone_number"),
    "passkeys that check nobody": (_passkeys_of_anybody, "passkeys", "discouraged, should be required"),
    "stale texts": (_stale_texts, "theme-texts", "passwordlessConnections"),
    "no key for ES256": (_no_key, "signing-key", "key ES256"),
    "a connection left behind": (_left_provider, "left-providers", "fax"),
    "no mail server": (_no_mail_server, "provider:smtp", "not reachable"),
    "no gateway": (_no_gateway, "provider:gateway", "no answer"),
    "a realm switched off": (_in_realm(enabled=False), "admin-api", "disabled"),
}
#: These hide others: nothing is asked of a realm that is off, and a flow that is not bound is copied anew.
_BY_THEMSELVES = {"a realm switched off", "another sign-in flow"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_by_name(house, fault):
    plant, check, word = FAULTS[fault]
    undo = plant(house)
    try:
        found = house.findings()
    finally:
        undo()

    assert check in found, found
    (finding, *_) = (it for it in found[check] if word in it["what"])
    assert finding["why"]
    assert finding["mend"]
    assert house.findings() == {}, "the test's own undoing"


def test_all_of_them_together_are_found_too(house):
    """Of one identity provider four keys are wrong at a time; each undo puts back what it found."""
    planted = {name: it for name, it in FAULTS.items() if name not in _BY_THEMSELVES}
    undoing = [plant(house) for plant, _, _ in planted.values()]
    try:
        found = house.findings()
    finally:
        for undo in reversed(undoing):
            undo()

    missed = [
        name
        for name, (_, check, word) in planted.items()
        if not any(word in it["what"] for it in found.get(check, ()))
    ]
    assert missed == []
    assert len(planted) >= 10


def test_another_theme_of_the_realm_is_its_own_choice(house):
    undo = _in_realm(loginTheme="keycloak")(house)
    try:
        assert house.findings("--theme", "stock") == {}
    finally:
        undo()


def test_a_name_for_proof_in_the_realm_and_in_a_client_profile(house):
    """Wherever such a flow is bound it is one finding, which names each place."""
    undo = _name_alone_for_a_client(house)
    executor = {"executor": "auth-flow-enforcer", "configuration": {"auth-flow-alias": "a name"}}
    profiles = house.realm.get("client-policies", "profiles")
    mine = {"name": "by-name", "description": "", "executors": [executor]}
    house.realm.put("client-policies", "profiles", body={**profiles, "profiles": [mine]})
    house.realm.put(body={"browserFlow": "a name"})
    try:
        found = house.findings()
    finally:
        house.realm.put(body={"browserFlow": "passwordless browser"})
        house.realm.put("client-policies", "profiles", body=profiles)
        undo()

    (finding,) = found["name-alone"]
    assert "the realm, client shop, client profile by-name" in finding["what"]
    assert f"passwordless apply {_REALM}" in finding["mend"]


def test_clocks_apart_are_found(house, tmp_path):
    """The real application in a process whose clock is a minute ahead."""
    port, offset = free_port(), tmp_path / "offset"
    offset.write_text("60")
    internal = {
        "PASSWORDLESS__SERVER__INTERNAL_URL": f"http://127.0.0.1:{port}",
        "PASSWORDLESS__SERVER__EMBEDDED_WORKER": "false",
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.skewed", str(port), str(offset)],
            env={**os.environ, "PASSWORDLESS_SETTINGS": str(house.settings_file), **internal},
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: _is_up(port), "the skewed process")
        ahead = house.findings(**internal)
        offset.write_text("0")
        together = house.findings(**internal)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)

    (finding,) = ahead["clocks"]
    assert finding["severity"] == "problem"
    assert "s ahead of Keycloak's" in finding["what"]
    assert "clocks" not in together


def _is_up(port: int) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(f"http://127.0.0.1:{port}/health/live", timeout=2).ok
    return False


def test_a_sidecar_that_keycloak_can_not_reach_is_found_by_keycloak_itself(house):
    found = house.findings(PASSWORDLESS__SERVER__INTERNAL_URL=f"http://127.0.0.1:{free_port()}")
    assert {"sidecar-from-keycloak:email", "sidecar-from-keycloak:sms"} <= found.keys()
    assert "sidecar-public:email" not in found


def test_a_theme_that_keycloak_has_not_got_is_found(house):
    found = house.findings("--theme", "nonesuch")
    assert found.keys() == {"theme-installed", "login-page"}
    assert "themes/nonesuch" in found["theme-installed"][0]["mend"]


_READS = ("view-realm", "view-clients", "view-identity-providers", "view-users")


@pytest.mark.parametrize("roles", [("realm-admin",), _READS], ids=["all", "reading"])
def test_an_admin_of_the_realm_that_may_only_read_is_enough_and_told_what_was_left_out(house, roles):
    user = house.realm.post(
        "users",
        body={
            "username": "keeper",
            "email": "keeper@acme.example",
            "firstName": "Key",
            "lastName": "Keeper",
            "enabled": True,
            "credentials": [{"type": "password", "value": "of-this-test-run"}],
        },
    )
    (management,) = house.realm.get("clients", clientId="realm-management")
    given = [house.realm.get("clients", management["id"], "roles", role) for role in roles]
    house.realm.post("users", user, "role-mappings", "clients", management["id"], body=given)
    try:
        ended = house.run(
            *("--admin-username", "keeper", "--admin-realm", _REALM),
            KEYCLOAK_ADMIN_PASSWORD="of-this-test-run",
        )
    finally:
        house.realm.delete("users", user)

    # Before, only admins of the realm master see the version.
    sees_version = roles is not _READS and parsed(house.version) >= (26, 5, 4)
    assert ended.exit_code == (1 if sees_version and house.open_advisories else 0), ended.output
    left_out = ("which takes the role manage-realm", "which takes the role manage-identity-providers")
    assert [it in ended.stdout for it in left_out] == [not sees_version, roles is _READS]


def test_a_wrong_password_and_a_realm_that_is_not_there_leave_the_rest_to_be_looked_at(house):
    refused = house.findings(KEYCLOAK_ADMIN_PASSWORD="wrong")
    assert refused.keys() == {"admin-api"}
    assert "refused to sign in" in refused["admin-api"][0]["what"]
    missing = house.run(realm=_GHOST)
    assert missing.exit_code == 1
    assert f"Keycloak has no realm '{_GHOST}'" in missing.stdout
    assert f"passwordless apply {_GHOST} --create" in missing.stdout
    assert "ok       provider smtp answers" in missing.stdout
