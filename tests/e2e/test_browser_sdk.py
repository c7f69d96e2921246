"""auth0-js, unmodified, in Chromium on an application's own page: what it sends, and what it can live with."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.browser_sdk import auth0_js
from tests.e2e.api_callers import served
from tests.e2e.conftest import NUMBERS
from tests.flow import CODE_CHALLENGE, VERIFIER

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]

CLIENT = "browser-sdk"
PAGE = b"<!doctype html><title>An application</title><script src=/auth0.js></script><p id=here>Here.</p>"


@pytest.fixture(scope="module")
def application(stack):
    """A page with the SDK and nothing else, at `localhost` (the sidecar's site) and `127.0.0.1` (another); its port."""
    script = auth0_js()

    class Files(BaseHTTPRequestHandler):
        def do_GET(self):
            is_script = self.path == "/auth0.js"
            body = script if is_script else PAGE
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with served(stack, CLIENT, Files) as port:
        yield port


def open_page(page, stack, url, scope="openid profile email offline_access"):
    page.goto(url)
    page.evaluate(
        """([domain, clientID, scope]) => {
          window.web = new auth0.WebAuth({
            domain, clientID, redirectUri: location.origin + "/callback", responseType: "code",
            scope, overrides: {__tenant: "t"},
          });
          window.call = (name, options) => new Promise(
            (resolve) => web[name](options, (error, answer) => resolve({error, answer})));
        }""",
        [stack.sidecar, CLIENT, scope],
    )


def call(page, name, **options):
    return page.evaluate("([name, options]) => call(name, options)", [name, options])


def leave(page, name, **options):
    """A call that leaves the page where it succeeds."""
    page.evaluate("([name, options]) => { call(name, options); }", [name, options])


def start(page, stack, address, count=1):
    started = call(page, "passwordlessStart", connection="email", send="code", email=address)
    assert address == started["answer"]["email"], started
    return stack.mail.wait_for(address, count).code


def wrong(code):
    return f"{(int(code) + 1) % 10**6:06d}"


def tokens_of(stack, page, url):
    page.wait_for_url(f"{url}callback?*")
    answer = parse_qs(urlsplit(page.url).query)
    got = requests.post(
        f"{stack.sidecar}/oauth/token",
        json={
            "grant_type": "authorization_code",
            "client_id": CLIENT,
            "code": answer["code"][0],
            "code_verifier": VERIFIER,
            "redirect_uri": f"{url}callback",
        },
        timeout=10,
    )
    assert 200 == got.status_code, got.text
    return got.json()


def claims_of(stack, token):
    told = requests.get(f"{stack.sidecar}/.well-known/openid-configuration", timeout=10).json()
    keys = KeySet.import_key_set(requests.get(told["jwks_uri"], timeout=10).json())
    claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
    assert told["issuer"] == claims["iss"]
    return claims


def checked_by_the_sdk(stack, page, tokens):
    """The subject, as the SDK reads it from an ID token that it checks itself, and from UserInfo."""
    open_page(page, stack, page.url)
    return tuple(
        page.evaluate(
            """([domain, clientID, issuer, tokens]) => {
              const told = new auth0.WebAuth({
                domain, clientID,
                overrides: {__token_issuer: issuer, __jwks_uri: domain + "/.well-known/jwks.json"},
              });
              const get = (method) => new Promise((done) => method((error, found) => done(found?.sub ?? error)));
              return Promise.all([
                get((cb) => told.validateToken(tokens.id_token, "of-this-login", cb)),
                get((cb) => told.client.userInfo(tokens.access_token, cb)),
              ]);
            }""",
            [stack.sidecar, CLIENT, f"{stack.keycloak}/realms/{NUMBERS}", tokens],
        )
    )


def asked_silently(stack, page, url):
    """What Keycloak answers to `prompt=none`: a code where there is a session."""
    page.goto(
        f"{stack.sidecar}/authorize?client_id={CLIENT}&response_type=code&scope=openid&redirect_uri={url}callback"
        f"&prompt=none&code_challenge={CODE_CHALLENGE}&code_challenge_method=S256"
    )
    page.wait_for_url(f"{url}callback?*")
    return parse_qs(urlsplit(page.url).query)


PKCE = {"codeChallenge": CODE_CHALLENGE, "codeChallengeMethod": "S256"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["same site", "another site"])
def test_a_login_ticket_ends_in_keycloaks_tokens(stack, page, application, host, shots):
    """Wrong code, right code, tokens, refreshed tokens; from another site the person is asked once."""
    url = f"http://{host}:{application}/"
    address = stack.new_address("ticket")
    open_page(page, stack, url)
    code = start(page, stack, address)
    refused = call(
        page, "passwordlessLogin", connection="email", email=address, verificationCode=wrong(code), **PKCE
    )
    assert ("access_denied", "Wrong email or verification code.") == (
        refused["error"]["code"],
        refused["error"]["description"],
    )

    given = {"connection": "email", "email": address, "nonce": "of-this-login", **PKCE}
    leave(page, "passwordlessLogin", **given, verificationCode=code)

    if host != "localhost":
        page.locator("#confirm").wait_for()
        assert "•••@example.org" in page.locator("body").inner_text()
        shots(page, "asked")
        page.locator("#confirm").click()
    got = tokens_of(stack, page, url)
    claims = claims_of(stack, got["id_token"])
    assert (CLIENT, address, ["otp", "email"]) == (claims["aud"], claims["email"], claims["amr"])
    assert (claims["sub"], claims["sub"]) == checked_by_the_sdk(stack, page, got)
    fresh = requests.post(
        f"{stack.sidecar}/oauth/token",
        json={
            "grant_type": "refresh_token",
            "client_id": CLIENT,
            "refresh_token": got["refresh_token"],
        },
        timeout=10,
    )
    assert claims["sub"] == claims_of(stack, fresh.json()["id_token"])["sub"]


def test_too_many_tries(stack, page, application):
    url = f"http://localhost:{application}/"
    address = stack.new_address("tries")
    open_page(page, stack, url)
    code = start(page, stack, address)

    told = [
        call(page, "passwordlessLogin", connection="email", email=address, verificationCode=it, **PKCE)["error"]
        for it in (*[wrong(code)] * 5, code)
    ]  # fmt: skip

    assert "Wrong email or verification code." == told[0]["description"]
    assert (
        "access_denied",
        "You've reached the maximum number of attempts. Please try to login again.",
    ) == (told[5]["code"], told[5]["description"])
    assert page.url == url


def test_a_page_of_no_listed_origin_gets_nothing(stack, page, application):
    """The browser keeps even the refusal from it."""
    address = stack.new_address("origin")
    open_page(page, stack, f"http://localhost:{application}/")
    code = start(page, stack, address)
    open_page(page, stack, f"http://app.localhost:{application}/")

    refused = call(
        page, "passwordlessLogin", connection="email", email=address, verificationCode=code, **PKCE
    )

    assert "request_error" == refused["error"]["code"]


def test_a_code_is_checked_first_and_then_brought_by_the_browser(stack, page, application, shots):
    """`passwordlessVerify`, from a page that is not on our host: the person is asked once."""
    url = f"http://localhost:{application}/"
    address = stack.new_address("verify")
    open_page(page, stack, url)
    code = start(page, stack, address)
    given = {"connection": "email", "email": address, **PKCE}
    refused = call(page, "passwordlessVerify", **given, verificationCode=wrong(code))
    assert ("invalid_user_password", "Wrong email or verification code.") == (
        refused["error"]["code"],
        refused["error"]["description"],
    )

    leave(page, "passwordlessVerify", **given, verificationCode=code)

    page.locator("#confirm").wait_for()
    assert page.url.startswith(f"{stack.sidecar}/realms/{NUMBERS}/embedded/verify?")
    shots(page, "asked")
    page.locator("#confirm").click()
    claims = claims_of(stack, tokens_of(stack, page, url)["id_token"])
    assert (address, ["otp", "email"]) == (claims["email"], claims["amr"])


def test_another_persons_session_does_not_answer_in_their_place(stack, page, application, shots):
    """Where Keycloak has a session of one, it refuses the ticket of another: it never answers as that one.

    Without offline access, which ends the session that its token was fetched in.
    """
    url = f"http://localhost:{application}/"
    first, second = stack.new_address("first"), stack.new_address("second")
    for address in (first, second):
        open_page(page, stack, url, scope="openid profile email")
        code = start(page, stack, address)
        leave(page, "passwordlessLogin", connection="email", email=address, verificationCode=code, **PKCE)
        if address == first:
            assert first == claims_of(stack, tokens_of(stack, page, url)["id_token"])["email"]
            assert "code" in asked_silently(stack, page, url)
    page.wait_for_url(f"{stack.keycloak}/realms/{NUMBERS}/broker/**")
    shots(page, "told")

    logout = f"{stack.sidecar}/v2/logout?client_id={CLIENT}&returnTo="
    page.goto(f"{logout}https://evil.example/")
    assert page.url.startswith(f"{stack.keycloak}/realms/{NUMBERS}/"), page.url
    page.goto(f"{logout}{url}bye")
    page.locator("#kc-logout").click()
    page.wait_for_url(f"{url}bye*")
    assert ["login_required"] == asked_silently(stack, page, url)["error"]


def test_what_is_refused_goes_back_only_where_keycloak_would_go(stack, page, application):
    """And a named connection leads past Keycloak's own page; logout ends at the application's own address."""
    url = f"http://localhost:{application}/callback"
    asked = {
        "client_id": CLIENT,
        "response_type": "code",
        "scope": "openid",
        "state": "s",
        "connection": "none",
    }

    there = requests.get(
        f"{stack.sidecar}/authorize", {**asked, "redirect_uri": url}, allow_redirects=False, timeout=10
    )
    elsewhere = [
        requests.get(f"{stack.sidecar}/authorize", {**asked, **wrong}, allow_redirects=False, timeout=10)
        for wrong in (
            {"redirect_uri": "https://evil.example/"},
            {"redirect_uri": f"http://localhost:{application}@evil.example/"},
            {"redirect_uri": url, "client_id": "unknown"},
        )
    ]

    assert (303, f"{url}?error=invalid_request&error_description=the+connection+was+not+found&state=s") == (
        there.status_code,
        there.headers["Location"],
    )
    assert [(400, None)] * 3 == [(it.status_code, it.headers.get("Location")) for it in elsewhere]
    page.goto(
        f"{stack.sidecar}/authorize?client_id={CLIENT}&response_type=code&scope=openid&redirect_uri={url}"
        f"&connection=sms&code_challenge={CODE_CHALLENGE}&code_challenge_method=S256"
    )
    assert page.url.startswith(f"{stack.sidecar}/realms/{NUMBERS}/sms/authorize?"), page.url
