"""The token endpoint: whose code it is, what it is bound to, how often it is taken."""

from __future__ import annotations

import base64
import itertools
import json
import time

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from sidecar.model.events import Event
from sidecar.model.proof import Grant
from sidecar.oidc.claims import id_token_claims
from tests.ledger import events_of
from tests.web.browser import Browser, answer_of

TOKEN = "/realms/acme/email/token"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def redeem(browser, form, path=TOKEN):
    return browser.open("POST", path, data=form)


def test_a_login_ends_in_an_id_token_that_says_just_this(parts, browser, realms):
    """E7: every claim, so that nothing about a person can stand in for one of the protocol's."""
    code = browser.log_in(parts)
    before = int(time.time())

    answer = redeem(browser, realms.token_form(code))

    published = KeySet.import_key_set(browser.get("/realms/acme/email/jwks").json)
    claims = jwt.decode(answer.json["id_token"], published, algorithms=["ES256"]).claims
    assert before <= claims["iat"] <= claims["auth_time"] + 5
    assert 60 == claims.pop("exp") - claims.pop("iat")
    assert claims.pop("auth_time") <= time.time()
    assert claims.pop("sub").startswith("email.")
    assert {
        "iss": "https://login.example.org/realms/acme/email",
        "aud": "keycloak",
        "nonce": "nonce-1",
        "acr": "1",
        "amr": ["otp", "email"],
        "amr_json": '["otp","email"]',
        "email": "ada@example.org",
        "email_verified": True,
        "preferred_username": "ada@example.org",
    } == claims
    assert "no-store" == answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "address", ['ada","iss":"https://evil.example","x":"@example.org', "iss", "keycloak", ""]
)
def test_nothing_about_a_person_replaces_a_claim_of_the_protocol(address):
    """E7: whatever the store holds about a person, issuer, subject, audience, times, nonce and acr are ours."""
    honest, hostile = (_claims(address=it, amr=("otp",)) for it in ("ada@example.org", address))
    protocol = ("iss", "sub", "aud", "auth_time", "nonce", "acr", "email_verified")

    assert {name: honest[name] for name in protocol} == {name: hostile[name] for name in protocol}
    assert honest.keys() == hostile.keys()
    assert "email.1" == hostile["preferred_username"] or address == hostile["preferred_username"]


@pytest.mark.parametrize(
    "acr_values", ["1", "2", "3", "0", "silver", "1 2", "urn:mace:incommon:iap:gold", "phr"]
)
@pytest.mark.parametrize(
    "claims",
    [None, '{"id_token":{"acr":{"essential":true,"value":"2"}}}', '{"id_token":{"amr":{"value":["hwk"]}}}'],
)
def test_a_token_never_says_more_than_one_factor(house, realms, acr_values, claims):
    """E17: whatever strength is asked for, and however; who asked sees that it was not met."""
    browser = Browser(house.app)
    address = f"acr{next(_numbers)}@example.org"
    challenge_id = browser.start(
        address, **{"acr_values": acr_values, **({"claims": claims} if claims else {})}
    )
    answer = browser.type_code(challenge_id, browser.right_code(house.parts, challenge_id))

    token = redeem(browser, realms.token_form(answer_of(answer)["code"])).json["id_token"]

    said = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert ("1", ["otp", "email"]) == (said["acr"], said["amr"])


_numbers = itertools.count()


def _claims(**about_person):
    grant = Grant(
        realm="acme",
        connection="email",
        client_id="keycloak",
        redirect_uri="",
        code_challenge="",
        nonce="nonce-1",
        subject_id="email.1",
        auth_time=1_000,
        **about_person,
    )
    return id_token_claims(grant, issuer="https://issuer.example.org")


def test_a_code_is_redeemed_once_and_its_replay_is_recorded(parts, browser, realms):
    """E1."""
    code = browser.log_in(parts)

    answers = [redeem(browser, realms.token_form(code)) for _ in range(3)]

    assert [200, 400, 400] == [answer.status_code for answer in answers]
    assert [{"error": "invalid_grant"}] * 2 == [answer.json for answer in answers[1:]]
    assert 1 == len(events_of(parts, Event.AUTH_CODE_REDEEMED))
    assert 2 == len(events_of(parts, Event.AUTH_CODE_REPLAYED))


@pytest.mark.parametrize(("after_s", "status"), [(58, 200), (60, 400), (61, 400)])
def test_a_code_lives_for_a_minute(parts, browser, realms, after_s, status):
    """E1, ASVS 10.4.3."""
    code = browser.log_in(parts)
    parts.database.clock.shift(seconds=after_s)

    assert status == redeem(browser, realms.token_form(code)).status_code
    assert (status == 400) == bool(events_of(parts, Event.AUTH_CODE_REFUSED))


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"redirect_uri": "https://id.example.org/realms/acme/broker/partner/endpoint"}, "invalid_grant"),
        ({"redirect_uri": "https://id.example.org/realms/acme/broker/email/endpoint/"}, "invalid_grant"),
        ({"redirect_uri": "https://ID.example.org/realms/acme/broker/email/endpoint"}, "invalid_grant"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": "v" * 42}, "invalid_grant"),
        ({"code_verifier": "v" * 129}, "invalid_grant"),
        ({"code_verifier": "v" * 42 + "ü"}, "invalid_grant"),
        ({"code_verifier": "v" * 43 + "\n"}, "invalid_grant"),
    ],
)
def test_a_code_is_bound_to_redirect_uri_and_verifier_and_spent_by_a_wrong_one(
    parts, browser, realms, changed, error
):
    """E2, E3: swapped for another, the code is refused, and it is of no use afterwards either."""
    code = browser.log_in(parts)

    refused = redeem(browser, realms.token_form(code, **changed))

    assert (400, {"error": error}) == (refused.status_code, refused.json)
    assert 400 == redeem(browser, realms.token_form(code)).status_code


@pytest.mark.parametrize(("realm", "connection"), [("acme", "partner"), ("other", "email")])
def test_a_code_is_bound_to_its_realm_and_connection(parts, browser, realms, realm, connection):
    """E2, A11: at another issuer it is unknown, and stays good at its own."""
    code = browser.log_in(parts)

    form = realms.token_form(code, realm=realm, connection=connection)
    elsewhere = redeem(browser, form, f"/realms/{realm}/{connection}/token")

    assert (400, {"error": "invalid_grant"}) == (elsewhere.status_code, elsewhere.json)
    assert 200 == redeem(browser, realms.token_form(code)).status_code


@pytest.mark.parametrize("name", ["code", "redirect_uri", "code_verifier"])
@pytest.mark.parametrize("how", ["missing", "empty", "twice"])
def test_a_parameter_that_is_missing_empty_or_given_twice_is_refused(parts, browser, realms, name, how):
    form = realms.token_form(browser.log_in(parts))
    fields = [(key, value) for key, value in form.items() if key != name]
    fields += {"missing": [], "empty": [(name, "")], "twice": [(name, form[name])] * 2}[how]

    from werkzeug.datastructures import MultiDict

    refused = redeem(browser, MultiDict(fields))

    assert (400, {"error": "invalid_request"}) == (refused.status_code, refused.json)
    # It was not looked at, so it is not spent.
    assert 200 == redeem(browser, {**form, "client_assertion": realms.assertion()}).status_code


@pytest.mark.parametrize(
    ("grant_type", "error"),
    [("password", "unsupported_grant_type"), ("refresh_token", "unsupported_grant_type"),
     ("client_credentials", "unsupported_grant_type"), ("", "unsupported_grant_type")],
)  # fmt: skip
def test_only_the_authorization_code_grant_is_there(parts, browser, realms, grant_type, error):
    refused = redeem(browser, realms.token_form("x", grant_type=grant_type))

    assert (400, {"error": error}) == (refused.status_code, refused.json)


def test_parameters_in_the_query_are_not_read(parts, browser, realms):
    """E18: an assertion or a code in a URL would stand in logs."""
    form = realms.token_form(browser.log_in(parts))

    from urllib.parse import urlencode

    refused = browser.open("POST", f"{TOKEN}?{urlencode(form)}", headers=FORM)

    assert (401, {"error": "invalid_client"}) == (refused.status_code, refused.json)
    assert 200 == redeem(browser, form).status_code


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", "text/plain", ""])
def test_only_a_form_is_read(parts, browser, realms, content_type):
    form = realms.token_form(browser.log_in(parts))
    body = json.dumps(form) if "json" in content_type else ""

    refused = browser.open("POST", TOKEN, data=body, headers={"Content-Type": content_type})

    assert (400, {"error": "invalid_request"}) == (refused.status_code, refused.json)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_the_token_endpoint_takes_post_only(browser, method):
    assert 405 == browser.open(method, TOKEN).status_code


def test_a_code_whose_server_key_is_off_the_list_is_refused(parts, browser, realms, settings_for):
    """E9: revoking a key kills what was made under it."""
    from sidecar.app import Parts, create_app

    code = browser.log_in(parts)
    settings = settings_for(
        parts.settings.database.url.reveal(), "Zp4Vw9cKx2Lh7RgTn0sYb6MfQe1JdUo8AiXt3BzNvCk",
        KEYCLOAK__INTERNAL_URL=realms.url, REALMS__ACME__DISPLAY_NAME="Acme",
    )  # fmt: skip
    _forget_signing_keys(parts)
    rotated = Parts.build(settings)

    refused = redeem(Browser(create_app(rotated)), realms.token_form(code))

    assert (400, {"error": "invalid_grant"}) == (refused.status_code, refused.json)
    rotated.database.dispose()


def _forget_signing_keys(parts):
    from sqlalchemy import delete

    from sidecar.store.tables import signing_keys

    with parts.database.write() as connection:
        connection.execute(delete(signing_keys))
