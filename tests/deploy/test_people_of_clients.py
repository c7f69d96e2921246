"""Who signs in through an API client is in Keycloak's events with address and browser of the person, not ours."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
import requests

from sidecar.keycloak.api_clients import enable_api_client
from sidecar.store.api_clients import SqlClients
from sidecar.store.engine import Database
from tests.production import REALM, Production
from tests.stack import free_port, serving

pytestmark = [pytest.mark.keycloak, pytest.mark.timeout(900)]

SECRET = "a-secret-of-this-test-run"
OTP_GRANT = "http://auth0.com/oauth/grant-type/passwordless/otp"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PROXY_SAW, SERVER_SAID = "198.51.100.7", "2001:db8:17:1::9"


@pytest.fixture(scope="module")
def sidecar(deployment: Production) -> Iterator[str]:
    """One more process over the deployment's database, for SDKs; Keycloak calls the other one back."""
    deployment.admin().at("realms", REALM).put(body={"eventsEnabled": True})
    realm = deployment.admin().at("realms", REALM)
    database = Database(deployment.database_url)
    for client_id, is_public in (("native", True), ("server", False)):
        realm.post(
            "clients",
            body={
                "clientId": client_id,
                "publicClient": is_public,
                "secret": SECRET,
                "redirectUris": ["https://app.example.org/"],
            },
        )
        SqlClients(database).enable(
            enable_api_client(deployment.admin(), deployment.settings(), REALM, client_id, origins=[])
        )
    database.dispose()
    port = free_port()
    environment = {**deployment.environment("sidecar"), "PASSWORDLESS__SDK__DEFAULT_REALM": REALM}
    environment["PASSWORDLESS__METRICS__BIND"] = ""
    with serving(
        deployment.settings_file,
        port=port,
        log=deployment.folder / "sidecar-for-sdks.log",
        workers=1,
        **environment,
    ):
        yield f"http://127.0.0.1:{port}/passwordless"


@pytest.mark.parametrize(("client_id", "expected"), [("native", PROXY_SAW), ("server", SERVER_SAID)])
def test_the_persons_address_and_browser_reach_keycloak(
    deployment: Production, sidecar: str, client_id: str, expected: str
) -> None:
    """A client that has proven itself may say whose address it is; of anybody else it is what the proxy saw."""
    address = f"ada-{secrets.token_hex(4)}@example.org"
    client = {"client_id": client_id, **({"client_secret": SECRET} if client_id == "server" else {})}
    person = {
        "Host": deployment.authority,
        "X-Forwarded-For": PROXY_SAW,
        "auth0-forwarded-for": SERVER_SAID,
        "User-Agent": FIREFOX,
    }
    started = requests.post(
        f"{sidecar}/passwordless/start",
        json={**client, "connection": "email", "email": address, "send": "code"},
        headers=person,
        timeout=30,
    )
    assert 200 == started.status_code, started.text
    given = {"username": address, "otp": deployment.code_for(address), "realm": "email", "scope": "openid"}

    answer = requests.post(
        f"{sidecar}/oauth/token",
        json={"grant_type": OTP_GRANT, **client, **given},
        headers=person,
        timeout=60,
    )

    assert 200 == answer.status_code, answer.text
    realm = deployment.admin().at("realms", REALM)
    (user,) = realm.get("users", email=address, exact="true")
    events = realm.get("events", user=user["id"])
    assert {"LOGIN", "REGISTER"} <= {event["type"] for event in events}
    assert {expected} == {event["ipAddress"] for event in events if event["type"] in {"LOGIN", "REGISTER"}}
    (session,) = realm.get("users", user["id"], "sessions")
    assert expected == session["ipAddress"]
    devices = requests.get(
        f"{deployment.keycloak}/realms/{REALM}/account/sessions/devices",
        headers={
            "Authorization": f"Bearer {answer.json()['access_token']}",
            "Accept": "application/json",
            "Host": deployment.authority,
            "X-Forwarded-Proto": "https",
        },
        timeout=30,
    )
    assert 200 == devices.status_code, devices.text
    assert ["Firefox/140.0"] == [one["browser"] for device in devices.json() for one in device["sessions"]]
