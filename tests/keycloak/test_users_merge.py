"""`passwordless users merge` on a real realm, cut off after each write, and what Keycloak makes of logins then."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from sidecar.app import Parts
from sidecar.cli import main
from sidecar.keycloak import RealmUsers, apply_realm
from sidecar.store.links import SqlLinks
from sidecar.users.ports import Candidate
from tests.keycloak.browsing import CLIENT, Browser
from tests.keycloak.provider import Provider, running
from tests.keycloak.realms import Budgeted, Interrupted

pytestmark = pytest.mark.keycloak

_PASSWORD = "correct-Horse-7-battery"


@pytest.fixture
def provider(keycloak_url, realm_name):
    """The sidecar's place, taken by one that signs in whom `claims` says."""
    with running(Provider(keycloak_url, realm_name)) as provider:
        yield provider


@pytest.fixture
def parts(admin, own_settings, provider, sqlite_url):
    """Over the settings that the command reads; they are written after those of `admin`."""
    more = f'[database]\nurl = "{sqlite_url}"'
    settings = own_settings(public_url=provider.url, connections=("email", "sms"), more=more)
    parts = Parts.build(settings)
    yield parts
    parts.database.dispose()


@pytest.fixture
def subjects(parts, admin, realm, realm_name):
    """A realm with Ada (an address) and an older profile of hers (an address, a number, another identity).

    User id → subject in the connection `email`.
    """
    apply_realm(admin, parts.settings, realm_name, theme="stock")
    realm.post("clients", body=CLIENT)
    social = {"clientId": "x", "clientSecret": "x"}
    social |= {"authorizationUrl": "https://social.example/a", "tokenUrl": "https://social.example/t"}
    realm.post(
        "identity-provider",
        "instances",
        body={"alias": "social", "providerId": "oidc", "enabled": True, "config": social},
    )
    links, users = SqlLinks(parts.database), RealmUsers(realm)
    found = {}
    for name, number in (("ada", ""), ("old", "+447400123456")):
        user = realm.post(
            "users",
            body={
                "username": name,
                "email": f"{name}@acme.example",
                "emailVerified": True,
                "enabled": True,
                "credentials": [{"type": "password", "value": _PASSWORD}],
            },
        )
        for alias, address in (("email", f"{name}@acme.example"), ("sms", number)):
            if address:
                wanted = [(Candidate(user, name, address, address), f"{alias}.{name}")]
                links.reserve(realm_name, alias, wanted, quiet_s=0)
                _link(realm, user, alias, f"{alias}.{name}", address)
        found[user] = f"email.{name}"
    _link(realm, list(found)[1], "social", "s-2", "ada.social")
    assert users.identities(list(found)[1])
    return found


def _link(realm, user: str, alias: str, subject: str, name: str) -> None:
    body = {"identityProvider": alias, "userId": subject, "userName": name}
    realm.post("users", user, "federated-identity", alias, body=body)


@pytest.fixture
def environment(tmp_path, keycloak_admin):
    return {
        "PASSWORDLESS_SETTINGS": str(tmp_path / "passwordless.toml"),
        "KEYCLOAK_ADMIN_PASSWORD": keycloak_admin[1],
    }


@pytest.fixture
def command(subjects, realm_name, environment, keycloak_admin):
    username, _ = keycloak_admin

    def run(*options: str):
        arguments = ["users", "merge", realm_name, "--admin-username", username, *options]
        return CliRunner().invoke(main, arguments, env=environment)

    return run


@pytest.fixture
def sign_in(provider, keycloak_url, realm_name, realm):
    """Sign in by a connection as that subject: who is in, or `refused`; somebody new is an error."""

    def run(alias: str, subject: str) -> str:
        before = {user["id"] for user in realm.get("users")}
        provider.claims = {"sub": subject, "preferred_username": subject}
        page = Browser().sign_in(keycloak_url, realm_name, kc_idp_hint=alias)
        assert {user["id"] for user in realm.get("users")} == before, "somebody new"
        if not page.code:
            return "refused"
        return next(
            user["username"] for user in realm.get("users") if realm.get("users", user["id"], "sessions")
        )

    return run


def test_two_profiles_become_one_and_two_again(command, subjects, realm, parts, *, sign_in, environment):
    ada, old = subjects
    realm_name = realm.get()["realm"]
    with_session = sign_in("email", "email.old")
    looked = command("--from", "old", "--into", "ada@acme.example", "--dry-run")
    assert looked.exit_code == 1, looked.output
    assert "moves    +447400123456 (sms)" in looked.output
    assert "lost     the secondary's password" in looked.output
    assert "No command takes this back" in looked.output

    listed = command("--from", "old", "--into", "ada", "--dry-run", "--json")
    done = command("--from", "old@acme.example", "--into", "ada", "--yes")
    again = command("--from", old, "--into", ada, "--yes")

    assert done.exit_code == 0, done.output
    assert (again.exit_code, "Nothing to do." in again.output) == (0, True)
    assert with_session == "old"
    assert realm.get("users", old, "sessions") == []
    assert "refused" == sign_in("email", "email.old") == sign_in("sms", "sms.old")
    merges = parts.merging(lambda _: RealmUsers(realm)).merges
    held = {each.alias: each.subject_id for each in RealmUsers(realm).identities(ada)}
    assert held["social"] == "s-2"
    assert ["ada@acme.example", "old@acme.example"] == merges.addresses(realm_name, "email", "email.ada")
    assert ["+447400123456"] == merges.addresses(realm_name, "sms", held["sms"])
    assert "ada" == sign_in("sms", held["sms"])
    assert realm.get("users", old).get("email") is None
    early = command("--from", old, "--delete-secondary", "--yes")
    assert early.exit_code == 2
    assert "an hour ago" in early.output

    _take_back(realm, subjects, json.loads(listed.stdout)["restoring"], environment)
    realm.post("users", ada, "logout", body={})
    ((_, subject),) = merges.subjects(realm_name, "old@acme.example")
    assert sign_in("email", subject) == "old"
    assert {each.alias for each in RealmUsers(realm).identities(old)} == {"email", "social"}


def _take_back(realm, subjects, steps: list[str], environment) -> None:
    """By hand, as the command lists it."""
    ada, old = subjects
    assert [step for step in steps if step.startswith("in Keycloak")] == [
        f"in Keycloak, take the identity ada.social of social from {ada} and give it to {old}",
        f"in Keycloak, take from {old} what it is linked with by email, sms",
        f"in Keycloak, give {old} the email address old@acme.example, verified",
        f"in Keycloak, enable {old}",
    ]
    by_us = [step.split()[1:] for step in steps if step.startswith("passwordless")]
    for step in (it for it in by_us if it[0] == "erase"):
        assert CliRunner().invoke(main, step, env=environment).exit_code == 0
    realm.delete("users", ada, "federated-identity", "social")
    _link(realm, old, "social", "s-2", "ada.social")
    for alias in ("email", "sms"):
        realm.delete("users", old, "federated-identity", alias)
    realm.put("users", old, body={"email": "old@acme.example", "emailVerified": True})
    realm.put("users", old, body={"enabled": True})
    (linking,) = (it for it in by_us if it[0] == "users" and it[-1] == "email")
    linked = CliRunner().invoke(main, [*linking, "--admin-username", "admin", "--yes"], env=environment)
    assert linked.exit_code == 0, linked.output


def test_cut_off_after_each_write_it_goes_on_and_no_login_ends_in_between(
    subjects, realm, realm_name, parts, sign_in
):
    ada, old = subjects
    merges = parts.merging(lambda _: RealmUsers(realm)).merges
    runs = 0
    while True:
        runs += 1
        assert runs < 20, "no progress"
        budgeted = Budgeted.over(realm, writes=runs)
        merging = parts.merging(lambda name, admin=budgeted: RealmUsers(admin.at("realms", name)))
        try:
            merging.carry_out(merging.plan(realm_name, into=ada, from_=old), by="operator")
            break
        except Interrupted:
            pass
        for alias, address in (("email", "old@acme.example"), ("sms", "+447400123456")):
            ((_, subject),) = merges.subjects(realm_name, address)
            assert sign_in(alias, subject) in {"ada", "refused"}, (runs, alias)
            realm.post("users", ada, "logout", body={})

    assert runs > 3
    for alias, address in (("email", "old@acme.example"), ("sms", "+447400123456")):
        ((_, subject),) = merges.subjects(realm_name, address)
        assert "ada" == sign_in(alias, subject)
    assert {"email", "sms", "social"} == {each.alias for each in RealmUsers(realm).identities(ada)}


def test_what_is_refused_is_said_and_nothing_is_changed(command, subjects, realm, keycloak_url, realm_name):
    ada, old = subjects
    realm.put("users", old, body={"enabled": False})

    refused = command("--from", "old", "--into", "ada", "--yes")
    as_json = command("--from", "old", "--into", "ada", "--yes", "--json")

    assert (refused.exit_code, as_json.exit_code) == (2, 2)
    assert "enable it first" in refused.output
    assert len(json.loads(as_json.stdout)["refusals"]) == 1
    assert {each.alias for each in RealmUsers(realm).identities(ada)} == {"email"}
    assert "has no user 'nobody'" in command("--from", "nobody", "--into", "ada", "--yes").output

    # Keycloak's lock would end with the merge.
    realm.put("users", old, body={"enabled": True})
    realm.put(body={"bruteForceProtected": True, "failureFactor": 1, "waitIncrementSeconds": 600})
    realm.put(body={"browserFlow": "browser"})
    browser = Browser()
    page = browser.sign_in(keycloak_url, realm_name)
    for _ in range(3):
        page = browser.send(page.action, {"username": "old", "password": "wrong"})
    assert realm.get("attack-detection", "brute-force", "users", old)["disabled"]

    refused = command("--from", "old", "--into", "ada", "--yes")

    assert refused.exit_code == 2
    assert "locked for now" in refused.output
    assert {each.alias for each in RealmUsers(realm).identities(ada)} == {"email"}
