"""Which account a proven address opens: each case of the policies, and what is left where something goes wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.errors import AccountStopped, KeycloakUnavailable, SettingsError
from sidecar.login.redeem import redeem
from sidecar.login.verify import verify
from sidecar.model.account import Found, Holder
from sidecar.model.events import Event
from sidecar.model.proof import EMAIL, USERNAME
from sidecar.oidc.claims import id_token_claims
from tests.flow import caller, find, right_code, start
from tests.ledger import events_of

_ADDRESS = "ada@example.org"
_BOB = Holder(user_id="bob", is_enabled=True, is_verified=True, is_ours=True, linked_as="")


class Town:
    """`login.ports.Users` over a few users in memory, who can be made to change while they are looked at."""

    def __init__(self, *holders: Holder, is_name: bool = False) -> None:
        self.holders = {it.user_id: it for it in holders}
        self.is_name = is_name
        self.is_away = False
        self.did: list[str] = []
        self.after_link = lambda: None
        self.after_strip = lambda: None

    def find(self, realm: str, address: str, *, alias: str) -> Found:
        self._answer()
        assert (realm, address, alias) == ("acme", _ADDRESS, "email")
        return Found(holders=tuple(self.holders.values()), is_name=self.is_name)

    def linked(self, _realm: str, _alias: str, subject_id: str) -> bool:
        self._answer()
        return any(it.linked_as == subject_id for it in self.holders.values())

    def link(self, _realm: str, user_id: str, *, subject_id: str, **_: str) -> None:
        self._answer()
        if not self.holders[user_id].linked_as:
            self.change(user_id, linked_as=subject_id)
        self.did.append(f"link {user_id}")
        self.after_link()

    def unlink(self, _realm: str, user_id: str, *, subject_id: str, **_: str) -> None:
        if user_id in self.holders and self.holders[user_id].linked_as == subject_id:
            self.change(user_id, linked_as="")
        self.did.append(f"unlink {user_id}")

    def strip(self, _realm: str, user_id: str, **_: str) -> bool:
        self._answer()
        self.did.append(f"strip {user_id}")
        del self.holders[user_id]
        self.after_strip()
        return True

    def change(self, user_id: str, **changed: object) -> None:
        self.holders[user_id] = replace(self.holders[user_id], **changed)

    def _answer(self) -> None:
        if self.is_away:
            raise KeycloakUnavailable("away")


def said(parts, kind: Event) -> list[str]:
    return [event.detail for event in events_of(parts, kind)]


@pytest.fixture
def prove(parts):
    """Prove the address by its code, under a policy and with these users; the claims that Keycloak gets."""

    def prove(town: Town | None, linking: str = "verified", *, unverified: str = "stop", challenge=None):
        realm = parts.settings.realms["acme"]
        connections = {**realm.connections, "email": replace(realm.connections["email"], linking=linking)}
        realms = {"acme": replace(realm, connections=connections, unverified_holder=unverified)}
        room = replace(parts.room(), settings=replace(parts.settings, realms=realms), users=town)
        challenge = challenge or start(parts)
        code = right_code(parts, challenge)
        verified = verify(room, challenge=challenge, unverified_code=code, caller=caller())
        grant = redeem(room, realm="acme", connection="email", unverified_auth_code=verified.raw_auth_code)
        return id_token_claims(grant, issuer="https://login.example.org/realms/acme/email")

    return prove


def test_prompt_asks_nobody(prove):
    claims = prove(None, "prompt")
    assert (claims["email"], claims["preferred_username"]) == (_ADDRESS, _ADDRESS)


def test_the_one_who_has_it_verified_is_linked_once(prove, parts):
    town = Town(_BOB)
    subject_id = prove(town)["sub"]
    assert town.holders["bob"].linked_as == subject_id
    prove(town)
    assert town.did == ["link bob"]
    assert said(parts, Event.ACCOUNT_LINKED) == ["user bob"]


def test_nobody_has_it(prove):
    claims = prove(Town())
    assert (claims["email"], claims["email_verified"], claims["preferred_username"]) == (
        _ADDRESS,
        True,
        _ADDRESS,
    )


def test_a_name_proves_nothing_and_is_left_to_whom_has_it(prove):
    town = Town(is_name=True)
    claims = prove(town)
    assert (claims["passwordless_email"], claims["preferred_username"]) == (_ADDRESS, claims["sub"])
    assert "email" not in claims
    assert town.did == []


@pytest.mark.parametrize(
    ("holders", "why"),
    [
        ([replace(_BOB, is_verified=False)], "user bob has the address unverified"),
        ([replace(_BOB, is_enabled=False)], "user bob is disabled"),
        ([replace(_BOB, is_enabled=False, is_verified=False)], "user bob is disabled"),
        ([_BOB, replace(_BOB, user_id="eve")], "several users have the address: bob, eve"),
        ([_BOB, replace(_BOB, user_id="eve", is_verified=False)], "several users have the address: bob, eve"),
    ],
)
@pytest.mark.parametrize("unverified", ["stop", "strip"])
def test_anybody_else_stops_the_login_and_the_code_is_not_used_up(prove, parts, holders, why, unverified):
    if unverified == "strip" and why.endswith("unverified"):
        return
    town, challenge = Town(*holders), start(parts)
    with pytest.raises(AccountStopped, match=why):
        prove(town, unverified=unverified, challenge=challenge)
    assert town.did == []
    assert find(parts, challenge).used_at is None
    assert said(parts, Event.ACCOUNT_STOPPED) == [why]
    assert said(parts, Event.CODE_ACCEPTED) == []


def test_who_has_it_unverified_is_stripped_before_the_owner_comes_in(prove, parts):
    town = Town(replace(_BOB, is_verified=False))
    claims = prove(town, unverified="strip")
    assert (town.did, claims["email"]) == (["strip bob"], _ADDRESS)
    assert said(parts, Event.ACCOUNT_STRIPPED) == ["user bob"]


def test_a_user_of_a_federation_is_not_ours_to_strip(prove):
    town = Town(replace(_BOB, is_verified=False, is_ours=False))
    with pytest.raises(AccountStopped):
        prove(town, unverified="strip")
    assert town.did == []


def test_another_subjects_account_is_left_to_keycloaks_question(prove):
    town = Town(replace(_BOB, linked_as="email.another"), is_name=True)
    claims = prove(town)
    assert (town.did, claims["preferred_username"], claims["email"]) == ([], _ADDRESS, _ADDRESS)


def test_who_was_linked_before_comes_in_whatever_the_account_says_now(prove):
    town = Town(_BOB)
    prove(town)
    town.change("bob", is_verified=False, is_enabled=False)
    prove(town, unverified="strip")
    assert town.did == ["link bob"]


@pytest.mark.parametrize(
    "change",
    [{"is_verified": False}, {"is_enabled": False}, {"linked_as": "email.another"}, None],
    ids=["unverified", "disabled", "linked with another", "gone"],
)
def test_a_user_who_changes_while_being_linked_is_unlinked_and_nobody_comes_in(prove, parts, change):
    town = Town(_BOB)
    town.after_link = lambda: town.change("bob", **change) if change else town.holders.pop("bob")
    with pytest.raises(AccountStopped, match="changed while it was linked"):
        prove(town)
    assert town.did == ["link bob", "unlink bob"]
    assert [it.linked_as for it in town.holders.values()] in ([], [""], ["email.another"])
    assert said(parts, Event.AUTH_CODE_REDEEMED) == []


def test_a_second_holder_who_appears_meanwhile_stops_it(prove):
    town = Town(_BOB)
    town.after_link = lambda: town.holders.update(eve=replace(_BOB, user_id="eve"))
    with pytest.raises(AccountStopped):
        prove(town)
    assert town.holders["bob"].linked_as == ""


def test_an_address_that_is_taken_again_while_it_is_freed_stops_it(prove):
    town = Town(replace(_BOB, is_verified=False))
    town.after_strip = lambda: town.holders.update(eve=replace(_BOB, user_id="eve", is_verified=False))
    with pytest.raises(AccountStopped, match="changed while it was stripped"):
        prove(town, unverified="strip")


@pytest.mark.parametrize("linking", ["verified", "separate"])
def test_without_keycloak_nothing_is_granted_and_the_code_is_good_for_another_try(prove, parts, linking):
    town, challenge = Town(), start(parts)
    town.is_away = True
    with pytest.raises(KeycloakUnavailable):
        prove(town, linking, challenge=challenge)
    assert find(parts, challenge).used_at is None
    town.is_away = False
    assert prove(town, linking, challenge=challenge)["sub"]


def test_keycloak_that_goes_away_after_the_spending_grants_nothing_and_the_next_login_does_it(prove, parts):
    town = Town(_BOB)

    def go_away() -> None:
        town.is_away = True

    town.after_link = go_away
    with pytest.raises(KeycloakUnavailable):
        prove(town)
    assert said(parts, Event.AUTH_CODE_REDEEMED) == []
    town.is_away = False
    assert prove(town)["sub"] == town.holders["bob"].linked_as
    assert town.did == ["link bob"]


def test_separate_has_a_name_of_its_own_and_the_address_while_it_is_free(prove):
    claims = prove(Town(), "separate")
    assert (claims["email"], claims["preferred_username"]) == (_ADDRESS, claims["sub"])
    assert "passwordless_email" not in claims


@pytest.mark.parametrize("town", [Town(_BOB), Town(is_name=True), Town(replace(_BOB, is_verified=False))])
def test_separate_leaves_the_address_to_whom_has_it(prove, town):
    claims = prove(town, "separate", unverified="strip")
    assert (claims["passwordless_email"], claims["preferred_username"]) == (_ADDRESS, claims["sub"])
    assert not {"email", "email_verified"} & set(claims)
    assert town.did == []


def test_a_policy_that_needs_an_account_is_refused_at_start(settings_for):
    for linking in ("verified", "separate"):
        with pytest.raises(
            SettingsError, match=r"realms\.acme\.connections\.email\.linking.*service_account = true"
        ):
            settings_for("sqlite:///unused.db", REALMS__ACME__CONNECTIONS__EMAIL__LINKING=linking)
        settings_for(
            "sqlite:///unused.db",
            REALMS__ACME__CONNECTIONS__EMAIL__LINKING=linking,
            REALMS__ACME__SERVICE_ACCOUNT="true",
        )


def test_claims_have_the_names_of_openid_connect():
    assert {EMAIL, USERNAME} == {"email", "preferred_username"}
