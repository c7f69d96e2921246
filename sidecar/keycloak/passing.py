"""Requests of existing SDKs that are Keycloak's to answer: they go through, and the answer comes back as it is."""

from __future__ import annotations

from collections.abc import Mapping

import requests

from sidecar.errors import KeycloakUnavailable
from sidecar.settings import Keycloak

#: Of the right shape (RFC 7636 §4.2), for a code that is never made.
_ANY_CHALLENGE = "A" * 43


class PassedOn:
    """`api.ports.Passing` over HTTP, on the back channel."""

    def __init__(self, settings: Keycloak) -> None:
        self._settings = settings

    def token(self, realm: str, form: Mapping[str, str]) -> tuple[int, object]:
        return self._answer("POST", self._settings.internal_endpoint(realm, "token"), data=dict(form))

    def userinfo(self, realm: str, authorization: str) -> tuple[int, object]:
        return self._answer(
            "GET",
            self._settings.internal_endpoint(realm, "userinfo"),
            headers={"Authorization": authorization},
        )

    def configuration(self, realm: str) -> tuple[int, object]:
        return self._answer("GET", self._settings.internal_configuration(realm))

    def jwks(self, realm: str) -> tuple[int, object]:
        return self._answer("GET", self._settings.internal_endpoint(realm, "certs"))

    def has_redirect_uri(self, realm: str, client_id: str, redirect_uri: str) -> bool:
        url = self._settings.internal_endpoint(realm, "auth")
        # Nobody is signed in here, so it answers at once: there, or on a page if that is not the client's.
        query = {
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": "openid",
            "prompt": "none",
            "code_challenge": _ANY_CHALLENGE,
            "code_challenge_method": "S256",
        }
        try:
            response = requests.get(
                url, params=query, timeout=self._settings.timeout_s, allow_redirects=False
            )
        except requests.RequestException as err:
            raise KeycloakUnavailable(f"{url} did not answer: {type(err).__name__}") from err
        there = response.headers.get("Location", "")
        return response.is_redirect and there.partition("?")[0].rstrip("/") == (
            redirect_uri.partition("?")[0].rstrip("/")
        )

    def _answer(
        self,
        method: str,
        url: str,
        *,
        data: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, object]:
        try:
            response = requests.request(
                method,
                url,
                data=data,
                headers=headers,
                timeout=self._settings.timeout_s,
                allow_redirects=False,
            )
            body: object = response.json() if response.content else {}
        except (requests.RequestException, ValueError) as err:
            raise KeycloakUnavailable(f"{url} did not answer: {type(err).__name__}") from err
        return response.status_code, body
