"""Eight ways to prepare an account for its victim, who comes later with the right address.

Five are those of "Pre-hijacked accounts" (Sudhodanan and Paverd, USENIX Security 2022); in three more the attacker has
a page of Keycloak's open, to which a required action or a mailed link led. Each first works against Keycloak's own
first login flow, where the victim proves the address by a message, so that it is an attack; and then, step by step the
same, against ours under `prompt` and under `verified`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.logins import Person
from tests.keycloak.browsing import Page
from tests.keycloak.linked import ASKS, PASSWORD, STRIPS, House, NotSignedIn
from tests.keycloak.provider import Provider, running

pytestmark = pytest.mark.keycloak

_PROVIDERS = ("identity-provider", "instances")
_STOCK = "first broker login"
#: Tells whom the attacker is signed in as by now: the ids of users.
Return = Callable[[], set[str]]


@dataclass(frozen=True)
class Scene:
    """A realm that is open to registration, and an identity provider in it that verifies no address."""

    house: House
    realm: str
    lax: Provider
    victim: str

    def register(self, email: str = "") -> Person:
        """The attacker, with an account that has the victim's address, or another one."""
        eve = Person()
        page = eve.sign_in(self.house.keycloak, self.realm)
        page = eve.open(page.link("/registration"))
        fields = {"username": f"eve-{secrets.token_hex(4)}", "email": email or self.victim}
        page = eve.send(page.action, fields | {"password": PASSWORD, "password-confirm": PASSWORD})
        assert page.code, (page.name, page.text[:3000])
        return eve

    def trap(self) -> dict[str, Any]:
        (user,) = self.house.realm(self.realm).get("users", email=self.victim, exact="true")
        assert not user["emailVerified"]
        return user

    def log_in(self, username: str, password: str = PASSWORD, eve: Person | None = None) -> set[str]:
        """With the attacker's password."""
        page = self.knock(eve or Person(), username, password)
        return self.whose(page) if page.status == 200 else set()

    def knock(self, eve: Person, username: str, password: str = PASSWORD) -> Page:
        page = eve.send(eve.sign_in(self.house.keycloak, self.realm).action, {"username": username})
        return eve.send(page.action, {"password": password}) if page.status == 200 else page

    def by_lax(self, subject: str, email: str) -> set[str]:
        """Through the provider that verifies nothing."""
        self.lax.claims = {
            "sub": subject,
            "email": email,
            "email_verified": False,
            "preferred_username": subject,
        }
        return self.whose(Person().sign_in(self.house.keycloak, self.realm, kc_idp_hint="lax"))

    def whose(self, page: Page) -> set[str]:
        """Nobody where Keycloak takes the code for nothing: older ones let a disabled user's tab get so far."""
        try:
            return {self.house.whose(self.realm, page)["sub"]} if page.code else set()
        except NotSignedIn:
            return set()

    def owner_comes(self) -> set[str]:
        """The victim signs in by code, and does all that is asked of the owner of a mailbox."""
        mail = self.house.mail
        person, page = self.house.prove(self.realm, self.victim)
        if page.name == "login-login-idp-link-confirm":
            before = len(mail.to(self.victim))
            page = person.send(page.action, {"submitAction": "linkAccount"})
            if 'name="password"' in page.text:
                return set()
            page = person.open(_link_in(mail.wait_for(self.victim, before + 1).text))
        return self.whose(page)


def _link_in(text: str) -> str:
    return re.findall(r"https?://\S+action-token\S+", text)[0]


def _password(scene: Scene) -> Return:
    """Classic-federated merge: the account's password."""
    scene.register()
    username = scene.trap()["username"]
    return lambda: scene.log_in(username)


def _session(scene: Scene) -> Return:
    """Unexpired session: a tab that stays open."""
    eve = scene.register()
    house = scene.house
    return lambda: scene.whose(eve.sign_in(house.keycloak, scene.realm, prompt="none"))


def _own_identity(scene: Scene) -> Return:
    """Trojan identifier: an identity of the attacker's own is linked with the account."""
    scene.register()
    subject = f"eve-{secrets.token_hex(4)}"
    identity = {"identityProvider": "lax", "userId": subject, "userName": subject}
    realm = scene.house.realm(scene.realm)
    realm.post("users", scene.trap()["id"], "federated-identity", "lax", body=identity)
    return lambda: scene.by_lax(subject, f"{subject}@evil.example")


def _change_of_address(scene: Scene) -> Return:
    """Unexpired email change: a link in the attacker's mail, opened late."""
    eve, evil, mail = scene.register(), _evil(), scene.house.mail
    _let_change_address(scene, by_mail=True)
    page = eve.sign_in(scene.house.keycloak, scene.realm, kc_action="UPDATE_EMAIL")
    eve.send(page.action, {"email": evil})
    link = _link_in(mail.wait_for(evil).text)

    def come_back() -> set[str]:
        page = eve.open(link)
        if re.search(r'href="[^"]*action-token', page.text):
            eve.open(page.link("action-token"))
        # Whose address it is can have a new password sent there.
        return {it["id"] for it in scene.house.realm(scene.realm).get("users", email=evil, exact="true")}

    return come_back


def _question_for_a_proof(scene: Scene) -> Return:
    """A tab at "verify your email": whoever else proves the address, or clicks in that mail late, lets it go on."""
    scene.register()
    trap, realm, mail = scene.trap(), scene.house.realm(scene.realm), scene.house.mail
    realm.put("users", trap["id"], body={"requiredActions": ["VERIFY_EMAIL"]})
    eve, before = Person(), len(mail.to(scene.victim))
    page = scene.knock(eve, trap["username"])
    assert page.name == "login-login-verify-email"
    link = _link_in(mail.wait_for(scene.victim, before + 1).text)

    def come_back() -> set[str]:
        owner = Person()
        asked = owner.open(link)
        if re.search(r'href="[^"]*action-token', asked.text):
            owner.open(asked.link("action-token"))
        return scene.whose(eve.open(page.url))

    return come_back


def _mailed_actions(scene: Scene) -> Return:
    """A tab at "update password", by a link that an admin mailed while the account had the attacker's own address.

    The link itself is no attack: Keycloak binds it to the address that it was mailed to.
    """

    def mailed(eve: Person, evil: str) -> Page:
        realm = scene.house.realm(scene.realm)
        (user,) = realm.get("users", email=evil, exact="true")
        realm.put("users", user["id"], "execute-actions-email", body=["UPDATE_PASSWORD"])
        page = eve.open(_link_in(scene.house.mail.wait_for(evil).text))
        return eve.open(page.link("action-token"))

    return _new_password_late(scene, mailed)


def _forgotten_password(scene: Scene) -> Return:
    """The same by the link for a forgotten password."""

    def mailed(eve: Person, evil: str) -> Page:
        (user,) = scene.house.realm(scene.realm).get("users", email=evil, exact="true")
        page = eve.send(eve.sign_in(scene.house.keycloak, scene.realm).action, {"username": user["username"]})
        page = eve.open(page.link("reset-credentials"))
        eve.send(page.action, {"username": user["username"]})
        return eve.open(_link_in(scene.house.mail.wait_for(evil).text))

    return _new_password_late(scene, mailed)


def _new_password_late(scene: Scene, mailed: Callable[[Person, str], Page]) -> Return:
    evil, password = _evil(), f"another-{PASSWORD}"
    _let_change_address(scene, by_mail=False)
    signed_in, tab = scene.register(evil), Person()
    form = mailed(tab, evil)
    assert form.name == "login-login-update-password"
    page = signed_in.sign_in(scene.house.keycloak, scene.realm, kc_action="UPDATE_PROFILE")
    username = scene.house.realm(scene.realm).get("users", email=evil, exact="true")[0]["username"]
    signed_in.send(page.action, {"username": username, "email": scene.victim})

    def come_back() -> set[str]:
        page = tab.send(form.action, {"password-new": password, "password-confirm": password})
        return scene.whose(page) | scene.log_in(username, password)

    return come_back


def _evil() -> str:
    return f"eve-{secrets.token_hex(4)}@evil.example"


def _let_change_address(scene: Scene, *, by_mail: bool) -> None:
    """Whether users change their address by a link that goes there, or just type another one."""
    realm = scene.house.realm(scene.realm)
    action = ("authentication", "required-actions", "UPDATE_EMAIL")
    realm.put(*action, body={**realm.get(*action), "enabled": by_mail})
    if by_mail:
        realm.put(*action, "config", body={"config": {"verifyEmail": "true"}})


def _unverified_elsewhere(scene: Scene) -> Return:
    """Non-verifying provider: an account made through one that believes any address."""
    subject = f"eve-{secrets.token_hex(4)}"
    assert scene.by_lax(subject, scene.victim) == {scene.trap()["id"]}
    return lambda: scene.by_lax(subject, scene.victim)


@pytest.fixture(scope="module")
def lax(house: House) -> Iterator[Provider]:
    """An identity provider of each realm that verifies no address, with Keycloak's own flow, as admins add them."""
    with running(Provider(house.keycloak, ASKS)) as provider:
        for name in (ASKS, STRIPS):
            realm = house.realm(name)
            ours = realm.get(*_PROVIDERS, "email")
            url = f"{provider.url}/{name}"
            urls = {"issuer": url, "authorizationUrl": f"{url}/authorize"}
            urls |= {"tokenUrl": f"{url}/token", "jwksUrl": f"{url}/jwks"}
            body = {"alias": "lax", "providerId": "oidc", "enabled": True, "trustEmail": False}
            config = {**ours["config"], **urls}
            realm.post(*_PROVIDERS, body={**body, "firstBrokerLoginFlowAlias": _STOCK, "config": config})
            smtp = {"host": "127.0.0.1", "port": str(house.mail.port), "from": "keycloak@acme.example"}
            realm.put(body={"registrationAllowed": True, "resetPasswordAllowed": True, "smtpServer": smtp})
        yield provider


@contextmanager
def keycloaks_own_flow(house: House, realm: str) -> Iterator[None]:
    """The connection, with the flow that Keycloak would choose for it."""
    providers = house.realm(realm)
    ours = providers.get(*_PROVIDERS, "email")
    providers.put(*_PROVIDERS, "email", body={**ours, "firstBrokerLoginFlowAlias": _STOCK})
    try:
        yield
    finally:
        providers.put(*_PROVIDERS, "email", body=ours)


@pytest.fixture
def scene_in(house: House, lax: Provider) -> Callable[[str], Scene]:
    def make(realm: str) -> Scene:
        lax._jwks_url = f"{house.keycloak}/realms/{realm}/protocol/openid-connect/certs"
        victim = f"victim-{secrets.token_hex(4)}@example.org"
        return Scene(house=house, realm=realm, lax=lax, victim=victim)

    return make


@pytest.mark.parametrize(
    "prepare",
    [
        *(_password, _session, _own_identity, _change_of_address, _unverified_elsewhere),
        *(_question_for_a_proof, _mailed_actions, _forgotten_password),
    ],
    ids=[
        *("password", "session", "own identity", "change of address", "non-verifying provider"),
        *("question for a proof", "mailed actions", "forgotten password"),
    ],
)
def test_a_prepared_account_is_a_trap_in_keycloaks_own_flow_and_none_in_ours(house, scene_in, prepare):
    scene = scene_in(ASKS)
    with keycloaks_own_flow(house, ASKS):
        come_back = prepare(scene)
        # The first time links them, and may end at a question that the attacker prepared.
        scene.owner_comes()
        back = come_back()
        victim = scene.owner_comes()
    assert victim
    assert back == victim, "no attack: nothing is shown by its failure"

    scene = scene_in(ASKS)
    come_back = prepare(scene)
    trap = scene.trap()
    assert scene.owner_comes() == set()
    assert house.identities(ASKS, trap["id"]) in ([], ["lax"])
    assert come_back() <= {trap["id"]}

    scene = scene_in(STRIPS)
    come_back = prepare(scene)
    trap = scene.trap()
    victim = scene.owner_comes()
    assert victim
    assert victim != {trap["id"]}
    assert not come_back() & (victim | {trap["id"]})
    kept = house.realm(STRIPS).get("users", *victim)
    assert (kept["email"], kept["emailVerified"]) == (scene.victim, True)
    assert house.identities(STRIPS, kept["id"]) == ["email"]


@pytest.mark.parametrize("flow", [_STOCK, "passwordless first broker login"])
def test_a_click_in_a_mail_lets_a_strangers_tab_in_by_keycloaks_proof_and_not_by_ours(house, scene_in, flow):
    """E15: what our flow leaves out. Its owner asked for a link of her own, and clicks in the mail that comes."""
    scene = scene_in(ASKS)
    user = house.user(ASKS, scene.victim)
    lax = house.realm(ASKS).get(*_PROVIDERS, "lax")
    house.realm(ASKS).put(*_PROVIDERS, "lax", body={**lax, "firstBrokerLoginFlowAlias": flow})
    try:
        scene.lax.claims = {
            "sub": f"eve-{secrets.token_hex(4)}",
            "email": scene.victim,
            "email_verified": True,
            "preferred_username": "eve",
        }
        eve, before = Person(), len(house.mail.to(scene.victim))
        page = eve.sign_in(house.keycloak, ASKS, kc_idp_hint="lax")
        waiting = eve.send(page.action, {"submitAction": "linkAccount"})
        if flow == _STOCK:
            owner = Person()
            page = owner.open(_link_in(house.mail.wait_for(scene.victim, before + 1).text))
            owner.open(page.link("action-token"))
            waiting = eve.open(waiting.link("first-broker-login"))
        back = scene.whose(waiting) | scene.whose(Person().sign_in(house.keycloak, ASKS, kc_idp_hint="lax"))
    finally:
        house.realm(ASKS).put(*_PROVIDERS, "lax", body=lax)
    if flow == _STOCK:
        assert back == {user}, "no attack: nothing is shown by its failure"
    else:
        assert 'name="password"' in waiting.text
        assert (back, house.identities(ASKS, user)) == (set(), [])
        assert len(house.mail.to(scene.victim)) == before


def test_a_second_provider_with_the_same_address_does_not_ride_on_the_firsts_proof(house, scene_in):
    """E15: a proof that one identity brought is that identity's, in the same browser and at the same time, too."""
    for realm in (ASKS, STRIPS):
        scene = scene_in(realm)
        user = house.user(realm, scene.victim)
        username = house.realm(realm).get("users", user)["username"]
        scene.lax.claims = {
            "sub": f"eve-{secrets.token_hex(4)}",
            "email": scene.victim,
            "email_verified": True,
            "preferred_username": "eve",
        }
        person = Person()
        waiting = person.sign_in(house.keycloak, realm, kc_idp_hint="lax")
        assert waiting.name == "login-login-idp-link-confirm"
        _, page = house.prove(realm, scene.victim, person)
        if realm == ASKS:
            page = person.send(page.action, {"submitAction": "linkAccount"})
            page = person.send(page.action, {"username": username, "password": PASSWORD})
        assert scene.whose(page) == {user}

        person.send(waiting.action, {"submitAction": "linkAccount"})

        assert house.identities(realm, user) == ["email"]
        assert scene.whose(Person().sign_in(house.keycloak, realm, kc_idp_hint="lax")) == set()
