"""`/oauth/token`: where a client may say who it is. What comes of a code is told by the tests with a real Keycloak."""

from __future__ import annotations

import base64

import pytest

OTP_GRANT = "http://auth0.com/oauth/grant-type/passwordless/otp"


def asked(face, authorization):
    answer = face.browser.open(
        "POST", "/oauth/token", data={"grant_type": OTP_GRANT}, headers={"Authorization": authorization}
    )
    return answer.status_code, answer.json["error"], answer.json["error_description"]


def test_a_header_names_the_client(face):
    basic = base64.b64encode(b"backend:secret").decode()
    assert (400, "invalid_request", "Missing required parameter: username") == asked(face, f"Basic {basic}")


@pytest.mark.parametrize("authorization", ["", "Bearer a", "Basic", "Basic Og=="], ids=str)
def test_a_header_that_names_none(face, authorization):
    assert (400, "invalid_request", "Missing required parameter: client_id") == asked(face, authorization)


def test_a_header_that_can_not_be_read(face):
    assert (401, "invalid_client", "Client authentication failed") == asked(face, "Basic !")
