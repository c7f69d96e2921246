"""SDKs over real TLS, unmodified, some of which insist on an issuer that Keycloak's is not."""

from __future__ import annotations

import secrets

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.sdks.driver import SdkRefuses
from tests.sdks.house import CLIENT_ID, CLIENT_SECRET
from tests.sdks.sdks import COMPILED, SCRIPTED, node

pytestmark = pytest.mark.keycloak

OTP_GRANT = "http://auth0.com/oauth/grant-type/passwordless/otp"


@pytest.fixture(
    scope="module",
    params=[*SCRIPTED, *(pytest.param(sdk, marks=pytest.mark.sdks) for sdk in COMPILED)],
    ids=lambda sdk: sdk.name,
)
def sdk(request):
    return request.param


@pytest.fixture(scope="module")
def running(sdk, deployed, tmp_path_factory):
    with sdk.run(deployed, tmp_path_factory.mktemp("sdk")) as driver:
        yield driver


def an_address():
    return f"sdk-{secrets.token_hex(4)}@example.org"


def claims_of(house, token):
    """Of an access token or ID token that the realm's own keys verify."""
    certs = requests.get(
        f"{house.issuer}/protocol/openid-connect/certs", verify=house.ca_file, timeout=10
    ).json()
    claims = jwt.decode(token, KeySet.import_key_set(certs), algorithms=["RS256"]).claims
    assert (house.issuer, CLIENT_ID) == (claims["iss"], claims["azp"])
    return claims


def subject(house, token):
    return claims_of(house, token)["sub"]


def userinfo(house, token):
    bearer = {"Authorization": f"Bearer {token}"}
    return requests.get(f"https://{house.domain}/userinfo", headers=bearer, verify=house.ca_file, timeout=10)


def test_a_code_by_email(sdk, running, deployed):
    """A wrong one in the SDK's own error, then the right one; and the refresh token refreshes."""
    address = an_address()
    running.start(email=address)
    code = deployed.mail.wait_for(address).code
    with pytest.raises(SdkRefuses) as refused:
        running.login(f"{(int(code) + 1) % 10**6:06d}", "profile", email=address)
    assert sdk.wrong == (refused.value.type, refused.value.code)
    assert "Wrong email or verification code." == refused.value.says
    assert refused.value.status in {403, None}

    got = running.login(code, "profile email", email=address)

    claims = claims_of(deployed, got["access_token"])
    assert (address, True) == (claims["email"], claims["email_verified"])
    if not sdk.always_openid:
        assert not got.get("id_token")
        assert 403 == userinfo(deployed, got["access_token"]).status_code
    fresh = running.refresh(got["refresh_token"])
    assert got["access_token"] != fresh["access_token"]
    assert claims["sub"] == subject(deployed, fresh["access_token"])


def test_a_code_by_sms(sdk, running, deployed):
    number = f"+447400{secrets.randbelow(10**6):06d}"
    running.start(phone=number)

    got = running.login(deployed.gateway.wait_for(number).code, "profile", phone=number)

    assert subject(deployed, got["access_token"])


def test_an_id_token(sdk, running, deployed):
    """An SDK that insists on its domain's issuer refuses Keycloak's; all others check it and take it."""
    address = an_address()
    running.start(email=address)
    code = deployed.mail.wait_for(address).code
    if sdk.refuses:
        with pytest.raises(SdkRefuses) as refused:
            running.login(code, "openid profile email", email=address)
        assert sdk.refuses in refused.value.says
        return

    got = running.login(code, "openid profile email", email=address)

    who = subject(deployed, got["id_token"])
    assert (
        who == subject(deployed, got["access_token"]) == userinfo(deployed, got["access_token"]).json()["sub"]
    )
    assert address == got["claims"]["email"]


def test_auth0_auth_js_that_is_not_told_of_the_issuer(deployed, tmp_path):
    """Its start works; then it finds another issuer by discovery than its domain."""
    address = an_address()
    with node("auth_js.mjs")(deployed, tmp_path) as driver:
        driver.start(email=address)
        code = deployed.mail.wait_for(address).code
        for scope in ("profile", "openid"):
            with pytest.raises(SdkRefuses) as refused:
                driver.login(code, scope, email=address)
            assert "discovered metadata issuer does not match the expected issuer" == refused.value.says


def ask(house, path, body, **how):
    return requests.post(f"https://{house.domain}{path}", data=body, verify=house.ca_file, timeout=20, **how)


def test_a_client_may_prove_itself_in_a_header_as_discovery_says(deployed):
    """RFC 6749 §2.3.1: nothing of it in the body, for the code and for the refresh token."""
    address = an_address()
    basic = {"auth": (CLIENT_ID, CLIENT_SECRET)}
    asked = {"client_id": CLIENT_ID, "connection": "email", "email": address, "send": "code"}
    assert ask(deployed, "/passwordless/start", asked, **basic).ok
    given = {"realm": "email", "username": address, "otp": deployed.mail.wait_for(address).code}

    got = ask(deployed, "/oauth/token", {"grant_type": OTP_GRANT, **given}, **basic)

    assert 200 == got.status_code, got.text
    again = {"grant_type": "refresh_token", "refresh_token": got.json()["refresh_token"]}
    fresh = ask(deployed, "/oauth/token", again, **basic)
    assert 200 == fresh.status_code, fresh.text
    assert subject(deployed, got.json()["id_token"]) == subject(deployed, fresh.json()["id_token"])
    assert 401 == ask(deployed, "/oauth/token", again, auth=(CLIENT_ID, "wrong")).status_code


def test_an_id_token_has_no_nonce_since_no_sdk_sent_one(deployed):
    """Libraries refuse one that they do not expect, as `auth0` for Node does."""
    address = an_address()
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    asked = {**client, "connection": "email", "email": address, "send": "code"}
    assert ask(deployed, "/passwordless/start", asked).ok
    given = {"realm": "email", "username": address, "otp": deployed.mail.wait_for(address).code}

    got = ask(deployed, "/oauth/token", {"grant_type": OTP_GRANT, **client, **given})

    assert "nonce" not in claims_of(deployed, got.json()["id_token"])
