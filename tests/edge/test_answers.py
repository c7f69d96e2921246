"""What every answer carries, and what a failure looks like (threats B4, B7, E13, F8, G9)."""

from __future__ import annotations

import json
import re

import pytest
from flask import Flask

from sidecar.edge.browser import COOKIE
from tests.web.browser import OWN_FORM, PERSON, PUBLIC_URL, Browser, authorization, form_of

#: The component's files, which pages of any origin load.
FOR_EVERY_PAGE = "/sdk/"
PAGES = ["authorize", "start", "code", "code/status", "jwks", ".well-known/openid-configuration", "nowhere"]
#: A part of a path that is one of a few words; the first of them.
_CHOICE = re.compile(r"<any\((\w+)[^>]*>")


def everywhere(app: Flask) -> list[tuple[str, str]]:
    """Each method and path that the application has a rule for."""
    values = {"realm": "acme", "connection": "email", "version": "x", "name": "y", "token": "z"}
    values |= {
        "provider": "gateway",
        "message_id": "m",
        "challenge_id": "c",
        "of_version": "v",
        "locale": "en",
    }
    return [
        (method, _CHOICE.sub(r"\1", rule.rule).replace("<", "{").replace(">", "}").format(**values))
        for rule in app.url_map.iter_rules()
        for method in sorted(rule.methods or ())
    ]


def test_every_answer_of_every_route_forbids_frames_scripts_and_referrers(house):
    """B4, B7: also the errors."""
    for method, path in [
        *everywhere(house.app),
        ("GET", "/nowhere"),
        ("TRACE", "/"),
        ("PUT", "/health/live"),
    ]:
        headers = house.browser.open(method, path).headers
        policy = {it.split()[0]: it.split()[1:] for it in headers["Content-Security-Policy"].split("; ")}

        assert ["'none'"] == policy["frame-ancestors"] == policy["default-src"] == policy["base-uri"], path
        assert ["'self'"] == policy["script-src"] == policy["style-src"], path
        assert ("DENY", "no-referrer", "nosniff", "same-origin") == tuple(
            headers[name]
            for name in (
                "X-Frame-Options",
                "Referrer-Policy",
                "X-Content-Type-Options",
                "Cross-Origin-Opener-Policy",
            )
        ), path
        assert "Access-Control-Allow-Origin" not in headers or path.startswith(FOR_EVERY_PAGE), path


def test_every_answer_but_public_ones_is_not_stored_and_varies_by_cookie(house):
    """E13: a shared cache gives nobody another's page."""
    public = ("/jwks", "/.well-known/openid-configuration")
    for method, path in everywhere(house.app):
        headers = house.browser.open(method, path).headers

        assert "Cookie" in headers["Vary"], path
        is_public = path.endswith(public) or path.startswith(FOR_EVERY_PAGE)
        if not (is_public and method in {"GET", "HEAD"}):
            assert "no-store" == headers["Cache-Control"], path


def test_an_answer_of_405_says_which_methods_there_are(house):
    """RFC 9110 §15.5.6, at each path; a path that is not there names none."""
    rules: dict[str, set[str]] = {}
    for method, path in everywhere(house.app):
        rules.setdefault(path, set()).add(method)

    for path, methods in rules.items():
        for accept in ("text/html", "application/json"):
            answer = house.browser.open("PROPFIND", path, headers={"Accept": accept})

            assert 405 == answer.status_code, path
            # A path may also be one of a rule with a variable, as /l/new is of /l/TOKEN.
            also = set(house.app.url_map.bind("").allowed_methods(path))
            assert methods <= set(answer.headers["Allow"].split(", ")) == also, path
    assert "Allow" not in house.browser.open("PROPFIND", "/nowhere").headers


def test_pages_load_nothing_from_elsewhere_and_run_nothing_inline(parts, browser):
    """B4."""
    import re

    challenge_id = browser.start()
    for path in (f"code?challenge={challenge_id}", "code"):
        text = browser.get(f"/realms/acme/email/{path}").get_data(as_text=True)

        assert all(
            url.startswith(f"{PUBLIC_URL}/") for url in re.findall(r'(?:src|href|action)="([^"]+)"', text)
        )
        assert "<script>" not in text
        assert not re.search(r"\son\w+=|javascript:|style=", text)


def test_every_redirect_after_a_post_is_a_303(parts, browser):
    """E13: 307 and 308 would post the code on to Keycloak."""
    start = form_of(browser.authorize()).hidden
    first = browser.post("/realms/acme/email/start", {**start, "address": "ada@example.org"})
    challenge_id = first.location.partition("challenge=")[2]
    form = {"challenge": challenge_id, "code": browser.right_code(parts, challenge_id)}
    answers = [
        first,
        browser.post("/realms/acme/email/cancel", start),
        browser.post("/realms/acme/email/code/resend", form),
        browser.post("/realms/acme/email/code", form),
        *(
            browser.post(f"/realms/acme/email/code/{it}", {"challenge": browser.start()})
            for it in ("another", "cancel")
        ),
        browser.open("POST", "/realms/acme/email/authorize", data=authorization(prompt="none")),
    ]

    assert [303] * 7 == [answer.status_code for answer in answers]
    assert all("no-store" == answer.headers["Cache-Control"] for answer in answers)


@pytest.mark.parametrize(
    "path",
    [
        "//realms/acme/email/code",
        "/realms//acme/email/code",
        "/realms/acme/email//code",
        "/realms/acme/email/code/",
        "/realms/acme/email/authorize/",
    ],
)
def test_a_path_that_is_nearly_right_is_not_redirected(house, path):
    """E13, B5: the router would answer a POST with a 308, to an address made of the request's Host."""
    for method in ("GET", "POST"):
        answer = house.browser.open(method, path, headers=OWN_FORM, data={"code": "123456"})

        assert (404, None) == (answer.status_code, answer.headers.get("Location"))


def test_the_cookie_is_for_this_host_over_tls_and_out_of_scripts_reach(house):
    """F8: and made of 256 random bits, set once."""
    browser = Browser(house.app)
    first = browser.authorize()
    secrets = {Browser(house.app).authorize().headers["Set-Cookie"].partition(";")[0] for _ in range(20)}

    name, _, rest = first.headers["Set-Cookie"].partition("=")
    assert "__Host-passwordless" == name == COOKIE
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=86400"} <= set(rest.split("; ")[1:])
    assert "domain" not in rest.lower()
    assert 43 == len(browser.secret)
    assert 20 == len(secrets)
    assert "Set-Cookie" not in browser.authorize().headers


@pytest.mark.parametrize("forged", ["", "x", "A" * 42, "A" * 44, "A" * 42 + "\u00fc", 'A"; Path=/; x="'])
def test_a_cookie_of_another_shape_is_replaced(house, forged):
    """B3: nobody chooses a browser's secret; `__Host-` keeps a subdomain from planting one of the right shape."""
    answer = house.browser.open(
        "GET",
        "/realms/acme/email/authorize",
        query_string=authorization(),
        headers={"Cookie": f"{COOKIE}={forged}"},
    )

    assert "Set-Cookie" in answer.headers


def test_a_browser_without_cookies_is_told_so(house):
    answer = Browser(house.app).post("/realms/acme/email/code", {"challenge": "a" * 22, "code": "123456"})

    assert 400 == answer.status_code
    assert "ookie" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 400),
        ({"Host": "login.example.org.evil.example"}, 400),
        ({"Host": "login.example.org@evil.example"}, 400),
        ({"Host": "login.example.org:8443"}, 400),
        ({"Host": ""}, 400),
        ({"Host": "login.example.org, evil.example"}, 400),
        ({"Host": "login.example.org:443"}, 200),
        ({"Host": "LOGIN.EXAMPLE.ORG"}, 200),
    ],
    ids=str,
)
def test_only_known_hosts_are_answered(house, headers, status):
    """B5."""
    answer = house.browser.get("/realms/acme/email/jwks", headers)

    assert status == answer.status_code


class TestForwardedScheme:
    """A trusted proxy says which scheme it was asked with."""

    @pytest.fixture
    def environment(self):
        return {"SERVER__TRUSTED_HOPS": "1"}

    @pytest.mark.parametrize(
        "scheme", ["https", "http", "wss", "ws", "javascript", "HTTPS", "x" * 1_000, "\u00fc"]
    )
    def test_any_forwarded_scheme_is_survived(self, browser, scheme):
        """B5, G9: and makes no other link."""
        answer = browser.get(
            "/realms/acme/email/jwks", {"X-Forwarded-Proto": scheme.encode().decode("latin-1")}
        )

        assert answer.status_code in {200, 400}


def kill(parts) -> None:
    """Make the real database unusable: PostgreSQL shuts it, SQLite finds garbage."""
    from pathlib import Path

    import psycopg

    url = parts.settings.database.url.reveal()
    parts.database.dispose()
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        for file in path.parent.glob(f"{path.name}*"):
            file.write_bytes(b"no database at all, " * 400)
        return
    name = parts.database.url.database
    with psycopg.connect(url.replace(f"/{name}?", "/postgres?"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_with_a_dead_database_every_route_stays_kind_and_grants_nothing(kind, request, settings_for, realms):
    """G9, T: 503 with a page or a problem, never a stack trace, never a redirect with a code."""
    from sidecar.app import Parts, create_app

    url = request.getfixturevalue("sqlite_url" if kind == "sqlite" else "postgres_url")
    parts = Parts.build(settings_for(url, KEYCLOAK__INTERNAL_URL=realms.url))
    app = create_app(parts)
    browser = Browser(app)
    page = form_of(browser.authorize()).hidden
    challenge_id = browser.start()
    form = {"challenge": challenge_id, "code": browser.right_code(parts, challenge_id)}
    requests = {
        "authorize": lambda h: browser.authorize(login_hint="ada@example.org", headers={**PERSON, **h}),
        "start": lambda h: browser.post(
            "/realms/acme/email/start", {**page, "address": "eve@example.org"}, h
        ),
        "back": lambda h: browser.get(f"/realms/acme/email/start?challenge={challenge_id}", h),
        "code": lambda h: browser.get(f"/realms/acme/email/code?challenge={challenge_id}", h),
        "status": lambda h: browser.get(f"/realms/acme/email/code/status?challenge={challenge_id}", h),
        "try": lambda h: browser.post("/realms/acme/email/code", form, h),
        **{
            it: lambda h, it=it: browser.post(f"/realms/acme/email/code/{it}", form, h)
            for it in ("resend", "another", "cancel")
        },
        "token": lambda h: browser.open(
            "POST", "/realms/acme/email/token", data=realms.token_form("x" * 43), headers=h
        ),
        "ready": lambda h: browser.get("/health/ready", h),
    }
    kill(parts)

    for name, send in requests.items():
        for accept in ("text/html", "application/json"):
            answer = send({"Accept": accept})
            text = answer.get_data(as_text=True)

            assert (503, None) == (answer.status_code, answer.headers.get("Location")), (name, text)
            for inside in (
                "Traceback",
                "sqlalchemy",
                "sqlite",
                "psycopg",
                'File "',
                "Error:",
                "SELECT",
                "UPDATE",
            ):
                assert inside not in text, name
            if name != "ready":
                assert 0 < int(answer.headers["Retry-After"]), name
                if accept == "application/json":
                    assert "application/problem+json" == answer.mimetype, name
                    assert {"type": "about:blank", "title": "store_unavailable", "status": 503} == json.loads(
                        text
                    )
                else:
                    assert "<h1" in text, name
    assert 200 == browser.get("/health/live").status_code
    parts.database.dispose()


def test_an_unforeseen_failure_anywhere_is_a_kind_page(house):
    """G9: a bug shows nothing of the inside, as a page or as a problem."""
    from sidecar.app import create_app

    app = create_app(house.parts)

    @app.get("/boom")
    def boom():
        raise RuntimeError("secret inside: 123456 ada@example.org")

    browser = Browser(app)
    for accept in ("text/html", "application/json", "*/*", "garbage"):
        answer = browser.get("/boom", {"Accept": accept})
        text = answer.get_data(as_text=True)

        assert 503 == answer.status_code
        assert not any(
            inside in text for inside in ("Runtime", "secret", "123456", "ada@", "Traceback", "boom")
        )
