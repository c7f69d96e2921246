"""The realm's policy for passkeys: set, held to, and given back as it was."""

from __future__ import annotations

import json

import pytest

from sidecar.keycloak import RealmFile, apply_realm, plan_realm, remove_realm
from sidecar.keycloak.desired import desired_realm
from sidecar.keycloak.passkeys import REGISTRATION, Passkeys, RestoredPasskeys, policy_of
from sidecar.keycloak.versions import is_before
from tests.keycloak.realms import Budgeted, Interrupted, pending, state

_PREFIX = "webAuthnPolicyPasswordless"
_ACTION = ("authentication", "required-actions", REGISTRATION)
#: A realm with choices of its own, and what is made of them; by whether Keycloak is older than 26.7.
_OWN = {
    False: {"UserVerificationRequirement": "discouraged", "ResidentKey": "discouraged"},
    True: {"UserVerificationRequirement": "discouraged", "RequireResidentKey": "No"},
}
_OURS = {
    False: {"ResidentKey": "required", "Mediation": "conditional"},
    True: {"RequireResidentKey": "Yes"},
}
_OURS_ANYWHERE = {"PasskeysEnabled": True, "UserVerificationRequirement": "required"}


@pytest.fixture
def is_older(admin) -> bool:
    return is_before(admin.get("serverinfo")["systemInfo"]["version"], "26.7")


def _keys(policy: dict) -> dict:
    return {f"{_PREFIX}{name}": value for name, value in policy.items()}


def _policy(realm) -> dict:
    return {key.removeprefix(_PREFIX): value for key, value in realm.get().items() if key.startswith(_PREFIX)}


def test_a_realm_that_says_nothing_keeps_its_own(make_settings):
    assert _PREFIX not in json.dumps(desired_realm(make_settings(), "acme"))
    assert _PREFIX in json.dumps(desired_realm(make_settings(passkeys="allow"), "acme"))


def test_a_keycloak_before_26_7_is_asked_for_a_passkey_in_its_own_words(make_settings):
    """It has no key for mediation, another one for the name of the owner, and refuses what it does not know."""
    before = {"realm": "acme", "attributes": {}, f"{_PREFIX}RequireResidentKey": "not specified"}
    realm = RealmFile({**before}).at("realms", "acme")
    passkeys = Passkeys(
        realm=realm, desired=policy_of(desired_realm(make_settings(passkeys="allow"), "acme"))
    )

    (word,) = [it for it in passkeys.check().detail if "Mediation" in it]
    assert "left out, Keycloak has it since 26.7" in word
    passkeys.do()

    assert _policy(realm) == {
        "PasskeysEnabled": True,
        "RequireResidentKey": "Yes",
        "UserVerificationRequirement": "required",
    }
    assert not passkeys.check().is_pending
    RestoredPasskeys(realm=realm).do()
    assert _policy(realm)["RequireResidentKey"] == "not specified"


def test_after_an_upgrade_the_new_keys_are_set_noted_and_given_back(make_settings):
    before = {"realm": "acme", "attributes": {}, f"{_PREFIX}RequireResidentKey": "No"}
    realm = RealmFile({**before}).at("realms", "acme")
    desired = policy_of(desired_realm(make_settings(passkeys="allow"), "acme"))
    Passkeys(realm=realm, desired=desired).do()
    realm.put(body=_keys({"ResidentKey": "discouraged", "Mediation": "none"}))

    passkeys = Passkeys(realm=realm, desired=desired)
    assert len(passkeys.check().detail) == 2
    passkeys.do()

    assert (_policy(realm)["ResidentKey"], _policy(realm)["Mediation"]) == ("required", "conditional")
    assert not passkeys.check().is_pending
    RestoredPasskeys(realm=realm).do()
    restored = _policy(realm)
    assert (restored["ResidentKey"], restored["Mediation"]) == ("discouraged", "none")
    assert restored["RequireResidentKey"] == "No"


@pytest.mark.keycloak
def test_switched_on_and_off_the_realm_is_what_it_was(admin, realm, realm_name, own_settings, is_older):
    realm.put(body={**realm.get(), **_keys(_OWN[is_older])})
    realm.put(*_ACTION, body={**realm.get(*_ACTION), "enabled": False})
    before, policy = state(realm), _policy(realm)
    on, off = own_settings(passkeys="allow"), own_settings(passkeys="off")

    assert "passkeys" in pending(apply_realm(admin, on, realm_name, theme="stock"))

    now = _policy(realm)
    ours = _OURS_ANYWHERE | _OURS[is_older]
    assert now == policy | ours | ({} if is_older else {"RequireResidentKey": now["RequireResidentKey"]})
    assert ("Mediation" in now) is not is_older
    assert realm.get(*_ACTION)["enabled"]
    assert pending(plan_realm(admin, on, realm_name, theme="stock")) == []

    assert pending(apply_realm(admin, off, realm_name, theme="stock")) == ["passkeys"]
    assert _policy(realm) == policy
    assert not realm.get(*_ACTION)["enabled"]
    assert pending(plan_realm(admin, off, realm_name, theme="stock")) == []
    remove_realm(admin, off, realm_name, theme="stock")
    assert state(realm) == before


@pytest.mark.keycloak
def test_removing_gives_it_back_wherever_it_was_interrupted_but_not_what_was_changed_since(
    admin, realm, realm_name, own_settings, is_older
):
    policy = _policy(realm)
    settings = own_settings(passkeys="allow")
    apply_realm(admin, settings, realm_name, theme="stock")
    key, theirs, ours = (
        ("UserVerificationRequirement", "preferred", "required")
        if is_older
        else ("Mediation", "none", "conditional")
    )
    realm.put(body={**realm.get(), f"{_PREFIX}{key}": theirs})
    (line,) = [it for it in plan_realm(admin, settings, realm_name, theme="stock") if it.is_pending]
    assert line.detail[0] == f"{_PREFIX}{key}: {theirs} → {ours}"
    assert [("left out" in it) for it in line.detail[1:]] == [True] * is_older

    while True:
        try:
            remove_realm(Budgeted.over(admin, writes=1), settings, realm_name, theme="stock")
            break
        except Interrupted:
            pass

    assert _policy(realm) == {**policy, key: theirs}
    assert not [name for name in realm.get()["attributes"] if name.startswith("passwordless")]
