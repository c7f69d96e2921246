"""Settings that were found right, as frozen objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from sidecar.model.colours import Palette
from sidecar.settings.keycloak import Keycloak
from sidecar.settings.sdk import Sdk, by_host

#: Among a connection's `countries`: all of them.
ANY_COUNTRY = "*"
#: How a secret begins whose rest is base64 (Standard Webhooks).
BASE64_SECRET = "whsec_"  # noqa: S105
#: The file name of every logo; what stands before it in the URL says which.
LOGO = "logo.png"

#: Where an Apprise URL has the number.
APPRISE_RECIPIENT = "{recipient}"
#: Schemas of Apprise that text messages may go by, and the plugin of each. They speak HTTP and nothing else: no local
#: commands, no sockets of their own. Left out is what sends over plain http, what can't say a text of
#: ours, and what knows the numbers of one country only.
APPRISE_SCHEMAS: Mapping[str, str] = {
    "46elks": "fortysixelks",
    "atalk": "africas_talking",
    "bulksms": "bulksms",
    "bulkvs": "bulkvs",
    "burstsms": "burstsms",
    "clickatell": "clickatell",
    "clicksend": "clicksend",
    "cm": "cm",
    "d7sms": "d7networks",
    "eight00com": "eight00com",
    "elks": "fortysixelks",
    "exotel": "exotel",
    "form": "custom_form",
    "forms": "custom_form",
    "httpsms": "httpsms",
    "infobip": "infobip",
    "json": "custom_json",
    "jsons": "custom_json",
    "kaleyra": "kaleyra",
    "klr": "kaleyra",
    "kudosity": "burstsms",
    "msgbird": "messagebird",
    "nexmo": "vonage",
    "octopush": "octopush",
    "plivo": "plivo",
    "seven": "seven",
    "sinch": "sinch",
    "smsc": "smsc",
    "smsmanager": "smsmanager",
    "smsmgr": "smsmanager",
    "smstunnel": "smstunnel",
    "telesign": "telesign",
    "telnyx": "telnyx",
    "vonage": "vonage",
    "xml": "custom_xml",
    "xmls": "custom_xml",
}


class Secret:
    """A string that does not print: `repr`, `str` and logs show `***`; `reveal()` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)


@dataclass(frozen=True, kw_only=True)
class Server:
    public_url: str
    internal_url: str
    trusted_hops: int
    secret_keys: tuple[Secret, ...]
    log_level: str
    embedded_worker: bool
    geoip_database: str


@dataclass(frozen=True, kw_only=True)
class Database:
    url: Secret


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Days after its end that a row is kept."""

    challenges_days: int
    messages_days: int
    events_days: int


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """`bind` is ADDRESS:PORT, or empty for none."""

    bind: str


@dataclass(frozen=True, kw_only=True)
class Traces:
    """`otlp_endpoint` is a URL, or empty for none."""

    otlp_endpoint: str


@dataclass(frozen=True, kw_only=True)
class SmtpProvider:
    id: str
    type: Literal["smtp"]
    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    username: str
    password: Secret
    sender: str
    timeout_s: int
    ca_file: str
    private_network: bool

    #: Strategies whose messages it can send.
    carries: ClassVar[frozenset[str]] = frozenset({"email"})


@dataclass(frozen=True, kw_only=True)
class WebhookProvider:
    """An HTTP gateway; `secret` signs what is sent to it, `callback_secret` what it says later (empty: nothing)."""

    id: str
    type: Literal["webhook"]
    url: str
    secret: Secret
    callback_secret: Secret
    sender: str
    timeout_s: int
    private_network: bool

    carries: ClassVar[frozenset[str]] = frozenset({"sms"})


@dataclass(frozen=True, kw_only=True)
class TwilioProvider:
    """One of `messaging_service_sid` and `sender` is set; and `auth_token`, or the API key, or both.

    `auth_token` is also what Twilio signs its status callbacks with; without it there are none.
    """

    id: str
    type: Literal["twilio"]
    account_sid: str
    auth_token: Secret
    api_key: str
    api_secret: Secret
    messaging_service_sid: str
    sender: str
    url: str
    timeout_s: int
    private_network: bool

    carries: ClassVar[frozenset[str]] = frozenset({"sms"})


@dataclass(frozen=True, kw_only=True)
class AppriseProvider:
    """`url` is Apprise's, with `APPRISE_RECIPIENT` where the number goes; it may hold secrets anywhere."""

    id: str
    type: Literal["apprise"]
    url: Secret
    timeout_s: int
    private_network: bool

    carries: ClassVar[frozenset[str]] = frozenset({"sms"})

    @property
    def schema(self) -> str:
        return self.url.reveal().partition("://")[0].lower()


@dataclass(frozen=True, kw_only=True)
class ConsoleProvider:
    """Prints messages; for `localhost` only."""

    id: str
    type: Literal["console"]

    timeout_s: ClassVar[int] = 1
    carries: ClassVar[frozenset[str]] = frozenset({"email", "sms"})


Provider = SmtpProvider | WebhookProvider | TwilioProvider | AppriseProvider | ConsoleProvider


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Budgets of one connection; see docs/settings.md for what each counts."""

    tries_per_code: int
    failures_per_hour: int
    failures_in_a_row: int
    failures_per_network_per_hour: int
    failures_per_connection_per_hour: int
    failures_per_client_per_hour: int
    messages_per_hour: int
    messages_per_day: int
    starts_per_network_per_hour: int
    open_challenges: int
    resend_after_s: int


@dataclass(frozen=True, kw_only=True)
class Pumping:
    """Budgets of a connection's text messages, and when too few of them are followed by their code."""

    messages_per_prefix_per_hour: int
    messages_per_country_per_hour: int
    messages_per_client_per_hour: int
    messages_per_day: int
    conversion_sample: int
    conversion_percent: int


@dataclass(frozen=True, kw_only=True)
class PinnedAddress:
    """A test address's code; `until` is the last day (UTC) that it holds, `None`: it has no end."""

    code: Secret
    until: date | None

    def holds_at(self, at_ms: int) -> bool:
        """Whether it holds at that time, in milliseconds since the epoch."""
        if self.until is None:
            return True
        end = datetime.combine(self.until, time.max, tzinfo=UTC)
        return at_ms <= end.timestamp() * 1000


@dataclass(frozen=True, kw_only=True)
class Connection:
    id: str
    strategy: Literal["email", "sms"]
    display_name: str
    method: Literal["code", "link", "both"]
    digits: int
    lifetime_s: int
    signup: bool
    linking: Literal["prompt", "verified", "separate"]
    countries: tuple[str, ...]
    #: 0: a number stands for its subject for good.
    idle_days: int
    providers: tuple[str, ...]
    limits: Limits
    pumping: Pumping
    #: By the address as it is compared.
    test_addresses: Mapping[str, PinnedAddress]


@dataclass(frozen=True, kw_only=True)
class Logo:
    """A PNG file that was found right; `version` is made of its content, `width` and `height` are its pixels."""

    path: Path
    version: str
    width: int
    height: int

    def size(self, *, height: int, width: int) -> tuple[int, int]:
        """Its width and height where it has that much room at the most; never larger than it is."""
        share = min(1.0, width / self.width, height / self.height)
        return max(1, round(self.width * share)), max(1, round(self.height * share))


@dataclass(frozen=True, kw_only=True)
class Branding:
    """How a realm or an application looks. What is empty is the realm's; of the realm, ours. Links are URLs."""

    name: str = ""
    logo: Logo | None = None
    palette: Palette | None = None
    help: str = ""
    privacy: str = ""
    terms: str = ""
    imprint: str = ""

    #: The names of the links, in the order in which they are shown.
    LINKS: ClassVar[tuple[str, ...]] = ("help", "privacy", "terms", "imprint")

    @property
    def links(self) -> dict[str, str]:
        """The links there are, by name."""
        return {name: url for name in self.LINKS if (url := str(getattr(self, name)))}

    def over(self, other: Branding) -> Branding:
        """This one, with what it leaves empty from the other."""
        return Branding(
            name=self.name or other.name,
            logo=self.logo or other.logo,
            palette=self.palette or other.palette,
            **{name: getattr(self, name) or getattr(other, name) for name in self.LINKS},
        )


#: Our login themes: each step on a page of its own, or all in place on Keycloak's page by a script.
UNIVERSAL_THEME, CLASSIC_THEME = "passwordless", "passwordless-classic"


@dataclass(frozen=True, kw_only=True)
class Client:
    """An application that looks otherwise than its realm, or signs in otherwise.

    `client_id` is its id as Keycloak's users know it; `id` the one by which Keycloak's broker names it to us, a UUID,
    empty if nobody said it yet. `branding` has what it does not share with the realm. `connection` is the one that its
    login page offers first, `theme` its login theme; empty: as everywhere in the realm.
    """

    client_id: str
    id: str
    connection: str
    theme: str
    branding: Branding

    @property
    def looks_otherwise(self) -> bool:
        """Whether our pages must know it."""
        return bool(self.id) or self.branding != Branding()


@dataclass(frozen=True, kw_only=True)
class Realm:
    name: str
    display_name: str
    passwords: bool
    step_up: bool
    #: The sidecar may change the realm's users while it runs.
    service_account: bool
    unverified_holder: Literal["stop", "strip"]
    #: "off" leaves the realm's passkeys as they are; "allow": people sign in with one; "offer": whoever has none is
    #: asked after a login, and may say no; "require": may not.
    passkeys: Literal["off", "allow", "offer", "require"]
    passkey_ask_again_days: int
    #: Users add and remove the addresses that sign in to their account.
    account_page: bool
    #: Where the code is typed: on pages of ours, or on Keycloak's own.
    login_page: Literal["universal", "classic"]
    #: The API has an admin side, for whoever has a role of its client in Keycloak.
    admin_api: bool
    locales: tuple[str, ...]
    default_region: str
    templates: Path | None
    link_hosts: tuple[str, ...]
    #: At which hosts beside ours the endpoints of existing SDKs are this realm's.
    sdk_hosts: tuple[str, ...]
    connections: Mapping[str, Connection]
    branding: Branding
    clients: Mapping[str, Client]

    @property
    def offers_passkeys(self) -> bool:
        return self.passkeys in {"offer", "require"}

    @property
    def login_theme(self) -> str:
        """Its login theme in Keycloak, where that is one of ours."""
        return CLASSIC_THEME if self.login_page == "classic" else UNIVERSAL_THEME

    def is_classic(self, unverified_client_id: str) -> bool:
        """Whether that client's login page drives the API; of an unknown one, whether the realm's does."""
        client = self.clients.get(unverified_client_id)
        return (client.theme if client else "") == CLASSIC_THEME or (
            self.login_page == "classic" and not (client and client.theme)
        )

    @property
    def has_classic(self) -> bool:
        """Whether any of its login pages does."""
        return self.login_page == "classic" or any(it.theme == CLASSIC_THEME for it in self.clients.values())

    def look(self, unverified_application: str = "") -> Branding:
        """How pages and messages look for an application as `AuthorizationRequest.application` names it.

        Whoever makes up a request chooses among the realm's own looks, and nothing else; with any other name it is
        the realm's. It always has a name.
        """
        named = (it.branding for it in self.clients.values() if it.id and it.id == unverified_application)
        branding = next(named, Branding()).over(self.branding)
        return replace(branding, name=branding.name or self.display_name)


@dataclass(frozen=True, kw_only=True)
class Settings:
    server: Server
    database: Database
    retention: Retention
    metrics: Metrics
    traces: Traces
    keycloak: Keycloak
    sdk: Sdk
    providers: Mapping[str, Provider]
    realms: Mapping[str, Realm]

    def issuer(self, realm: str, connection: str) -> str:
        """The issuer identifier of one connection (OpenID Connect Discovery §3); a constant, never from a request."""
        return f"{self.server.public_url}/realms/{realm}/{connection}"

    @cached_property
    def sdk_hosts(self) -> Mapping[str, str]:
        """Realms by the hosts that their endpoints of existing SDKs have beside ours."""
        return by_host(self.sdk, self.realms)

    def account_url(self, realm: str) -> str:
        """Where a realm's users find their account page, if it has one."""
        return f"{self.server.public_url}/realms/{realm}/account"

    def logo_url(self, logo: Logo) -> str:
        """Where we serve a logo; another one has another URL."""
        return f"{self.server.public_url}/static/{logo.version}/{LOGO}"

    def embedded_callback(self, realm: str) -> str:
        """Where the login ends that we walk for a client of the API; among that client's redirect URIs."""
        return f"{self.server.public_url}/realms/{realm}/embedded/callback"

    def broker_redirect_uri(self, realm: str, connection: str) -> str:
        """The only redirect URI there is: Keycloak's broker endpoint of the connection."""
        return f"{self.keycloak.issuer(realm)}/broker/{connection}/endpoint"
