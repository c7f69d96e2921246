"""The realm's policy for passkeys: set, held to, and given back as it was."""

from __future__ import annotations

import json

import pytest

from sidecar.keycloak import RealmFile, apply_realm, plan_realm, remove_realm
from sidecar.keycloak.desired import desired_realm
from sidecar.keycloak.passkeys import REGISTRATION, Passkeys, RestoredPasskeys, policy_of
from tests.keycloak.realms import Budgeted, Interrupted, pending, state

_PREFIX = "webAuthnPolicyPasswordless"
_ACTION = ("authentication", "required-actions", REGISTRATION)
#: A realm with choices of its own.
_OWN = {f"{_PREFIX}UserVerificationRequirement": "discouraged", f"{_PREFIX}ResidentKey": "discouraged"}


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

    passkeys.do()

    assert _policy(realm) == {
        "PasskeysEnabled": True,
        "RequireResidentKey": "Yes",
        "UserVerificationRequirement": "required",
    }
    assert not passkeys.check().is_pending
    RestoredPasskeys(realm=realm).do()
    assert _policy(realm)["RequireResidentKey"] == "not specified"


@pytest.mark.keycloak
def test_switched_on_and_off_the_realm_is_what_it_was(admin, realm, realm_name, own_settings):
    realm.put(body={**realm.get(), **_OWN})
    realm.put(*_ACTION, body={**realm.get(*_ACTION), "enabled": False})
    before, policy = state(realm), _policy(realm)
    on, off = own_settings(passkeys="allow"), own_settings(passkeys="off")

    assert "passkeys" in pending(apply_realm(admin, on, realm_name, theme="stock"))

    now = _policy(realm)
    assert (now["PasskeysEnabled"], now["Mediation"]) == (True, "conditional")
    assert (now["ResidentKey"], now["UserVerificationRequirement"]) == ("required", "required")
    assert now["RpId"] == policy["RpId"]
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
    admin, realm, realm_name, own_settings
):
    policy = _policy(realm)
    settings = own_settings(passkeys="allow")
    apply_realm(admin, settings, realm_name, theme="stock")
    realm.put(body={**realm.get(), f"{_PREFIX}Mediation": "none"})
    (line,) = [it for it in plan_realm(admin, settings, realm_name, theme="stock") if it.is_pending]
    assert line.detail == (f"{_PREFIX}Mediation: none → conditional",)

    while True:
        try:
            remove_realm(Budgeted.over(admin, writes=1), settings, realm_name, theme="stock")
            break
        except Interrupted:
            pass

    assert _policy(realm) == {**policy, "Mediation": "none"}
    assert not [name for name in realm.get()["attributes"] if name.startswith("passwordless")]
