"""The linking policies on the real Keycloak, through the running sidecar and the code of a real message."""

from __future__ import annotations

import secrets
import threading

import pytest

from sidecar.keycloak import Accounts, KeycloakUsers, plan_realm
from sidecar.keycloak.account_checks import examine_addresses
from tests.keycloak.browsing import Browser
from tests.keycloak.linked import APART, ASKS, LINKS, PASSWORD, STRIPS, House
from tests.keycloak.realms import pending

pytestmark = pytest.mark.keycloak


def _address(name: str = "ada") -> str:
    return f"{name}-{secrets.token_hex(4)}@example.org"


def _number() -> str:
    return f"+447400{secrets.randbelow(10**6):06d}"


def test_the_verified_account_is_linked_and_its_owner_is_in(house: House):
    address = _address()
    user = house.user(LINKS, address)

    _, page = house.prove(LINKS, address)

    assert house.whose(LINKS, page)["sub"] == user
    assert house.identities(LINKS, user) == ["email"]
    _, again = house.prove(LINKS, address)
    assert house.whose(LINKS, again)["sub"] == user
    assert len(house.realm(LINKS).get("users", email=address)) == 1


def test_prompt_has_the_same_account_proven(house: House):
    address = _address()
    user = house.user(ASKS, address)
    person, page = house.prove(ASKS, address)
    assert (page.code, page.name) == (None, "login-login-idp-link-confirm")
    page = person.send(page.action, {"submitAction": "linkAccount"})
    username = house.realm(ASKS).get("users", user)["username"]
    page = person.send(page.action, {"username": username, "password": PASSWORD})
    assert house.whose(ASKS, page)["sub"] == user


@pytest.mark.parametrize("linking", [LINKS, APART])
def test_somebody_new_is_a_new_user_without_a_question(house: House, linking):
    address = _address()
    _, page = house.prove(linking, address)
    claims = house.whose(linking, page)
    assert (claims["email"], claims["email_verified"]) == (address, True)


def test_a_number_that_an_admin_attested_is_linked(house: House):
    """Others for whom it was only typed don't stand in its owner's way."""
    number = _number()
    house.user(LINKS, attributes={"phone_number": [number], "phone_number_verified": ["false"]})
    user = house.user(LINKS, attributes={"phone_number": [number], "phone_number_verified": ["true"]})

    _, page = house.prove(LINKS, number)

    assert house.whose(LINKS, page)["sub"] == user


def test_whoever_has_a_number_unverified_stops_its_owner_and_gets_nothing(house: House):
    number = _number()
    trap = house.user(LINKS, attributes={"phone_number": [number]})
    before = house.realm(LINKS).get("users", trap)

    _, page = house.prove(LINKS, number)

    assert (page.status, page.code) == (403, None)
    assert house.identities(LINKS, trap) == []
    assert house.realm(LINKS).get("users", trap) == before


def test_whoever_has_a_number_unverified_loses_it_and_every_way_in_or_the_number_alone(house: House):
    """The number alone who is proven by an email address: there the number may be an old one, or mistyped."""
    realm, number = house.realm(STRIPS), _number()
    trap = house.user(
        STRIPS, f"{number}@evil.example", emailVerified=False, attributes={"phone_number": [number]}
    )
    _, page = house.prove(STRIPS, number)
    claims = house.whose(STRIPS, page)
    assert (claims["preferred_username"], claims["sub"] == trap) == (number, False)
    left = realm.get("users", trap)
    assert (left["enabled"], left.get("attributes", {}).get("phone_number")) == (False, None)
    assert realm.get("users", trap, "credentials") == []

    number, address = _number(), _address()
    carol = house.user(
        STRIPS, address, attributes={"phone_number": [number], "phone_number_verified": ["false"]}
    )
    _, page = house.prove(STRIPS, number)
    assert house.whose(STRIPS, page)["sub"] != carol
    left = realm.get("users", carol)
    assert (left["enabled"], left["email"], left.get("attributes", {})) == (True, address, {})
    assert realm.get("users", carol, "credentials")
    _, page = house.prove(STRIPS, address)
    assert house.whose(STRIPS, page)["sub"] == carol


def test_whoever_has_it_unverified_stops_the_owner_and_gets_nothing(house: House):
    address = _address()
    trap = house.user(LINKS, address, emailVerified=False)
    before = house.realm(LINKS).get("users", trap)

    _, page = house.prove(LINKS, address)

    assert (page.status, page.code) == (403, None)
    assert "open your account this way" in page.text
    assert house.identities(LINKS, trap) == []
    assert house.realm(LINKS).get("users", trap) == before


def test_a_disabled_account_stops_the_login(house: House):
    address = _address()
    user = house.user(LINKS, address, enabled=False)
    assert house.prove(LINKS, address)[1].status == 403
    assert house.identities(LINKS, user) == []


def test_a_name_that_somebody_took_does_not_stand_in_the_owners_way(house: House):
    address = _address()
    squatter = house.user(LINKS, username=address)
    _, page = house.prove(LINKS, address)
    claims = house.whose(LINKS, page)
    assert claims["sub"] != squatter
    assert claims["preferred_username"].startswith("email.")
    made = house.realm(LINKS).get("users", claims["sub"])
    assert (made.get("email"), made["attributes"]["passwordless_email"]) == (None, [address])


def test_a_name_that_is_the_email_goes_with_it(house: House):
    """In realms whose users have their email for a user name, a stripped account has neither."""
    realm, address = house.realm(STRIPS), _address()
    realm.put(body={"registrationEmailAsUsername": True})
    try:
        trap = house.user(STRIPS, address, username=address, emailVerified=False)
        _, page = house.prove(STRIPS, address)
        claims = house.whose(STRIPS, page)
        assert (claims["email"], claims["preferred_username"]) == (address, address)
        assert claims["sub"] != trap
        assert realm.get("users", trap)["username"] == f"{trap}@stripped.invalid"
        assert realm.get("users", trap, "credentials") == []
    finally:
        realm.put(body={"registrationEmailAsUsername": False})


def test_separate_makes_a_user_beside_the_one_who_has_the_address(house: House):
    address = _address()
    other = house.user(APART, address, username=address)
    before = house.realm(APART).get("users", other)

    _, page = house.prove(APART, address)
    _, again = house.prove(APART, address)

    claims = house.whose(APART, page)
    assert claims["sub"] == house.whose(APART, again)["sub"] != other
    assert "email" not in claims
    made = house.realm(APART).get("users", claims["sub"])
    assert made["attributes"]["passwordless_email"] == [address]
    assert made["username"].startswith("email.")
    assert house.realm(APART).get("users", other) == before
    assert not house.realm(APART).get()["duplicateEmailsAllowed"]


def test_the_search_is_exact_where_keycloaks_is_not(house: House):
    """Keycloak takes `_` and `*` for wildcards in some searches, and compares without case."""
    users = KeycloakUsers(Accounts(house.settings))
    tail = secrets.token_hex(4)
    user = house.user(LINKS, f"a.b-{tail}@example.org")
    for near in (
        f"a_b-{tail}@example.org",
        f"b-{tail}@example.org",
        f"a.b-{tail}@example.or",
        f"%-{tail}@example.org",
    ):
        assert users.find(LINKS, near, alias="email").holders == ()
    found = users.find(LINKS, f"a.b-{tail}@example.org", alias="email")
    assert [(it.user_id, it.is_verified, it.is_enabled, it.linked_as) for it in found.holders] == [
        (user, True, True, "")
    ]
    users.link(LINKS, user, alias="email", subject_id=f"email.{tail}", name="a")
    assert users.linked(LINKS, "email", f"email.{tail}")
    assert not users.linked(LINKS, "email", f"email.{tail[:-1]}")
    users.link(LINKS, user, alias="email", subject_id="email.other", name="a")
    users.unlink(LINKS, user, alias="email", subject_id="email.other")
    assert users.find(LINKS, f"a.b-{tail}@example.org", alias="email").holders[0].linked_as == f"email.{tail}"
    users.unlink(LINKS, user, alias="email", subject_id=f"email.{tail}")
    assert house.identities(LINKS, user) == []


def test_two_logins_at_once_end_in_the_one_account(house: House):
    address = _address()
    user = house.user(LINKS, address)
    starts = [house.arrive(LINKS, address) for _ in range(2)]
    house.mail.wait_for(address, 2)
    codes = [mail.code for mail in house.mail.to(address)]
    ended: list[str | None] = []

    def finish(number: int) -> None:
        person, page = starts[number]
        # Each window takes one of the two codes only.
        for code in codes:
            challenge = page.text.partition('name="challenge" value="')[2].partition('"')[0]
            done = person.send(page.action, {"challenge": challenge, "code": code})
            if done.code:
                ended.append(house.whose(LINKS, done)["sub"])
                return

    threads = [threading.Thread(target=finish, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # A success ends the address's other challenge, so it may be one; never two accounts.
    assert ended
    assert set(ended) == {user}
    assert house.identities(LINKS, user) == ["email"]
    assert len(house.realm(LINKS).get("users", email=address)) == 1


def test_what_the_policies_need_is_applied_once(house: House):
    for name in (LINKS, APART):
        assert pending(plan_realm(house.admin, house.settings, name, theme="stock")) == []
    mappers = house.realm(APART).get("identity-provider", "instances", "email", "mappers")
    assert "passwordless withheld address" in {it["name"] for it in mappers}
    attributes = {it["name"]: it for it in house.realm(APART).get("users", "profile")["attributes"]}
    assert attributes["passwordless_email"]["permissions"]["edit"] == ["admin"]
    assert "passwordless_email" not in {
        it["name"] for it in house.realm(ASKS).get("users", "profile")["attributes"]
    }


def test_the_doctor_counts_who_would_be_stopped_or_stripped(house: House):
    house.user(STRIPS, _address(), emailVerified=False)
    house.user(STRIPS, emailVerified=False)
    count = len(
        [it for it in house.realm(STRIPS).get("users") if it.get("email") and not it["emailVerified"]]
    )
    (finding,) = examine_addresses(house.realm(STRIPS), house.settings, STRIPS)
    assert finding.what.startswith(f"{count} users have an email address that is not verified")
    assert "every way in" in finding.why
    assert list(examine_addresses(house.realm(ASKS), house.settings, ASKS)) == []


def test_stripping_takes_every_way_in_and_can_be_repeated(house: House):
    """Offline sessions, too, which outlive a sign-out."""
    address, realm = _address(), house.realm(STRIPS)
    trap = house.user(
        STRIPS, address, emailVerified=False, requiredActions=["CONFIGURE_RECOVERY_AUTHN_CODES"]
    )
    realm.put("users", trap, body={"requiredActions": []})
    eve = Browser()
    page = eve.sign_in(house.keycloak, STRIPS, scope="openid offline_access")
    username = realm.get("users", trap)["username"]
    page = eve.send(page.action, {"username": username})
    page = eve.send(page.action, {"password": PASSWORD})
    tokens = house.whose(STRIPS, page)
    realm.put("users", trap, body={"requiredActions": ["UPDATE_PASSWORD"]})
    identity = {"identityProvider": "email", "userId": "email.eve", "userName": "eve"}
    realm.post("users", trap, "federated-identity", "email", body=identity)
    users = KeycloakUsers(Accounts(house.settings))

    assert not users.strip(STRIPS, trap, address=_address("other"))
    assert realm.get("users", trap, "credentials")
    assert users.strip(STRIPS, trap, address=address)

    left = realm.get("users", trap)
    assert (left.get("email"), left["emailVerified"], left["requiredActions"]) == (None, False, [])
    assert not left["enabled"]
    for kind in ("credentials", "federated-identity", "sessions", "consents"):
        assert realm.get("users", trap, kind) == [], kind
    refreshed = eve.send(
        f"{house.keycloak}/realms/{STRIPS}/protocol/openid-connect/token",
        {"grant_type": "refresh_token", "client_id": "app", "refresh_token": tokens["refresh_token"]},
    )
    assert refreshed.status == 400
    assert not users.strip(STRIPS, trap, address=address)
    assert house.prove(STRIPS, address)[1].code
