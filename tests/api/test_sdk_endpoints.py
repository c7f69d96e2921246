"""`/authorize`, `/v2/logout`, discovery and hosts of the SDKs' face: where each sends a browser, and where never."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.api.conftest import ORIGIN
from tests.web.browser import PERSON, PUBLIC_URL, answer_of

KEYCLOAK = "https://id.example.org/realms/acme/protocol/openid-connect"
CALLBACK = "https://shop.acme.example/cb"
ASKED = {
    "client_id": "shop",
    "response_type": "code",
    "redirect_uri": CALLBACK,
    "scope": "openid",
    "state": "s",
}


@pytest.fixture
def browser(face):
    return face.browser


@pytest.fixture(autouse=True)
def keycloak_knows(realms, monkeypatch):
    monkeypatch.setattr(realms, "redirect_uris", {CALLBACK, f"{CALLBACK}?a=b"})


def authorize(browser, **changed):
    given = {name: value for name, value in {**ASKED, **changed}.items() if value is not None}
    return browser.get(f"/authorize?{urlencode(given)}", PERSON)


@pytest.mark.parametrize("named", [{"connection": "partner"}, {"realm": "partner"}], ids=str)
def test_a_named_connection_is_keycloaks_hint(browser, named):
    sent_on = authorize(
        browser,
        **named,
        audience="api",
        nonce="n",
        code_challenge="c",
        code_challenge_method="S256",
        evil="1",
    )

    assert (303, f"{KEYCLOAK}/auth") == (sent_on.status_code, sent_on.location.partition("?")[0])
    assert {
        **ASKED,
        "nonce": "n",
        "code_challenge": "c",
        "code_challenge_method": "S256",
        "kc_idp_hint": "partner",
    } == answer_of(sent_on)


def test_without_one_the_login_page_chooses(browser):
    assert ASKED == answer_of(authorize(browser))


@pytest.mark.parametrize(
    ("changed", "there"),
    [
        ({}, f"{CALLBACK}?error="),
        ({"response_type": "token id_token"}, f"{CALLBACK}#error="),
        ({"response_mode": "fragment"}, f"{CALLBACK}#error="),
        ({"redirect_uri": f"{CALLBACK}?a=b"}, f"{CALLBACK}?a=b&error="),
    ],
    ids=str,
)
def test_an_unknown_connection_goes_back_to_a_redirect_uri_that_keycloak_knows(browser, changed, there):
    refused = authorize(browser, connection="none", **changed)

    assert 303 == refused.status_code
    assert refused.location.startswith(there)
    assert "error=invalid_request&error_description=the+connection+was+not+found&state=s" in refused.location


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://evil.example/",
        "//evil.example",
        r"/\evil.example",
        "javascript:alert(1)",
        f"{CALLBACK}@evil.example",
        f"{CALLBACK}%0d%0aLocation:%20https://evil.example",
        "",
        None,
    ],
)
def test_no_other_address_is_ever_gone_to(browser, redirect_uri):
    page = authorize(browser, connection="none", redirect_uri=redirect_uri)

    assert (400, "text/html") == (page.status_code, page.mimetype)
    assert "Location" not in page.headers
    for twice in ("redirect_uri", "connection"):
        again = browser.get(f"/authorize?{urlencode(ASKED)}&connection=none&{twice}=https://evil.example")
        assert ("text/html", None) == (again.mimetype, again.headers.get("Location"))


def test_keycloaks_going_elsewhere_makes_no_address_the_clients(browser, realms, monkeypatch):
    """As a proxy before it may, or its own page of a realm that is moved."""
    for elsewhere in ("https://id.example.org/login", "https://evil.example.org/"):
        monkeypatch.setattr(realms, "instead", elsewhere)

        page = authorize(browser, connection="none", redirect_uri="https://evil.example")

        assert (400, None) == (page.status_code, page.headers.get("Location"))


def test_connection_and_realm_must_agree(browser):
    assert "invalid_request" == answer_of(authorize(browser, connection="email", realm="partner"))["error"]
    assert "email" == answer_of(authorize(browser, connection="email", realm="email"))["kc_idp_hint"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v2/logout", ""),
        ("/v2/logout?returnTo=https://evil.example", ""),
        ("/v2/logout?federated", ""),
        (
            "/v2/logout?client_id=shop&returnTo=https://shop.acme.example/bye",
            "?client_id=shop&post_logout_redirect_uri=https%3A%2F%2Fshop.acme.example%2Fbye",
        ),
        (
            "/oidc/logout?id_token_hint=x&post_logout_redirect_uri=https://a.example&state=s&evil=1",
            "?id_token_hint=x&post_logout_redirect_uri=https%3A%2F%2Fa.example&state=s",
        ),
    ],
)
def test_the_session_ends_at_keycloak_which_knows_where_to_go_back_to(browser, path, query):
    sent_on = browser.get(path, PERSON)

    assert (303, f"{KEYCLOAK}/logout{query}") == (sent_on.status_code, sent_on.location)


def test_discovery_says_whose_tokens_these_are(browser, realms):
    found = browser.open("GET", "/.well-known/openid-configuration", headers={"Origin": ORIGIN})
    keys = browser.open("GET", "/.well-known/jwks.json", headers={"Origin": ORIGIN})

    assert {
        "issuer": "https://id.example.org/realms/acme",
        "authorization_endpoint": f"{PUBLIC_URL}/authorize",
        "token_endpoint": f"{PUBLIC_URL}/oauth/token",
        "userinfo_endpoint": f"{PUBLIC_URL}/userinfo",
        "jwks_uri": f"{PUBLIC_URL}/.well-known/jwks.json",
        "end_session_endpoint": f"{PUBLIC_URL}/oidc/logout",
        "scopes_supported": ["openid", "email"],
    }.items() <= found.json.items()
    assert "claims_parameter_supported" not in found.json
    assert realms.certs("acme") == keys.json
    assert [ORIGIN] * 2 == [it.headers["Access-Control-Allow-Origin"] for it in (found, keys)]


def test_another_realm_has_a_host_of_its_own_and_nothing_else_there(face):
    """Host decides, and a forged one serves nothing."""
    client = face.app.test_client(use_cookies=False)

    def get(host, path):
        return client.get(path, base_url=f"https://{host}")

    there = get("auth.other.example", "/.well-known/openid-configuration").json
    assert ("https://id.example.org/realms/other", "https://auth.other.example/authorize") == (
        there["issuer"],
        there["authorization_endpoint"],
    )
    sent_on = get("auth.other.example", f"/authorize?{urlencode(ASKED)}&connection=email")
    assert sent_on.location.startswith("https://id.example.org/realms/other/")
    assert 400 == get("auth.other.example", "/realms/acme/email/.well-known/openid-configuration").status_code
    assert 400 == get("auth.other.example", "/api/v1/openapi.json").status_code
    assert 400 == get("auth.evil.example", "/.well-known/openid-configuration").status_code
