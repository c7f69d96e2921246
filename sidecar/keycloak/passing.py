"""Requests of existing SDKs that are Keycloak's to answer: they go through, and the answer comes back as it is."""

from __future__ import annotations

from collections.abc import Mapping

import requests

from sidecar.errors import KeycloakUnavailable
from sidecar.settings import Keycloak


class PassedOn:
    """`api.ports.Passing` over HTTP, on the back channel."""

    def __init__(self, settings: Keycloak) -> None:
        self._settings = settings

    def token(self, realm: str, form: Mapping[str, str]) -> tuple[int, object]:
        return self._answer("POST", realm, "token", data=dict(form))

    def userinfo(self, realm: str, authorization: str) -> tuple[int, object]:
        return self._answer("GET", realm, "userinfo", headers={"Authorization": authorization})

    def _answer(
        self,
        method: str,
        realm: str,
        endpoint: str,
        *,
        data: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, object]:
        url = self._settings.internal_endpoint(realm, endpoint)
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
