"""The authorization endpoint: what is answered where, and what never is (threats B6, E3, E4, E5, E6, E11)."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import pytest

from tests.flow import CODE_CHALLENGE
from tests.ledger import events, events_of
from tests.web.browser import PERSON, PUBLIC_URL, Browser, answer_of, authorization, form_of

PATH = "/realms/acme/email/authorize"
GOOD = "https://id.example.org/realms/acme/broker/email/endpoint"
ISSUER = f"{PUBLIC_URL}/realms/acme/email"

BAD_REDIRECT_URIS = [
    "",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "http:evil.example",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "ftp://id.example.org/realms/acme/broker/email/endpoint",
    "urn:ietf:wg:oauth:2.0:oob",
    "https://evil.example",
    "https://evil.example/realms/acme/broker/email/endpoint",
    "http://id.example.org/realms/acme/broker/email/endpoint",
    "HTTPS://id.example.org/realms/acme/broker/email/endpoint",
    "https://ID.example.org/realms/acme/broker/email/endpoint",
    "https://id.example.org:443/realms/acme/broker/email/endpoint",
    "https://id.example.org:8443/realms/acme/broker/email/endpoint",
    "https://id.example.org./realms/acme/broker/email/endpoint",
    "https://id.example.org@evil.example/realms/acme/broker/email/endpoint",
    "https://id.example.org@@evil.example/realms/acme/broker/email/endpoint",
    "https://id.example.org:pw@evil.example/realms/acme/broker/email/endpoint",
    "https://user@id.example.org/realms/acme/broker/email/endpoint",
    "https://id.example.org.evil.example/realms/acme/broker/email/endpoint",
    "https://evilid.example.org/realms/acme/broker/email/endpoint",
    "https://id-example.org/realms/acme/broker/email/endpoint",
    "https://idXexample.org/realms/acme/broker/email/endpoint",
    "https://id。example.org/realms/acme/broker/email/endpoint",
    "https://id.exampl\u0435.org/realms/acme/broker/email/endpoint",
    "https://localhost/realms/acme/broker/email/endpoint",
    "https://127.0.0.1/realms/acme/broker/email/endpoint",
    "https://[::1]/realms/acme/broker/email/endpoint",
    "https://evil.example\\@id.example.org/realms/acme/broker/email/endpoint",
    "https://evil.example#@id.example.org/realms/acme/broker/email/endpoint",
    "https://evil.example?@id.example.org/realms/acme/broker/email/endpoint",
    "https://evil.example/https://id.example.org/realms/acme/broker/email/endpoint",
    f"{GOOD}/",
    f"{GOOD}//",
    f"{GOOD}?",
    f"{GOOD}?next=https://evil.example",
    f"{GOOD}#",
    f"{GOOD}#fragment",
    f"{GOOD};/x",
    f"{GOOD}/..;/x",
    f"{GOOD}/../../other",
    f"{GOOD}/%2e%2e/x",
    f"{GOOD}%00",
    f"{GOOD}\x00",
    f"{GOOD}%0d%0aLocation:%20https://evil.example",
    f"{GOOD}\r\nLocation: https://evil.example",
    f"{GOOD}\n",
    f" {GOOD}",
    f"{GOOD} ",
    f"\t{GOOD}",
    f"{GOOD},https://evil.example",
    f"{GOOD} https://evil.example",
    GOOD.replace("email", "partner"),
    GOOD.replace("acme", "other"),
    GOOD.replace("acme", "a%63me"),
    GOOD.replace("/broker/", "//broker/"),
    GOOD.replace("endpoint", "Endpoint"),
    GOOD.replace("endpoint", "endpoint%2f"),
    "https://id.example.org/realms/acme/broker/email/*",
    "https://id.example.org/*",
    "*",
    GOOD + "x" * 3_000,
]

#: The good way and each way to an error that would be sent back to the redirect URI.
WAYS = {
    "good": {},
    "no response_type": {"response_type": None},
    "token": {"response_type": "token"},
    "fragment": {"response_mode": "fragment"},
    "no openid": {"scope": "profile"},
    "no state": {"state": None},
    "no nonce": {"nonce": None},
    "plain PKCE": {"code_challenge_method": "plain"},
    "prompt none": {"prompt": "none"},
    "max_age": {"max_age": "junk"},
    "request": {"request": "e30.e30."},
    "request_uri": {"request_uri": "https://evil.example/r"},
    "registration": {"registration": "{}"},
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_ever_redirected_to_an_uri_that_is_not_exactly_ours(house, way):
    """E4, B6: 70 of them on the good path and on each path that ends in an error."""
    followed = []
    for redirect_uri in BAD_REDIRECT_URIS:
        answer = house.browser.authorize(login_hint="ada@example.org", redirect_uri=redirect_uri, **WAYS[way])
        if "Location" in answer.headers or 400 != answer.status_code:
            followed.append((redirect_uri, answer.status_code, answer.headers.get("Location")))

    assert [] == followed
    assert 60 < len(set(BAD_REDIRECT_URIS))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "redirect_uris", [[], [GOOD, GOOD], [GOOD, "https://evil.example"], ["https://evil.example", GOOD]]
)
def test_a_redirect_uri_that_is_missing_or_given_twice_is_not_followed(house, way, redirect_uris):
    """E4: which of two is meant is nothing to guess."""
    query = [
        *authorization(redirect_uri=None, **WAYS[way]).items(),
        *(("redirect_uri", uri) for uri in redirect_uris),
    ]

    answer = house.browser.get(f"{PATH}?{urlencode(query)}", PERSON)

    assert (400, None) == (answer.status_code, answer.headers.get("Location"))


@pytest.mark.parametrize(
    "client_ids", [[], [""], ["account"], ["Keycloak"], ["keycloak "], ["keycloak", "keycloak"]]
)
def test_an_unknown_client_is_not_redirected(house, client_ids):
    """E4: until client and redirect URI are right, the person sees a page."""
    query = [*authorization(client_id=None).items(), *(("client_id", it) for it in client_ids)]

    answer = house.browser.get(f"{PATH}?{urlencode(query)}", PERSON)

    assert (400, None) == (answer.status_code, answer.headers.get("Location"))


ERRORS = [
    ({"response_type": None}, "unsupported_response_type"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "id_token"}, "unsupported_response_type"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"response_type": "none"}, "unsupported_response_type"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"response_mode": "form_post"}, "invalid_request"),
    ({"scope": None}, "invalid_scope"),
    ({"scope": "profile email"}, "invalid_scope"),
    ({"scope": "OPENID"}, "invalid_scope"),
    ({"nonce": None}, "invalid_request"),
    ({"nonce": ""}, "invalid_request"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge": ""}, "invalid_request"),
    ({"code_challenge": CODE_CHALLENGE[:-1]}, "invalid_request"),
    ({"code_challenge": CODE_CHALLENGE + "A"}, "invalid_request"),
    ({"code_challenge": CODE_CHALLENGE[:-1] + "="}, "invalid_request"),
    ({"code_challenge": CODE_CHALLENGE + "\n"}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": "s256"}, "invalid_request"),
    ({"code_challenge_method": "S512"}, "invalid_request"),
    ({"prompt": "none"}, "login_required"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "login none"}, "invalid_request"),
    ({"max_age": ""}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"max_age": "1.5"}, "invalid_request"),
    ({"max_age": "1e3"}, "invalid_request"),
    ({"max_age": "٣"}, "invalid_request"),
    ({"max_age": "9" * 3_000}, "invalid_request"),
    ({"request": "e30.e30."}, "request_not_supported"),
    ({"request": ""}, "request_not_supported"),
    ({"request_uri": "https://evil.example/r"}, "request_uri_not_supported"),
    ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "request_uri_not_supported"),
    ({"registration": "{}"}, "registration_not_supported"),
    ({"nonce": "n" * 2_049}, "invalid_request"),
    ({"login_hint": "a" * 2_049}, "invalid_request"),
    ({"anything": "a" * 2_049}, "invalid_request"),
]


@pytest.mark.parametrize(
    ("changed", "error"), ERRORS, ids=[f"{next(iter(c))}-{n}" for n, (c, _) in enumerate(ERRORS)]
)
def test_what_is_refused_goes_back_with_error_state_and_issuer(house, changed, error):
    """E3, E5, E6, E11, E17: nothing is sent, nothing is fetched, and the answer names its issuer (RFC 9207)."""
    seen = len(events(house.parts))

    answer = house.browser.authorize(**{"login_hint": "ada@example.org", **changed})

    assert 303 == answer.status_code
    assert GOOD == answer.location.partition("?")[0]
    told = answer_of(answer)
    assert (error, "state-1", ISSUER) == (told["error"], told["state"], told["iss"])
    assert {"error", "error_description", "state", "iss"} == told.keys()
    assert seen == len(events(house.parts))


@pytest.mark.parametrize("state", [None, "", "s" * 2_049])
def test_a_request_without_a_usable_state_is_refused(house, state):
    """E6."""
    answer = house.browser.authorize(login_hint="ada@example.org", state=state)

    assert ("invalid_request", ISSUER) == (answer_of(answer)["error"], answer_of(answer)["iss"])
    assert "state" not in answer_of(answer)


@pytest.mark.parametrize(
    "name",
    [
        "state",
        "nonce",
        "response_type",
        "scope",
        "code_challenge",
        "code_challenge_method",
        "prompt",
        "max_age",
        "login_hint",
        "x",
    ],
)
def test_a_parameter_given_twice_is_refused(house, name):
    """RFC 6749 §3.1; the state comes back only if it is beyond doubt."""
    query = [*{name: "x", **authorization()}.items(), (name, authorization().get(name, "y"))]

    answer = house.browser.get(f"{PATH}?{urlencode(query)}", PERSON)

    assert "invalid_request" == answer_of(answer)["error"]
    assert ("state-1" if name != "state" else None) == answer_of(answer).get("state")


@pytest.mark.parametrize("prompt", ["login", "consent", "select_account", "create", "", "login consent"])
@pytest.mark.parametrize("max_age", ["0", "1", "86400"])
def test_every_login_is_a_fresh_one(house, prompt, max_age):
    """E17: no session is kept, so any prompt but none and any max_age ask for a code."""
    answer = house.browser.authorize(prompt=prompt, max_age=max_age)

    assert 200 == answer.status_code
    assert "request" in form_of(answer).hidden


@pytest.mark.parametrize(
    "state", ["s", "&iss=https://evil.example&code=x", "a b+c%20d", "ä€😀", "\r\nX: y", "s" * 2_048]
)
def test_state_and_issuer_come_back_exactly(parts, browser, state):
    """E5, E6: what Keycloak sent, encoded, and the issuer once."""
    challenge_id = browser.start(state=state)

    answer = browser.type_code(challenge_id, browser.right_code(parts, challenge_id))

    assert {"code", "state", "iss"} == answer_of(answer).keys()
    assert (state, ISSUER) == (answer_of(answer)["state"], answer_of(answer)["iss"])
    assert GOOD == answer.location.partition("?")[0]
    assert 1 == urlsplit(answer.location).query.count("iss=")


@pytest.mark.parametrize(
    "login_hint",
    ["", "tkt_" + "x" * 43, "ada", "ada@", "@example.org", "ada@example.org,eve@evil.example",
     "ada@example.org\nBcc: eve@evil.example",
     "<script>alert(1)</script>@example.org", "\x00", "a" * 2_000],
    ids=range(10),
)  # fmt: skip
def test_a_hint_that_is_no_address_is_an_empty_form(house, login_hint):
    """B6, D5: it is neither sent to nor shown."""
    seen = len(events(house.parts))

    answer = house.browser.authorize(login_hint=login_hint)

    assert 200 == answer.status_code
    assert 'value=""' in answer.get_data(as_text=True)
    assert seen == len(events(house.parts))


def test_a_cancelled_login_goes_back_with_state_and_issuer(parts, browser):
    """E5: from the address page and from the code page; the challenge is over."""
    page = browser.authorize()
    from_address = browser.post("/realms/acme/email/cancel", form_of(page).hidden)
    challenge_id = browser.start()
    right = browser.right_code(parts, challenge_id)
    from_code = browser.post("/realms/acme/email/code/cancel", {"challenge": challenge_id})

    for answer in (from_address, from_code):
        assert (303, GOOD) == (answer.status_code, answer.location.partition("?")[0])
        assert ("access_denied", "state-1", ISSUER) == tuple(
            answer_of(answer)[it] for it in ("error", "state", "iss")
        )
    assert 400 == browser.type_code(challenge_id, right).status_code


def test_two_tabs_each_go_back_with_their_own_state_and_nonce(parts, browser, realms):
    """E6: one browser, two logins under way."""
    tabs = {
        name: browser.start(f"{name}@example.org", state=f"state-{name}", nonce=f"nonce-{name}")
        for name in ("ada", "eve")
    }

    for name, challenge_id in reversed(tabs.items()):
        answer = answer_of(browser.type_code(challenge_id, browser.right_code(parts, challenge_id)))
        token = browser.open("POST", "/realms/acme/email/token", data=realms.token_form(answer["code"]))
        claims = claims_of(token.json["id_token"])

        assert f"state-{name}" == answer["state"]
        assert (f"nonce-{name}", f"{name}@example.org") == (claims["nonce"], claims["email"])


def test_in_two_tabs_of_one_address_the_later_one_counts(parts, browser):
    """E6: the first tab's code is over, and asking anew there goes on with that tab's own request."""
    first = browser.start(state="state-first")
    old_code = browser.right_code(parts, first)
    browser.start(state="state-second")

    assert 400 == browser.type_code(first, old_code).status_code
    fresh = answer_of(browser.post("/realms/acme/email/code/resend", {"challenge": first}))["challenge"]
    answer = browser.type_code(fresh, browser.right_code(parts, fresh))

    assert "state-first" == answer_of(answer)["state"]


def test_the_back_button_finds_a_used_page_over(parts, browser):
    """E6: no second authorization code comes of it, by no way the page offers."""
    challenge_id = browser.start()
    code = browser.right_code(parts, challenge_id)
    browser.type_code(challenge_id, code)

    answers = [
        browser.get(f"/realms/acme/email/code?challenge={challenge_id}"),
        browser.get(f"/realms/acme/email/code/status?challenge={challenge_id}"),
        browser.get(f"/realms/acme/email/start?challenge={challenge_id}"),
        browser.type_code(challenge_id, code),
        *(
            browser.post(f"/realms/acme/email/code/{it}", {"challenge": challenge_id})
            for it in ("resend", "another", "cancel")
        ),
    ]

    assert [404] * 7 == [answer.status_code for answer in answers]
    assert 1 == len(events_of(parts, "code_accepted"))


def test_discovery_says_the_same_whatever_the_requestclaims_of(house):
    """E5: issuer and endpoints are constants of the settings."""
    honest = house.browser.get("/realms/acme/email/.well-known/openid-configuration").json
    hostile = house.browser.get(
        "/realms/acme/email/.well-known/openid-configuration?issuer=https://evil.example",
        {
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "http",
            "X-Forwarded-Prefix": "/evil",
            "Forwarded": "host=evil.example;proto=http",
            "X-Original-URL": "/evil",
            "Origin": "https://evil.example",
        },
    )

    assert honest == hostile.json
    assert ISSUER == honest["issuer"]
    assert {f"{ISSUER}/authorize", f"{ISSUER}/token", f"{ISSUER}/jwks"} == {
        honest[name] for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
    }


def test_discovery_promises_only_what_is_done(house):
    """E8, RFC 9700: one flow, one method, one algorithm; what is absent is refused above."""
    told = house.browser.get("/realms/acme/email/.well-known/openid-configuration").json

    assert {
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "claims_parameter_supported": False,
    }.items() <= told.items()
    assert not {"registration_endpoint", "userinfo_endpoint", "introspection_endpoint"} & told.keys()


def test_the_published_keys_are_public_and_each_realm_has_its_own(house):
    """E8, A11."""
    acme, other = (
        house.browser.get(f"/realms/{realm}/email/jwks").json["keys"] for realm in ("acme", "other")
    )

    assert [{"kty", "crv", "x", "y", "kid", "use", "alg"}] * 2 == [set(key) for key in (*acme, *other)]
    assert acme[0]["kid"] != other[0]["kid"]


@pytest.mark.parametrize("path", ["/realms/nobody/email", "/realms/acme/nobody", "/realms/ACME/email"])
@pytest.mark.parametrize(
    "endpoint", ["authorize", "jwks", ".well-known/openid-configuration", "start", "code"]
)
def test_there_is_no_issuer_that_is_not_in_the_settings(house, path, endpoint):
    answer = house.browser.get(f"{path}/{endpoint}?{urlencode(authorization())}")

    assert answer.status_code in {400, 404}
    assert "Location" not in answer.headers


def test_other_browsers_get_nothing_from_a_replayed_request(house):
    """E6: the same URL in another browser is another login of its own, with a cookie of its own."""
    mine, theirs = Browser(house.app), Browser(house.app, network="198.51.100.9")
    first, second = mine.start("tab@example.org"), theirs.start("tab@example.org")

    assert first != second
    assert mine.secret != theirs.secret
    assert 404 == theirs.get(f"/realms/acme/email/code?challenge={first}").status_code


def claims_of(id_token: str) -> dict:
    import base64
    import json

    payload = id_token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_there_is_no_logout_and_no_way_to_register(house):
    """E16, E11: no logout token, hint or registration is ever read, for nothing takes one."""
    told = house.browser.get("/realms/acme/email/.well-known/openid-configuration").json
    absent = ("end_session", "backchannel", "frontchannel", "check_session", "registration", "introspection")
    assert [] == [
        name for name in told for part in (*absent, "revocation", "userinfo", "pushed") if part in name
    ]
    for name in (
        "logout",
        "end_session",
        "backchannel-logout",
        "register",
        "userinfo",
        "introspect",
        "revoke",
        "par",
    ):
        for method in ("GET", "POST"):
            answer = house.browser.open(
                method, f"/realms/acme/email/{name}", data={"logout_token": "e30.e30."}
            )
            assert (404, None) == (answer.status_code, answer.headers.get("Location")), name
