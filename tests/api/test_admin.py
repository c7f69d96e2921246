"""The admin side over HTTP: whose token counts for what, lists that go on, changes that say who made them."""

from __future__ import annotations

import base64
import hmac
import json

import pytest

from sidecar.app import create_app
from sidecar.errors import RateLimited
from sidecar.login import not_me
from sidecar.model.events import Event
from sidecar.store.tables import addresses
from sidecar.users.ports import Identity
from tests.flow import caller, start
from tests.ledger import events_of, rows
from tests.users.realm import Realm
from tests.users.realm import user as profile
from tests.web.browser import Browser

BASE = "/api/v1/admin/realms/acme/"
LISTS = ("connections", "identities", "messages", "events", "mutes", "locks", "keys")
WHO = "5d1b4a52-0000-4000-8000-000000000001"


@pytest.fixture
def environment():
    return {"REALMS__ACME__ADMIN_API": "true"}


@pytest.fixture
def profiles():
    return Realm()


@pytest.fixture
def app(parts, profiles):
    return create_app(parts, profiles=lambda _: profiles)


@pytest.fixture
def ask(browser, realms):
    """Calls as whoever has the roles; `token`: another one, `None`: none."""

    def call(path, body=None, *, roles=("manage",), token="", method="", **changed):
        if token == "":
            token = realms.access_token(roles=roles, sub=WHO, **changed)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        method = method or ("GET" if body is None else "POST")
        return browser.open(method, f"{BASE}{path}", json=body, headers=headers)

    return call


def signed_in(app, parts, profiles, name):
    address = f"{name}@example.org"
    Browser(app).log_in(parts, address)
    subject = next(row.subject_id for row in rows(parts, addresses) if row.address == address)
    profiles.people.append(profile(name))
    profiles.links[f"id-{name}"] = [Identity("email", subject, address)]
    return subject


@pytest.mark.parametrize("name", LISTS)
def test_a_role_of_ours_shows_each_list(ask, name):
    assert [200, 200] == [ask(name, roles=(role,)).status_code for role in ("view", "manage")]


@pytest.mark.parametrize("name", [*LISTS, "links?user=ada"])
def test_without_one_nothing_is_shown(ask, name):
    refused = ask(name, roles=())

    assert (403, "not_permitted") == (refused.status_code, refused.json["title"])


CHANGES = {
    "merges": {"into": "ada", "from": "eve", "confirmation": "x"},
    "mutes/lift": {"address": "ada@example.org"},
    "locks/lift": {"address": "ada@example.org"},
    "keys/rotate": {},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_role_to_view_changes_nothing(ask, parts, name):
    assert 403 == ask(name, CHANGES[name], roles=("view",)).status_code
    assert [] == events_of(parts, Event.ADDRESS_UNMUTED) + events_of(parts, Event.SIGNING_KEY_ADDED)


def by_hand(header, claims, sign):
    """A token as no library makes it."""

    def encoded(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{encoded(sign(text.encode()))}"


def other_kinds(realms):
    """Tokens that are none for us, by what is wrong."""
    header = {"alg": "ES256", "kid": "acme-key", "typ": "JWT"}
    claims = realms.access_claims(sub=WHO, roles=("manage",))
    public = realms.key("acme").as_pem(private=False)
    return {
        "an ID token": realms.access_token(typ="ID"),
        "a refresh token": realms.access_token(typ="Refresh"),
        "no kind": realms.access_token(typ=None),
        "another audience": realms.access_token(aud="account"),
        "no audience": realms.access_token(aud=None),
        "another realm's": realms.access_token(iss="https://id.example.org/realms/other"),
        "another realm's key": realms.access_token("other", iss="https://id.example.org/realms/acme"),
        "no issuer": realms.access_token(iss=None),
        "over": realms.access_token(exp=1_700_000_000),
        "no end": realms.access_token(exp=None),
        "not yet": realms.access_token(nbf=4_000_000_000),
        "nobody's": realms.access_token(sub=None),
        "bound to a key": realms.access_token(cnf={"x5t#S256": "abc"}),
        "unsigned": by_hand({**header, "alg": "none"}, claims, lambda _: b""),
        "signed with the public key": by_hand(
            {**header, "alg": "HS256"}, claims, lambda text: hmac.digest(public, text, "sha256")
        ),
        "signed with a key of its own": by_hand(
            {**header, "alg": "HS256", "jwk": {"kty": "oct", "k": "eA"}},
            claims,
            lambda text: hmac.digest(b"x", text, "sha256"),
        ),
        "our own kind": realms.assertion(),
        "no token": "x.y.z",
        "nothing": "",
        "long": "a" * 20_000,
    }


def test_no_other_token_is_one(ask, realms):
    kinds = other_kinds(realms)
    answers = {kind: ask("connections", token=token or " ") for kind, token in kinds.items()}
    answers["none"] = ask("connections", token=None)

    assert dict.fromkeys(answers, 401) == {kind: it.status_code for kind, it in answers.items()}
    assert {"Bearer"} == {it.headers["WWW-Authenticate"].partition(" ")[0] for it in answers.values()}


@pytest.mark.parametrize(
    "access",
    [
        {"other": {"roles": ["manage"]}},
        {"passwordless-admin-api": {"roles": ["Manage", "admin"]}},
        {"passwordless-admin-api": {"roles": "manage"}},
        {"passwordless-admin-api": ["manage"]},
        ["manage"],
        None,
    ],
    ids=str,
)
def test_a_role_of_another_client_is_none(ask, access):
    assert 403 == ask("connections", resource_access=access, realm_access={"roles": ["manage"]}).status_code


def test_a_realm_that_has_it_off_has_nothing_there(ask, realms, browser):
    token = realms.access_token("other", roles=("manage",))
    for realm in ("other", "unknown"):
        refused = browser.open(
            "GET", f"/api/v1/admin/realms/{realm}/connections", headers={"Authorization": f"Bearer {token}"}
        )
        assert (404, "application/problem+json") == (refused.status_code, refused.mimetype)


def test_an_address_is_looked_up_in_any_spelling(ask, app, parts, profiles):
    subject = signed_in(app, parts, profiles, "ada")
    signed_in(app, parts, profiles, "grace")

    found = ask("identities?address=ADA@example.org").json["items"]

    assert [("email", "ada@example.org", subject)] == [
        (it["connection"], it["address"], it["subject"]) for it in found
    ]
    assert found == ask(f"identities?subject={subject}").json["items"]
    assert 422 == ask("identities?address=nobody").status_code


def pages(ask, path, limit=2):
    found, cursor, count = [], "", 0
    while True:
        page = ask(f"{path}{'&' if '?' in path else '?'}limit={limit}&cursor={cursor}").json
        found += page["items"]
        count += 1
        cursor = page["next"]
        if cursor is None:
            return found, count


def test_lists_go_on_where_they_stopped(ask, app, parts, profiles):
    for name in ("ada", "eve", "grace", "linus", "radia"):
        signed_in(app, parts, profiles, name)

    found, count = pages(ask, "identities")
    assert (5, 3) == (len(found), count)
    assert sorted(it["address"] for it in found) == [it["address"] for it in found]
    for path in ("events", "events?address=ada@example.org", "messages"):
        whole = ask(f"{path}{'&' if '?' in path else '?'}limit=100").json
        assert None is whole["next"]
        assert whole["items"] == pages(ask, path)[0]


def test_a_cursor_is_of_its_list_alone(ask, app, parts, profiles):
    for name in ("ada", "eve", "grace"):
        signed_in(app, parts, profiles, name)
    cursor = ask("identities?limit=1").json["next"]

    for path in (
        f"events?cursor={cursor}",
        f"identities?address=ada@example.org&cursor={cursor}",
        f"locks?address=ada@example.org&cursor={cursor}",
        f"identities?cursor=x{cursor}",
        "identities?cursor=WyJlbWFpbCJd.",
        f"identities?cursor={cursor.partition('.')[0]}",
    ):
        refused = ask(path)
        assert (400, "invalid_request") == (refused.status_code, refused.json["title"])


def test_a_users_links_are_shown_with_their_addresses(ask, app, parts, profiles):
    subject = signed_in(app, parts, profiles, "ada")
    profiles.links["id-ada"].append(Identity("github", "42", "ada-l"))

    for name in ("id-ada", "ada", "ada@example.org"):
        answer = ask(f"links?user={name}").json
        assert "id-ada" == answer["user"]
        assert [
            {
                "provider": "email",
                "subject": subject,
                "name": "ada@example.org",
                "addresses": ["ada@example.org"],
            },
            {"provider": "github", "subject": "42", "name": "ada-l", "addresses": []},
        ] == answer["items"]
    assert (422, "users_refused") == ((it := ask("links?user=nobody")).status_code, it.json["title"])


@pytest.fixture
def two(app, parts, profiles):
    for name in ("ada", "eve"):
        signed_in(app, parts, profiles, name)
    profiles.links["id-ada"].append(Identity("github", "1", "ada-l"))
    profiles.links["id-eve"].append(Identity("github", "2", "eve-l"))
    return {"into": "ada", "from": "eve"}


def test_a_merge_is_shown_first_and_done_as_it_was_shown(ask, two, profiles, parts):
    plan = ask("merges/plan", two, roles=("view",)).json
    assert [("address", "eve@example.org")] == [(it["kind"], it["what"]) for it in plan["moves"]]
    assert {"identity", "email"} == {it["kind"] for it in plan["conflicts"]}
    assert [] == events_of(parts, Event.USER_MERGE_BEGUN)

    merged = ask("merges", {**two, "confirmation": plan["confirmation"]})

    assert (200, True) == (merged.status_code, merged.json["finished"])
    assert [f"id-eve into id-ada by api:{WHO}"] == [
        it.detail for it in events_of(parts, Event.USER_MERGE_BEGUN)
    ]
    assert [False] == [it.is_enabled for it in profiles.people if it.id == "id-eve"]


@pytest.mark.parametrize("wrong", ["x", "0" * 64])
def test_no_merge_without_the_plans_own_word(ask, two, parts, wrong):
    refused = ask("merges", {**two, "confirmation": wrong})

    assert (409, "confirmation_refused") == (refused.status_code, refused.json["title"])
    assert [] == events_of(parts, Event.USER_MERGE_BEGUN)


def test_a_plan_that_has_become_another_is_not_carried_out(ask, two, profiles, parts):
    confirmation = ask("merges/plan", two).json["confirmation"]
    profiles.passwords["id-eve"] = ("password",)

    assert 409 == ask("merges", {**two, "confirmation": confirmation}).status_code
    assert [] == events_of(parts, Event.USER_MERGE_BEGUN)


def test_a_merge_that_can_not_be_has_no_confirmation(ask, two, profiles):
    profiles.locked.add("id-eve")

    plan = ask("merges/plan", two).json

    assert None is plan["confirmation"]
    assert plan["refusals"]
    assert 422 == ask("merges", {**two, "confirmation": "x"}).status_code


def test_a_mute_is_listed_and_lifted_by_name(ask, parts, clock):
    challenge = start(parts)
    not_me.deny(parts.room(), not_me.token_for(parts.keys, challenge))
    (mute,) = ask("mutes").json["items"]
    assert ("email", "ada@example.org") == (mute["connection"], mute["address"])

    lifted = ask("mutes/lift", {"address": "Ada@example.org"})

    assert {"connection": "email", "address": "ada@example.org"} == lifted.json
    assert [f"api:{WHO}"] == [it.detail for it in events_of(parts, Event.ADDRESS_UNMUTED)]
    assert [] == ask("mutes").json["items"]
    again = start(parts, by=caller("eve"))
    not_me.deny(parts.room(), not_me.token_for(parts.keys, again))
    assert 1 == len(ask("mutes").json["items"])
    clock.shift(seconds=3601)
    assert [] == ask("mutes").json["items"]


def test_a_lock_is_listed_and_lifted_by_name(ask, parts):
    for number in range(5):
        start(parts, by=caller(f"eve-{number}", f"203.0.113.{number}"))
    with pytest.raises(RateLimited):
        start(parts, by=caller("ada"))
    start(parts, "grace@example.org")

    (lock,) = ask("locks").json["items"]
    assert ("ada@example.org", "messages_per_hour") == (lock["address"], lock["budget"])
    assert 0 < lock["retry_after_s"] <= 3600
    assert [lock] == ask("locks?address=ADA@example.org").json["items"]
    assert 200 == ask("locks/lift", {"address": "ada@example.org"}).status_code

    assert [f"api:{WHO}"] == [it.detail for it in events_of(parts, Event.ADDRESS_UNLOCKED)]
    assert [] == ask("locks").json["items"]
    start(parts, by=caller("ada"))


def test_a_key_is_rotated_once_and_never_shown(ask, parts):
    (before,) = ask("keys").json["items"]
    assert {"kid", "state", "signs_from"} == before.keys()

    added = ask("keys/rotate", {}).json

    assert "next" == added["state"]
    assert [f"{added['kid']} by api:{WHO}"] == [it.detail for it in events_of(parts, Event.SIGNING_KEY_ADDED)]
    assert [added["kid"], before["kid"]] == [it["kid"] for it in ask("keys").json["items"]]
    refused = ask("keys/rotate", {})
    assert (409, "key_refused") == (refused.status_code, refused.json["title"])


def test_no_answer_has_a_code_or_a_secret(ask, app, parts, profiles, browser):
    """A9, I7: of a challenge that is open as well."""
    signed_in(app, parts, profiles, "ada")
    started = browser.start("ada@example.org")
    secrets = {
        browser.right_code(parts, started),
        browser.secret,
        parts.settings.server.secret_keys[0].reveal(),
    }

    for name in (*LISTS, "links?user=ada"):
        text = ask(name).get_data(as_text=True)
        assert not [it for it in secrets if it in text], name
        assert not any(word in text for word in ("wrapped", "seed", "_mac", '"d"')), name


def test_without_an_account_of_ours_users_are_not_looked_at(parts, realms):
    token = realms.access_token(roles=("manage",))
    refused = Browser(create_app(parts)).open(
        "GET", f"{BASE}links?user=ada", headers={"Authorization": f"Bearer {token}"}
    )

    assert (409, "settings_invalid") == (refused.status_code, refused.json["title"])
