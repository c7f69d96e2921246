"""What Keycloak asked for: an authorization request, checked, as the challenge carries it."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import asdict, dataclass
from uuid import UUID

# Keycloak's own three parts, and the last one's client data, which may hold anything.
_BROKER_STATE = re.compile(r"[^.]+\.(?P<tab>[^.]+)\.(?P<client>[A-Za-z0-9_-]+)(?:\..*)?", re.DOTALL)
_MAX_CLIENT_CHARS = 255
_UUID_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class AuthorizationRequest:
    """A checked request of RFC 6749 §4.1.1 with RFC 7636's S256 challenge and OpenID Connect's nonce.

    It holds only what the pages and the answer need. `send`: "code", "link", or "" for what the connection sends.
    `api_client`: the application that asked through the API (`ApiClient.application`); `page_of`: the client whose
    login page at Keycloak asked through the API; `page_host`: the host of the page where the code is typed, empty for
    ours. All else is empty then, for Keycloak has not asked yet.
    """

    client_id: str
    redirect_uri: str
    state: str
    nonce: str
    code_challenge: str
    ui_locales: str = ""
    login_hint: str = ""
    send: str = ""
    api_client: str = ""
    page_of: str = ""
    page_host: str = ""

    @property
    def is_of_api(self) -> bool:
        """Whether its code comes back to the API, and to no page of ours."""
        return bool(self.api_client or self.page_of)

    @property
    def login(self) -> str:
        """The login under way at Keycloak (its `tab_id`), as `state` names it; empty where it names none.

        One browser's, and one client's there. What is bound to it is worth nothing under another `state`: Keycloak goes
        on only with the one that it made.
        """
        found = _BROKER_STATE.fullmatch(self.state)
        return found["tab"] if found else ""

    @property
    def application(self) -> str:
        """The application that the person signs in to, as Keycloak's `state` names it; empty where it names none.

        That is the client's UUID in Keycloak (the admin API's `id`), and its `clientId` only where an import gave it
        an `id` that is no UUID. Keycloak's broker writes `STATE.TAB.CLIENT[.DATA]`, and does not sign it for us:
        whoever makes up a request names any application, so it may choose looks and budgets and prove nothing.

        Source: org.keycloak.broker.provider.util.IdentityBrokerState, Keycloak 26.
        """
        if self.api_client:
            return self.api_client
        found = _BROKER_STATE.fullmatch(self.state)
        return _client(found["client"]) if found else ""

    @classmethod
    def through_api(
        cls, application: str, *, send: str = "code", page_of: str = "", page_host: str = ""
    ) -> AuthorizationRequest:
        """What a challenge of the API carries: its code comes back to the API, so there is nothing to answer yet."""
        return cls(
            client_id="",
            redirect_uri="",
            state="",
            nonce="",
            code_challenge="",
            send=send,
            api_client=application,
            page_of=page_of,
            page_host=page_host,
        )

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def _client(encoded: str) -> str:
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return ""
    # Random UUIDs have a byte that no ASCII text has; client ids of sixteen characters are text.
    if len(raw) == _UUID_BYTES and not raw.isascii():
        return str(UUID(bytes=raw))
    text = raw.decode("utf-8", "replace")
    is_name = text.isprintable() and "\ufffd" not in text and len(text) <= _MAX_CLIENT_CHARS
    return text if is_name else ""
