"""Every token at every place that it is not for (threats A11, E19): a table of n², all refused."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from sidecar.store.tables import auth_codes, challenges, messages
from tests.flow import CODE_CHALLENGE
from tests.ledger import rows
from tests.oidc.test_authorize import claims_of
from tests.web.browser import PERSON, Browser, answer_of, form_of

KINDS = [
    "code",
    "cookie",
    "sealed request",
    "auth code",
    "challenge id",
    "id_token",
    "access_token",
    "assertion",
    "message id",
    "browser mac",
    "auth code mac",
    "state",
    "nonce",
    "code_challenge",
]

#: Where a token can be put, and which kinds belong there.
PLACES = {
    "challenge of the code page": {"challenge id"},
    "challenge of the status": {"challenge id"},
    "challenge of the address page": {"challenge id"},
    "challenge of a try": {"challenge id"},
    "challenge of resend": {"challenge id"},
    "challenge of another": {"challenge id"},
    "challenge of cancel": {"challenge id"},
    "code of a try": {"code"},
    "request of start": {"sealed request"},
    "request of cancel": {"sealed request"},
    "code of token": {"auth code"},
    "assertion of token": {"assertion"},
    "cookie of a try": {"cookie"},
    "hint of authorize": set(),
}


@pytest.fixture(scope="module")
def tokens(house, realms) -> dict[str, str]:
    """One live token of each kind, all of one login; a second login gives what only a finished one has."""
    browser = house.browser
    finished = browser.log_in(house.parts, "finished@example.org")
    answer = browser.open("POST", "/realms/acme/email/token", data=realms.token_form(finished)).json
    auth_code = browser.log_in(house.parts, "waiting@example.org")
    challenge_id = browser.start("ada@example.org")
    row = rows(house.parts, challenges)[-1]
    return {
        "code": browser.right_code(house.parts, challenge_id),
        "cookie": browser.secret,
        "sealed request": form_of(browser.authorize()).hidden["request"],
        "auth code": auth_code,
        "challenge id": challenge_id,
        "id_token": answer["id_token"],
        "access_token": answer["access_token"],
        "assertion": realms.assertion(),
        "message id": rows(house.parts, messages)[-1].id,
        "browser mac": row.browser_mac,
        "auth code mac": rows(house.parts, auth_codes)[-1].code_mac,
        "state": "state-1",
        "nonce": "nonce-1",
        "code_challenge": CODE_CHALLENGE,
    }


def put(house, realms, tokens, place: str, value: str):  # noqa: C901, PLR0911  # a table, written as one
    """Use a token at a place, with everything else right; answers the response."""
    browser, base = house.browser, "/realms/acme/email"
    form = {"challenge": tokens["challenge id"], "code": tokens["code"]}
    token_form = realms.token_form(tokens["auth code"])
    match place.split(" of "):
        case ["challenge", "the code page"]:
            return browser.open("GET", f"{base}/code", query_string={"challenge": value})
        case ["challenge", "the status"]:
            return browser.open("GET", f"{base}/code/status", query_string={"challenge": value})
        case ["challenge", "the address page"]:
            return browser.open("GET", f"{base}/start", query_string={"challenge": value})
        case ["challenge", "a try"]:
            return browser.post(f"{base}/code", {**form, "challenge": value})
        case ["challenge", step]:
            return browser.post(f"{base}/code/{step}", {"challenge": value})
        case ["code", "a try"]:
            return browser.post(f"{base}/code", {**form, "code": value})
        case ["request", "start"]:
            return browser.post(f"{base}/start", {"request": value, "address": "eve@example.org"})
        case ["request", "cancel"]:
            return browser.post(f"{base}/cancel", {"request": value})
        case ["code", "token"]:
            return browser.open("POST", f"{base}/token", data={**token_form, "code": value})
        case ["assertion", "token"]:
            return browser.open("POST", f"{base}/token", data={**token_form, "client_assertion": value})
        case ["cookie", "a try"]:
            thief = Browser(house.app)
            thief.secret = value
            return thief.post(f"{base}/code", form)
        case ["hint", "authorize"]:
            return browser.authorize(login_hint=value)
    raise AssertionError(place)


MISPLACED = [(kind, place) for place, ours in PLACES.items() for kind in KINDS if kind not in ours]


@pytest.mark.parametrize(("kind", "place"), MISPLACED)
def test_a_token_at_a_place_that_it_is_not_for_is_refused(house, realms, tokens, kind, place):
    """A11, E19: no redirect, no token, nothing of the login used up but what a wrong guess uses."""
    answer = put(house, realms, tokens, place, tokens[kind])

    if place == "hint of authorize":  # an empty form: neither sent to nor shown
        assert (200, True) == (answer.status_code, 'value=""' in answer.get_data(as_text=True))
    else:
        assert answer.status_code in {400, 401, 404}
    assert "Location" not in answer.headers
    assert "id_token" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("kind", ["cookie", "auth code", "access_token", "code_challenge"])
def test_no_token_is_a_code_verifier(house, realms, tokens, kind):
    """A11: of those that have a verifier's shape; the PKCE challenge, which everybody saw, least of all."""
    browser = Browser(house.app)
    auth_code = browser.log_in(house.parts, f"{kind.replace(' ', '-')}@example.org")
    values = {**tokens, "cookie": browser.secret, "auth code": auth_code}

    form = realms.token_form(auth_code, code_verifier=values[kind])

    assert "invalid_grant" == browser.open("POST", "/realms/acme/email/token", data=form).json["error"]


def test_the_login_of_the_table_is_still_good_where_it_belongs(house, realms, tokens):
    """Runs after the table: what it was refused for is not that anything was stale."""
    answer = put(house, realms, tokens, "code of token", tokens["auth code"])
    assert 200 == answer.status_code
    assert 303 == put(house, realms, tokens, "code of a try", tokens["code"]).status_code
    assert 303 == put(house, realms, tokens, "request of start", tokens["sealed request"]).status_code


FOREIGN = [("acme", "partner"), ("other", "email")]


@pytest.mark.parametrize(("realm", "connection"), FOREIGN)
def test_nothing_of_one_connection_serves_another(parts, browser, realms, realm, connection):
    """A11: challenge, page, code and assertion of acme/email at every endpoint of the other; all stay good at home."""
    sealed = form_of(browser.authorize()).hidden["request"]
    challenge_id = browser.start()
    right = browser.right_code(parts, challenge_id)
    there = f"/realms/{realm}/{connection}"
    named, form = {"challenge": challenge_id}, {"challenge": challenge_id, "code": right}

    answers = [
        *(browser.get(f"{there}/{it}?{urlencode(named)}") for it in ("code", "code/status", "start")),
        *(
            browser.post(f"{there}/{it}", form)
            for it in ("code", "code/resend", "code/another", "code/cancel")
        ),
        browser.post(f"{there}/start", {"request": sealed, "address": "ada@example.org"}),
        browser.post(f"{there}/cancel", {"request": sealed}),
        browser.open(
            "POST",
            f"{there}/token",
            data=realms.token_form(
                "x" * 43, realm=realm, connection=connection, client_assertion=realms.assertion()
            ),
        ),
        browser.authorize(
            realm, connection, redirect_uri="https://id.example.org/realms/acme/broker/email/endpoint"
        ),
    ]

    assert [404] * 7 + [400, 400, 401, 400] == [answer.status_code for answer in answers]
    assert all("Location" not in answer.headers for answer in answers)
    assert 303 == browser.type_code(challenge_id, right).status_code


@pytest.mark.parametrize(("realm", "connection"), FOREIGN)
def test_the_same_address_is_another_identity_in_another_connection(
    parts, browser, realms, realm, connection
):
    """M4, A11."""
    subjects = []
    for where in (("acme", "email"), (realm, connection)):
        code = browser.log_in(parts, "ada@example.org", *where)
        form = realms.token_form(code, realm=where[0], connection=where[1])
        token = browser.open("POST", f"/realms/{where[0]}/{where[1]}/token", data=form).json["id_token"]
        subjects.append(claims_of(token)["sub"])

    assert 2 == len(set(subjects))


def test_signatures_of_one_realm_are_not_anothers(house, realms):
    """A11, E8: with the other realm's keys the token does not verify."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    browser = Browser(house.app)
    code = browser.log_in(house.parts, "signed@example.org")
    token = browser.open("POST", "/realms/acme/email/token", data=realms.token_form(code)).json["id_token"]
    foreign = KeySet.import_key_set(browser.get("/realms/other/email/jwks", PERSON).json)

    with pytest.raises((JoseError, ValueError)):
        jwt.decode(token, foreign, algorithms=["ES256"])
    assert "code" not in answer_of(browser.authorize(prompt="none"))
