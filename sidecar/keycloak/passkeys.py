"""Passkeys of a realm: its policy for them and the action that registers one, and giving both back as they were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.keycloak.admin import Admin
from sidecar.keycloak.change import Change, differences
from sidecar.keycloak.step import settled

#: Keycloak's required action in which a user registers a passkey; an application may ask for it (`kc_action`), too.
REGISTRATION = "webauthn-register-passwordless"
#: Realm attribute: what the realm had, and what we put in its place, as JSON.
NOTE = "passwordless.previousPasskeys"
_PREFIX = "webAuthnPolicyPasswordless"
_NAMES_OWNER, _NAMED_OWNER_BEFORE = f"{_PREFIX}ResidentKey", f"{_PREFIX}RequireResidentKey"
_OFFERED = f"{_PREFIX}Mediation"
_SINCE_26_7 = {_NAMES_OWNER, _OFFERED}
_ACTIONS = ("authentication", "required-actions")
_ACTION_KEY = "registration"


def policy_of(realm: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a realm's representation that are about passkeys.

    Keycloak takes them as one: an update with some of them changes nothing, and takes what is left out for not set.
    """
    return {key: value for key, value in realm.items() if key.startswith(_PREFIX)}


def known_here(desired: Mapping[str, Any], actual: Mapping[str, Any]) -> dict[str, Any]:
    """The desired policy in the keys that this Keycloak knows, by what it says of its realm.

    Before 26.7 another key says whether a passkey names its owner, and autofill is not chosen but always there; a key
    that it does not know is an error.
    """
    if _NAMES_OWNER in actual:
        return dict(desired)
    older = {key: value for key, value in desired.items() if key not in _SINCE_26_7}
    return older | ({_NAMED_OWNER_BEFORE: "Yes"} if desired.get(_NAMES_OWNER) == "required" else {})


def _left_out(desired: Mapping[str, Any], actual: Mapping[str, Any]) -> tuple[str, ...]:
    """A word of what this Keycloak has no key for."""
    if _OFFERED not in desired or _OFFERED in known_here(desired, actual):
        return ()
    return (
        f"{_OFFERED}: left out, Keycloak has it since 26.7; before, passkeys are always offered in the field",
    )


@dataclass(frozen=True, kw_only=True)
class Passkeys:
    """People sign in with a passkey that names them and checks its holder; other keys of the policy stay.

    What the realm had is noted on it with the first change; of keys that a newer Keycloak brought, when they are set.
    """

    realm: Admin
    desired: Mapping[str, Any]
    what: str = "passkeys"

    def check(self) -> Change:
        actual = self.realm.get()
        found = (*differences(known_here(self.desired, actual), actual), *self._action())
        return settled(self.what, (*found, *_left_out(self.desired, actual)) if found else ())

    def do(self) -> None:
        actual = self.realm.get()
        desired = known_here(self.desired, actual)
        # Keycloak drops the attributes that an update leaves out, so all go along.
        attributes = {**actual.get("attributes", {}), **self._note(actual, desired)}
        self.realm.put(body={**policy_of(actual), **desired, "attributes": attributes})
        _enable(self.realm, is_on=True)

    def _note(self, actual: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, str]:
        noted = _noted(actual)
        if noted is None:
            if NOTE in actual.get("attributes", {}):
                return {}
            noted = {"was": {_ACTION_KEY: is_enabled(self.realm)}, "ours": {}}
        was = {key: actual.get(key) for key in desired if key not in noted["ours"]}
        note = {"was": was | noted["was"], "ours": {**desired, **noted["ours"]}}
        return {NOTE: json.dumps(note, sort_keys=True)}

    def _action(self) -> tuple[str, ...]:
        return () if is_enabled(self.realm) else (f"{REGISTRATION}: off → on",)


@dataclass(frozen=True, kw_only=True)
class RestoredPasskeys:
    """What the realm had before we changed it, where it is as we made it; without our note, nothing."""

    realm: Admin
    what: str = "passkeys"

    def check(self) -> Change:
        actual = self.realm.get()
        if _noted(actual) is None:
            return Change(kind="keep", what=self.what)
        detail = differences(self._wanted(actual), actual)
        return Change(kind="change", what=self.what, detail=detail or ("their note goes",))

    def do(self) -> None:
        actual = self.realm.get()
        noted = _noted(actual)
        if noted is None:
            return
        if not noted["was"].get(_ACTION_KEY, True):
            _enable(self.realm, is_on=False)
        # An update without an attribute drops it.
        attributes = {key: value for key, value in actual["attributes"].items() if key != NOTE}
        policy = {**policy_of(actual), **self._wanted(actual)}
        self.realm.put(body={**{k: v for k, v in policy.items() if v is not None}, "attributes": attributes})

    @staticmethod
    def _wanted(actual: Mapping[str, Any]) -> dict[str, Any]:
        noted = _noted(actual) or {"was": {}, "ours": {}}
        return {
            key: noted["was"].get(key) for key, value in noted["ours"].items() if actual.get(key) == value
        }


def is_enabled(realm: Admin) -> bool:
    """Whether users of the realm can register a passkey."""
    return bool((realm.find(*_ACTIONS, REGISTRATION) or {}).get("enabled"))


def _enable(realm: Admin, *, is_on: bool) -> None:
    action = realm.find(*_ACTIONS, REGISTRATION)
    if action is None:
        provider = {"providerId": REGISTRATION, "name": "Webauthn Register Passwordless"}
        realm.post("authentication", "register-required-action", body=provider)
        action = realm.get(*_ACTIONS, REGISTRATION)
    if action["enabled"] != is_on:
        realm.put(*_ACTIONS, REGISTRATION, body={**action, "enabled": is_on})


def _noted(actual: Mapping[str, Any]) -> dict[str, dict[str, Any]] | None:
    """Our note; one that somebody else wrote counts as none."""
    try:
        note = json.loads(actual.get("attributes", {}).get(NOTE, ""))
        return {"was": dict(note["was"]), "ours": dict(note["ours"])}
    except (ValueError, TypeError, KeyError):
        return None
