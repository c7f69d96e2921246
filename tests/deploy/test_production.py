"""The deployment as it runs: one host name, TLS, nginx, gunicorn, a worker, PostgreSQL, Keycloak in production mode."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import secrets
import signal
import ssl
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest
import requests
from playwright.sync_api import Page, expect

from sidecar.edge.browser import COOKIE
from sidecar.model.events import Event
from tests.deploy.client import ask
from tests.production import REALM, Production
from tests.stack import free_port, wait_until
from tests.web.browser import PERSON, authorization

# The first run of a machine fetches Keycloak and builds it.
pytestmark = [pytest.mark.keycloak, pytest.mark.browser, pytest.mark.timeout(900)]

PREFIX = "/passwordless"
SERVICES = ["nginx", "keycloak", "sidecar", "worker", "postgres", "mailpit"]
#: Keycloak's account console frames itself in a way that browsers warn of.
OF_ACCOUNT_CONSOLE = "An iframe which has both allow-scripts and allow-same-origin"
SECURITY_HEADERS = [
    "content-security-policy",
    "strict-transport-security",
    "x-frame-options",
    "x-content-type-options",
    "referrer-policy",
]


def authorize_path(stack: Production, address: str) -> str:
    redirect_uri = f"{stack.url}/realms/{REALM}/broker/email/endpoint"
    query = urlencode(authorization(realm=REALM, redirect_uri=redirect_uri, login_hint=address))
    return f"{PREFIX}/realms/{REALM}/email/authorize?{query}"


def new_address() -> str:
    return f"ada-{secrets.token_hex(4)}@example.org"


@pytest.mark.parametrize("width", [1280, 390])
def test_a_person_signs_in(
    deployment: Production, new_page: Callable[..., Page], width: int, tmp_path: Path
) -> None:
    """From Keycloak's login page to the account console, over nothing but https and one origin."""
    page, address = new_page(viewport={"width": width, "height": 844}), new_address()
    seen: list[str] = []
    complaints: dict[str, list[str]] = {"warning": [], "error": []}
    page.on("request", lambda request: seen.append(request.url))
    page.on(
        "console", lambda line: complaints.setdefault(line.type, []).append(f"{line.text} {line.location}")
    )
    page.on("pageerror", lambda error: complaints["error"].append(str(error)))
    pictures = Path(os.environ.get("PASSWORDLESS_TEST_SHOTS") or tmp_path)

    page.goto(f"{deployment.url}/realms/{REALM}/account")
    expect(page.get_by_label("Email address")).to_be_focused()
    page.screenshot(path=pictures / f"login-{width}.png")
    page.get_by_label("Email address").fill(address)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    page.screenshot(path=pictures / f"code-{width}.png")
    assert page.url.startswith(f"{deployment.url}{PREFIX}/realms/{REALM}/email/code?challenge=")
    page.get_by_label("Code", exact=True).fill(deployment.code_for(address))
    expect(page.locator("#email")).to_have_value(address)
    page.screenshot(path=pictures / f"account-{width}.png")

    assert {deployment.url} == {f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in seen}
    # The code page asks how the mail is doing, and may do so once more while the code is on its way.
    assert not [text for text in complaints["error"] if "/code/status?" not in text]
    assert not [text for text in complaints["warning"] if not text.startswith(OF_ACCOUNT_CONSOLE)]
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert cookies[COOKIE]["secure"]
    assert cookies[COOKIE]["httpOnly"]
    assert "/" == cookies[COOKIE]["path"]
    assert deployment.variables["PUBLIC_HOST"] == cookies[COOKIE]["domain"]
    assert all(cookie["secure"] for cookie in cookies.values())


def test_every_url_that_is_published_is_https_and_of_the_one_host(deployment: Production) -> None:
    """Issuers and endpoints of both, whatever the request says of its host."""
    liar = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Port": "666",
        "X-Forwarded-Prefix": "//evil.example",
        "Forwarded": "host=evil.example;proto=http",
    }
    for headers in ({}, liar):
        ours = ask(
            deployment, f"{PREFIX}/realms/{REALM}/email/.well-known/openid-configuration", headers=headers
        )
        theirs = ask(deployment, f"/realms/{REALM}/.well-known/openid-configuration", headers=headers)
        page = ask(deployment, authorize_path(deployment, new_address()), headers=headers)

        assert f'"issuer":"{deployment.url}{PREFIX}/realms/{REALM}/email"' in ours.text
        assert f'"issuer":"{deployment.url}/realms/{REALM}"' in theirs.text
        assert (200, 200, 200) == (ours.status, theirs.status, page.status)
        for answer, root in ((ours, f"{PREFIX}/"), (theirs, "/realms/"), (page, f"{PREFIX}/")):
            urls = re.findall(r'https?://[^\s"<>]+', answer.text)
            assert urls
            assert all(url.startswith(f"{deployment.url}{root}") for url in urls)


def test_the_client_nginx_saw_is_the_one_in_the_ledger(deployment: Production) -> None:
    """D6: what a client says of its own address reaches neither the sidecar nor Keycloak."""
    address = new_address()
    spoofed = {
        "X-Forwarded-For": "203.0.113.66",
        "X-Real-IP": "203.0.113.66",
        "Forwarded": "for=203.0.113.66",
    }
    deployment.admin().at("realms", REALM).put(body={"eventsEnabled": True})

    started = ask(
        deployment, authorize_path(deployment, address), headers={**PERSON, **spoofed}, source="127.0.0.7"
    )
    ask(
        deployment,
        f"/realms/{REALM}/protocol/openid-connect/auth?client_id=nobody-{address}",
        headers=spoofed,
        source="127.0.0.7",
    )

    assert 303 == started.status
    with psycopg.connect(deployment.database_url) as connection:
        found = connection.execute(
            "SELECT network FROM events WHERE address = %s AND type = %s", [address, Event.CHALLENGE_STARTED]
        ).fetchall()
    assert [("127.0.0.7",)] == found
    events = deployment.admin().at("realms", REALM).get("events", client=f"nobody-{address}")
    assert ["127.0.0.7"] == [event["ipAddress"] for event in events]


@pytest.mark.parametrize("path", ["/realms/acme", f"{PREFIX}/realms/acme/email/jwks", "/"])
@pytest.mark.parametrize("host", ["evil.example", "localhost", "127.0.0.1", "{host}.evil.example"])
def test_another_host_is_refused(deployment: Production, host: str, path: str) -> None:
    """B5: by nginx, before anything else sees it."""
    given = host.replace("{host}", deployment.variables["PUBLIC_HOST"])

    assert 421 == ask(deployment, path, host=given).status
    assert 421 == ask(deployment, f"https://{given}{path}").status


def test_there_is_no_handshake_for_another_name(deployment: Production) -> None:
    with pytest.raises(ssl.SSLError, match="unrecognized name"):
        ask(deployment, "/", server_name="evil.example")


def test_plain_http_leads_to_https(deployment: Production) -> None:
    answer = requests.get(
        f"http://127.0.0.1:{deployment.ports['http']}/realms/acme/account?x=1",
        headers={"Host": "evil.example"},
        allow_redirects=False,
        timeout=10,
    )

    assert (308, f"{deployment.url}/realms/acme/account?x=1") == (
        answer.status_code,
        answer.headers["Location"],
    )


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/metrics", "/health", "/health/ready", "/q/metrics", "/admin", "/admin/master/console/"),
        *("/admin/realms/acme/users", "/realms/master", "/realms/master/account/", "/realms/%6daster/"),
        *("/realms/acme/../master/", "/realms/acme/..%2fmaster/", "/realms/acme/..;/master/", "//admin/"),
        *(
            "/realms//master/",
            "/realms/acme/%2e%2e/%2e%2e/admin/",
            "/realms/;x/master/",
            "/realms/acme%2f..%2fmaster",
        ),
        *(f"{PREFIX}/metrics", f"{PREFIX}/health/ready", f"{PREFIX}/health/live", f"{PREFIX}/%68ealth/ready"),
        *(f"{PREFIX}/./health/ready", f"{PREFIX}/realms/../health/ready", f"{PREFIX}//health/ready"),
        *(f"{PREFIX}/../admin/", f"{PREFIX}{PREFIX}/health/ready"),
    ],
)
def test_what_is_inside_stays_inside(deployment: Production, path: str) -> None:
    """Metrics, health and administration, however the path is spelled."""
    assert ask(deployment, path).status in {400, 403, 404}


@pytest.mark.parametrize("odd", [".", "..", ";x", "%2e", "%2e%2e", "%2f", "%5c", "\\", "%00", "/"])
def test_a_path_that_can_be_read_in_two_ways_is_refused(deployment: Production, odd: str) -> None:
    """So that nobody behind nginx reads another path than nginx let through."""
    assert 400 == ask(deployment, f"/realms/acme/{odd}/acme/account").status
    assert 400 == ask(deployment, f"{PREFIX}/realms/acme/{odd}/email/jwks").status


def test_the_admin_console_is_for_the_networks_that_are_named(deployment: Production) -> None:
    named = deployment.folder / "nginx" / "admin-networks.conf"
    nobody = named.read_text(encoding="utf-8")
    paths = ["/admin/master/console/", "/realms/master/.well-known/openid-configuration"]

    def reload(text: str) -> None:
        named.write_text(text, encoding="utf-8")
        os.kill(deployment.pids["nginx"], signal.SIGHUP)

    reload(nobody.replace("# allow 203.0.113.0/24;", "allow 127.0.0.7/32;"))
    try:
        wait_until(lambda: ask(deployment, paths[0], source="127.0.0.7").status == 200, "the admin console")
        answers = [
            ask(deployment, path, source=source) for path in paths for source in ("127.0.0.7", "127.0.0.1")
        ]
    finally:
        reload(nobody)

    assert [200, 403, 200, 403] == [answer.status for answer in answers]
    wait_until(
        lambda: ask(deployment, paths[0], source="127.0.0.7").status == 403, "nobody to be let in again"
    )


def test_no_security_header_is_there_twice(deployment: Production) -> None:
    login = f"/realms/{REALM}/protocol/openid-connect/auth?" + urlencode(
        {
            "client_id": "account-console",
            "redirect_uri": f"{deployment.url}/realms/{REALM}/account/",
            "response_type": "code",
            "scope": "openid",
            "code_challenge": "v" * 43,
            "code_challenge_method": "S256",
        }
    )
    for path in (login, authorize_path(deployment, new_address())):
        answer = ask(deployment, path)
        counted = Counter(name.lower() for name, _ in answer.headers)

        assert 200 == answer.status
        assert dict.fromkeys(SECURITY_HEADERS, 1) == {name: counted[name] for name in SECURITY_HEADERS}
        assert not re.search(r"nginx/|gunicorn", str(answer.headers))


def test_logs_hold_no_query_no_code_and_no_token(deployment: Production) -> None:
    """B4, F12: nginx's own, and all others."""
    address = new_address()
    started = ask(deployment, authorize_path(deployment, address), headers=PERSON)
    challenge = urlsplit(started.header("Location")).query.partition("=")[2]
    mail = deployment.mail_to(address)
    token = re.findall(rf"{re.escape(deployment.url)}{PREFIX}/not-me/([\w.-]+)", mail["Text"])[0]
    ask(deployment, f"/realms/{REALM}/broker/email/endpoint?code=very-secret-code&state=very-secret-state")

    assert 200 == ask(deployment, f"{PREFIX}/not-me/{token}?more=very-secret-query").status

    link = f"{'a' * 22}.{'very-secret' * 3}-of-a-link"
    assert 303 == ask(deployment, f"{PREFIX}/l/{link}").status

    lines = wait_until(lambda: found if "/l/" in (found := deployment.access_log()) else "", "nginx's log")
    assert f'"GET {PREFIX}/not-me/[token]" 200' in lines
    assert f'"GET {PREFIX}/l/[token]" 303' in lines
    assert f'"GET {PREFIX}/realms/{REALM}/email/authorize" 303' in lines
    logs = lines + "".join(deployment.log(service) for service in SERVICES if service != "mailpit")
    for secret in (
        token,
        challenge,
        address,
        "very-secret",
        mail["Subject"].split()[0],
        "login_hint",
        "state=",
    ):
        assert secret not in logs


def test_containers_may_be_read_only(deployment: Production) -> None:
    """Keycloak writes to `data` only, which is a tmpfs; gunicorn and nginx to /tmp."""
    home = deployment.folder / "keycloak"
    # The first run of a machine builds it a moment before.
    begun = deployment.started_at["keycloak"]

    written = {
        path.relative_to(home).parts[0]
        for path in home.rglob("*")
        if path.is_file() and path.stat().st_mtime > begun
    }

    assert written <= {"data"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_health_check_tells_up_from_down(deployment: Production, service: str) -> None:
    nowhere = dataclasses.replace(deployment, ports={name: free_port() for name in deployment.ports})
    # Where PostgreSQL listens is in its environment.
    nowhere.services = {
        **deployment.services,
        "postgres": {
            **deployment.services["postgres"],
            "environment": {"PGPORT": str(free_port())},
        },
    }

    assert deployment.is_healthy(service)
    assert not nowhere.is_healthy(service)


def test_a_second_start_of_the_one_shot_services_changes_nothing(deployment: Production) -> None:
    upgraded = deployment.run("database-upgrade")
    planned = deployment.run("realm")

    assert (0, 0) == (upgraded.returncode, planned.returncode), planned.stdout
    assert "up to date" in upgraded.stdout
    assert "Nothing to do." in planned.stdout


def test_the_doctor_finds_nothing_but_that_this_machine_does_not_know_the_host_name(
    deployment: Production,
) -> None:
    examined = deployment.run("realm", "doctor", REALM, "--json")

    found = {it["name"]: it["state"] for it in json.loads(examined.stdout)["checks"] if it["state"] != "ok"}
    assert {"keycloak-public": "warning", "sidecar-public:email": "warning"} == found, examined.stdout


def test_the_database_may_go_and_come_back(deployment: Production) -> None:
    """Who needs it says so, and is well again by itself."""
    needing = ["sidecar", "worker", "keycloak"]
    deployment.stop("postgres")
    wait_until(lambda: not any(map(deployment.is_healthy, needing)), "health checks to notice", 90)
    assert 503 == ask(deployment, authorize_path(deployment, new_address()), headers=PERSON).status

    deployment.start("postgres")

    deployment.wait_healthy("postgres", *needing)
    address = new_address()
    assert 303 == ask(deployment, authorize_path(deployment, address), headers=PERSON).status
    assert deployment.code_for(address)
