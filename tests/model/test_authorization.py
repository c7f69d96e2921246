"""Which application a request is for, read from the state that Keycloak's broker writes."""

from __future__ import annotations

import base64
import uuid
from dataclasses import replace

import pytest

from tests.flow import REQUEST


def application(state: str) -> str:
    return replace(REQUEST, state=state).application


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_uuid_comes_as_its_sixteen_bytes():
    given = uuid.uuid4()

    assert str(given) == application(f"gNrGamID-K_k.vpISZLVDAc0.{encoded(given.bytes)}")


@pytest.mark.parametrize(
    "client_id", ["shop", "https://app.example.org/saml", "sixteen-letters.", "boutique-é"]
)
def test_a_client_without_a_uuid_comes_by_its_client_id(client_id):
    assert client_id == application(f"state.tab.{encoded(client_id.encode())}")


def test_what_follows_the_client_is_not_looked_at():
    assert "shop" == application(f"state.tab.{encoded(b'shop')}.eyJydSI6Imh0dHBzOi8vYSJ9.more")


@pytest.mark.parametrize(
    "state",
    [
        "state-1",
        "",
        "a.b",
        "a.b.",
        "..c2hvcA",
        "a.b.c2hvcA==",
        "a.b.!!!!",
        "a.b.c2hvc",
        f"a.b.{encoded(b'line' + bytes([10]) + b'feed')}",
        f"a.b.{encoded(bytes([255, 254, 253]))}",
        f"a.b.{encoded(b'x' * 256)}",
    ],
)
def test_any_other_state_names_no_application(state):
    assert "" == application(state)
