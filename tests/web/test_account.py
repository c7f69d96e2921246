"""The account page over HTTP: who gets in, how fresh they must be, whose forms count, whose addresses are shown."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from sidecar.app import create_app
from sidecar.login.codes import derive_code
from sidecar.model.challenge import Purpose
from sidecar.model.own_account import Account
from sidecar.store.tables import account_sessions, addresses, challenges
from sidecar.users.ports import Identity
from sidecar.web.account_door import COOKIE, PENDING_COOKIE
from tests.account_keycloak import Keycloak, Users
from tests.ledger import rows
from tests.users.realm import Realm
from tests.users.realm import user as profile
from tests.web.browser import PERSON, Browser, form_of

URL = "/realms/acme/account"
WHOLE = f"https://login.example.org{URL}"


@pytest.fixture
def environment():
    return {"REALMS__ACME__SERVICE_ACCOUNT": "true", "REALMS__ACME__ACCOUNT_PAGE": "true"}


@pytest.fixture
def users():
    return Users()


@pytest.fixture
def keycloak():
    return Keycloak()


@pytest.fixture
def profiles():
    return Realm()


@pytest.fixture
def app(parts, users, keycloak, profiles):
    return create_app(parts, users=users, sign_in=keycloak, profiles=lambda _: profiles)


@pytest.fixture
def user(app, parts, users, profiles):
    """A user by address, who has signed in before."""

    def make(address: str) -> Account:
        Browser(app).log_in(parts, address)
        subject = next(row.subject_id for row in rows(parts, addresses) if row.address == address)
        user_id = f"user-{address}"
        profiles.people.append(profile(address, id=user_id, email=address))
        profiles.links[user_id] = [Identity("email", subject, address)]
        users.known[user_id] = Account(
            realm="acme",
            id=f"user-{address}",
            email=address,
            subjects={"email": subject},
            has_another_way=False,
        )
        return users.known[f"user-{address}"]

    return make


@pytest.fixture
def ada(user):
    return user("ada@example.org")


def enter(app, keycloak, account, *, age_s=0, path="", browser=None):
    """Open a page as this user, through Keycloak."""
    browser = browser or Browser(app, "192.0.2.7")
    keycloak.user, keycloak.age_s = account.id, age_s
    away = browser.get(URL + path, PERSON)
    assert 303 == away.status_code, away.get_data(as_text=True)
    back = browser.get(f"{URL}/callback?state={keycloak.asked['state']}&code=a-code", PERSON)
    assert (303, WHOLE + path) == (back.status_code, back.location)
    return browser


def listed(page):
    return page.get_data(as_text=True).count('class="pwl-way"')


def links(page, start):
    return [
        piece.partition('"')[0].replace("&amp;", "&").removeprefix("https://login.example.org")
        for piece in page.get_data(as_text=True).split('href="')
        if start in piece.partition('"')[0]
    ]


def own_addresses(parts, account):
    return {row.address for row in rows(parts, addresses) if row.subject_id in account.subject_ids}


def adding(parts):
    return [row for row in rows(parts, challenges) if row.purpose == Purpose.ADD]


def begin(browser, address, to="email"):
    """From the list to the code page; its challenge."""
    form = form_of(browser.get(f"{URL}/add?to={to}"))
    answer = browser.post(f"{URL}/add", {**form.hidden, "address": address})
    assert 303 == answer.status_code, answer.get_data(as_text=True)
    return parse_qs(urlsplit(answer.location).query)["challenge"][0]


def code_of(parts, browser, challenge_id):
    return derive_code(parts.keys, browser.challenge(parts, challenge_id))


def test_only_keycloak_lets_somebody_in_and_only_in_the_browser_that_went_there(app, keycloak, ada):
    """C11, E6: a callback that this browser did not ask for plants no session in it."""
    victim = Browser(app)
    keycloak.user = ada.id
    Browser(app).get(URL)
    attackers = keycloak.asked["state"]

    assert 400 == victim.get(f"{URL}/callback?state={attackers}&code=a-code").status_code
    victim.get(URL)
    assert 400 == victim.get(f"{URL}/callback?state={attackers}&code=a-code").status_code
    assert 400 == victim.get(f"{URL}/callback?state={keycloak.asked['state']}").status_code
    assert COOKIE not in victim.others


def test_the_session_is_a_new_cookie_each_time_and_ends(app, parts, keycloak, ada, clock):
    browser = enter(app, keycloak, ada)
    first = browser.others[COOKIE]
    assert PENDING_COOKIE not in browser.others
    assert 1 == listed(browser.get(URL))
    clock.shift(seconds=901)
    assert 303 == browser.get(URL).status_code

    enter(app, keycloak, ada, browser=browser)

    assert first != browser.others[COOKIE]
    token = form_of(browser.get(URL)).hidden["token"]
    assert (
        "https://id.example.org/realms/acme/logout"
        == browser.post(f"{URL}/sign-out", {"token": token}).location
    )
    assert COOKIE not in browser.others
    assert [] == [row for row in rows(parts, account_sessions) if row.expires_at > row.created_at + 900_000]
    assert 303 == browser.get(URL).status_code


def test_a_users_page_ends_when_keycloak_says_so(app, keycloak, users, ada, parts):
    """A15: asked again at each step."""
    browser = enter(app, keycloak, ada)
    challenge = begin(browser, "work@example.org")
    token = form_of(browser.get(f"{URL}/add/code?challenge={challenge}")).hidden["token"]
    code = code_of(parts, browser, challenge)
    del users.known[ada.id]

    answer = browser.post(f"{URL}/add/code", {"challenge": challenge, "token": token, "code": code})

    assert 303 == answer.status_code
    assert answer.location.startswith("https://id.example.org/")
    assert {"ada@example.org"} == own_addresses(parts, ada)
    assert [] == rows(parts, account_sessions)


def test_a_change_takes_a_proof_of_the_last_five_minutes(app, keycloak, ada, parts, clock):
    browser = enter(app, keycloak, ada, age_s=280)
    (remove,) = links(browser.get(URL), "/remove?")
    form = form_of(browser.get(remove))
    clock.shift(seconds=30)

    for path in (remove, f"{URL}/add?to=email"):
        assert 303 == browser.get(path).status_code
        assert 300 == keycloak.asked["max_age_s"]
    assert 303 == browser.post(f"{URL}/remove", form.hidden).status_code
    assert (
        303
        == browser.post(
            f"{URL}/add", {"token": form.hidden["token"], "to": "email", "address": "a@b.example"}
        ).status_code
    )

    assert {"ada@example.org"} == own_addresses(parts, ada)
    assert [] == adding(parts)
    assert 200 == browser.get(URL).status_code
    enter(app, keycloak, ada, path=remove.removeprefix(URL), browser=browser)
    assert 200 == browser.get(remove).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://login.example.org.evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_form_changes_nothing(app, keycloak, ada, parts, headers):
    browser = enter(app, keycloak, ada)
    (remove,) = links(browser.get(URL), "/remove?")
    form = form_of(browser.get(remove))

    assert 400 == browser.open("POST", f"{URL}/remove", data=form.hidden, headers=headers).status_code
    assert {"ada@example.org"} == own_addresses(parts, ada)


def test_a_form_has_the_token_of_its_own_session(app, keycloak, ada, user, parts):
    """F8: the second lock, where a browser says nothing of where a form comes from."""
    browser, other = enter(app, keycloak, ada), enter(app, keycloak, user("eve@example.org"))
    (remove,) = links(browser.get(URL), "/remove?")
    right = form_of(browser.get(remove)).hidden
    theirs = form_of(other.get(URL)).hidden["token"]

    for token in ("", theirs, right["token"][:-1], "é"):
        forged = {**right, "token": token}
        for path in ("/remove", "/primary", "/add", "/add/code", "/add/resend", "/add/another", "/sign-out"):
            answer = browser.open(
                "POST", URL + path, data={**forged, "to": "email", "address": "a@b.example"}
            )
            assert 400 == answer.status_code, path
    assert {"ada@example.org"} == own_addresses(parts, ada)
    assert [] == adding(parts)
    assert 1 == listed(browser.get(URL))


def test_nobody_reaches_another_accounts_address_or_challenge(app, keycloak, ada, user, parts):
    eve = user("eve@example.org")
    browser = enter(app, keycloak, ada)
    (remove,) = links(browser.get(URL), "/remove?")
    challenge = begin(browser, "work@example.org")
    code = code_of(parts, browser, challenge)
    # The same browser, so that only the account tells them apart.
    enter_again = browser.others.pop(COOKIE)
    enter(app, keycloak, eve, browser=browser)
    token = form_of(browser.get(URL)).hidden["token"]

    assert enter_again
    assert "ada@example.org" not in browser.get(URL).get_data(as_text=True)
    assert 404 == browser.get(remove).status_code
    which = remove.partition("which=")[2]
    for path in ("/remove", "/primary"):
        assert 404 == browser.post(URL + path, {"token": token, "which": which}).status_code
    assert 404 == browser.get(f"{URL}/add/code?challenge={challenge}").status_code
    form = {"challenge": challenge, "token": token, "code": code}
    assert 404 == browser.post(f"{URL}/add/code", form).status_code
    assert {"ada@example.org"} == own_addresses(parts, ada)
    assert {"eve@example.org"} == own_addresses(parts, eve)


def test_an_address_is_added_removed_and_made_the_primary_one(app, keycloak, ada, users, parts):
    browser = enter(app, keycloak, ada)
    challenge = begin(browser, "work@example.org")
    page = form_of(browser.get(f"{URL}/add/code?challenge={challenge}"))
    status = browser.get(f"{URL}/add/status?challenge={challenge}").get_json()
    wrong = f"{(int(code_of(parts, browser, challenge)) + 1) % 10**6:06d}"

    assert {"open": True, "used": False} == {name: status[name] for name in ("open", "used")}
    assert 400 == browser.post(f"{URL}/add/code", {**page.hidden, "code": wrong}).status_code
    done = browser.post(f"{URL}/add/code", {**page.hidden, "code": code_of(parts, browser, challenge)})

    assert (303, WHOLE) == (done.status_code, done.location)
    shown = browser.get(URL)
    assert 2 == listed(shown)
    # The primary one can't be removed while there is another.
    assert 1 == len(links(shown, "/remove?")) == len(links(shown, "/primary?"))
    (primary,) = links(shown, "/primary?")
    assert 303 == browser.post(f"{URL}/primary", form_of(browser.get(primary)).hidden).status_code
    assert "work@example.org" == users.known[ada.id].email
    (remove,) = links(browser.get(URL), "/remove?")
    form = form_of(browser.get(remove)).hidden
    assert 303 == browser.post(f"{URL}/remove", form).status_code
    assert {"work@example.org"} == own_addresses(parts, ada)
    last = browser.get(links(browser.get(URL), "/remove?")[0]).get_data(as_text=True)
    assert 'id="last-way"' in last
    users.known[ada.id] = replace(users.known[ada.id], has_another_way=True)
    assert 'id="last-way"' not in browser.get(links(browser.get(URL), "/remove?")[0]).get_data(as_text=True)


def test_what_is_no_address_of_the_connection_is_said_on_the_page(app, keycloak, ada):
    browser = enter(app, keycloak, ada)
    form = form_of(browser.get(f"{URL}/add?to=email"))

    answer = browser.post(f"{URL}/add", {**form.hidden, "address": "<b>no address"})

    assert 400 == answer.status_code
    assert "<b>no" not in answer.get_data(as_text=True)
    assert 400 == browser.get(f"{URL}/add?to=nothing").status_code


def test_a_realm_without_the_page_has_none(app, keycloak, ada):
    for path in ("", "/add?to=email", "/callback?state=a&code=b", f"/undo/{'a' * 22}.{'b' * 43}"):
        assert 400 == Browser(app).get(f"/realms/other/account{path}").status_code, path


def test_it_is_refused_at_start_without_what_it_needs(settings_for, sqlite_url):
    from sidecar.errors import SettingsError

    with pytest.raises(SettingsError, match=r"realms\.acme\.account_page.*service_account"):
        settings_for(sqlite_url, REALMS__ACME__ACCOUNT_PAGE="true")


@pytest.fixture
def visitor(app, keycloak, ada):
    """Ada's browser, on the page."""
    return enter(app, keycloak, ada)


def prove(browser, parts, address):
    """Type the code for an address that has an account of its own; its spent challenge."""
    challenge = begin(browser, address)
    page = form_of(browser.get(f"{URL}/add/code?challenge={challenge}"))
    code = code_of(parts, browser, challenge)
    answer = browser.post(f"{URL}/add/code", {**page.hidden, "code": code})
    assert (303, f"{WHOLE}/merge?challenge={challenge}") == (answer.status_code, answer.location)
    return challenge


def test_a_proven_address_with_an_account_of_its_own_leads_to_one_account(
    visitor, ada, user, parts, profiles
):
    browser, eve = visitor, user("eve@example.org")
    challenge = prove(browser, parts, "eve@example.org")
    page = browser.get(f"{URL}/merge?challenge={challenge}")

    # It moves, so it is not among what is lost, though Keycloak will hold another.
    assert 1 == page.get_data(as_text=True).count("eve@example.org")
    assert {"ada@example.org"} == own_addresses(parts, ada)
    assert 303 == browser.post(f"{URL}/merge", form_of(page).hidden).status_code

    assert {"ada@example.org", "eve@example.org"} == own_addresses(parts, ada)
    assert [False] == [it.is_enabled for it in profiles.people if it.id == eve.id]
    told = [row.address for row in rows(parts, challenges) if row.purpose == Purpose.NOTICE]
    assert ["ada@example.org"] == told
    assert WHOLE == browser.post(f"{URL}/merge", form_of(page).hidden).location
    assert WHOLE == browser.get(f"{URL}/merge?challenge={challenge}").location


def test_a_merge_takes_a_proof_of_a_moment_ago_by_this_account(  # noqa: PLR0917
    app, keycloak, ada, user, parts, clock
):
    eve, mallory = user("eve@example.org"), user("mallory@example.org")
    browser = enter(app, keycloak, ada)
    unproven = begin(browser, "eve@example.org")
    token = form_of(browser.get(URL)).hidden["token"]
    for wrong in (unproven, "a" * 22, "x"):
        assert 404 == browser.get(f"{URL}/merge?challenge={wrong}").status_code
        assert 404 == browser.post(f"{URL}/merge", {"token": token, "challenge": wrong}).status_code
    challenge = prove(browser, parts, "eve@example.org")
    assert 400 == browser.post(f"{URL}/merge", {"token": "", "challenge": challenge}).status_code

    del browser.others[COOKIE]
    enter(app, keycloak, mallory, path=f"/merge?challenge={challenge}", browser=browser)
    assert 404 == browser.get(f"{URL}/merge?challenge={challenge}").status_code
    theirs = form_of(browser.get(URL)).hidden["token"]
    assert 404 == browser.post(f"{URL}/merge", {"token": theirs, "challenge": challenge}).status_code
    clock.shift(seconds=601)
    del browser.others[COOKIE]
    enter(app, keycloak, ada, path=f"/merge?challenge={challenge}", browser=browser)
    assert 404 == browser.get(f"{URL}/merge?challenge={challenge}").status_code

    for account, address in ((ada, "ada"), (eve, "eve"), (mallory, "mallory")):
        assert {f"{address}@example.org"} == own_addresses(parts, account)


def test_what_can_not_be_merged_is_said(visitor, user, parts, profiles):
    browser, eve = visitor, user("eve@example.org")
    challenge = prove(browser, parts, "eve@example.org")
    form = form_of(browser.get(f"{URL}/merge?challenge={challenge}")).hidden
    profiles.locked.add(eve.id)

    assert 409 == browser.get(f"{URL}/merge?challenge={challenge}").status_code
    assert 409 == browser.post(f"{URL}/merge", form).status_code
    assert {"eve@example.org"} == own_addresses(parts, eve)
