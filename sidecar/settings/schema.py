"""Which keys there are, and what each of them takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import phonenumbers
from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from sidecar import assets
from sidecar.model.message import CLAIM_S
from sidecar.settings.branding import BrandingSchema, ClientSchema
from sidecar.settings.classic import require_possible
from sidecar.settings.fields import OWN_NAME, SecretField, Section, Strings, Whole, plain
from sidecar.settings.keycloak import Keycloak
from sidecar.settings.pinned import PinnedSchema, canonical, require_end
from sidecar.settings.providers import ProviderField
from sidecar.settings.sdk import Sdk, by_host
from sidecar.settings.values import (
    ANY_COUNTRY,
    Connection,
    Database,
    Limits,
    Metrics,
    Pumping,
    Realm,
    Retention,
    Secret,
    Server,
    Settings,
    Traces,
)

_MESSAGES_OF = {"email": "mail", "sms": "text messages"}
_MIN_SECRET_CHARS = 32
_MIN_DISTINCT_CHARS = 10
_WELL_KNOWN = re.compile(r"change.?me|secret.?key|password|example|12345678|abcdefgh", re.IGNORECASE)

# Browsers, proxies and we must read it alike: no dot segments, nothing encoded.
_PLAIN_PATH = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def _url(value: str) -> None:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValidationError("must be a URL like https://login.example.org")
    if parts.username or parts.password or parts.query or parts.fragment or value.endswith("/"):
        raise ValidationError("must have no user, query, fragment or trailing slash")
    if not _PLAIN_PATH.fullmatch(parts.path):
        raise ValidationError("must have no path, or a plain one like /passwordless")
    if parts.scheme == "http" and parts.hostname not in _THIS_MACHINE:
        raise ValidationError(
            "must be https: browsers keep our cookies to secure origins (http works on localhost only)"
        )


def _internal_url(value: str) -> None:
    if value and urlsplit(value).scheme not in {"http", "https"}:
        raise ValidationError("must be a URL like http://keycloak:8080")
    if value.endswith("/"):
        raise ValidationError("must have no trailing slash")


def _secret_key(value: str) -> None:
    if len(value) < _MIN_SECRET_CHARS or len(set(value)) < _MIN_DISTINCT_CHARS or _WELL_KNOWN.search(value):
        raise ValidationError(
            "is weak: each key needs at least 32 random characters; `passwordless config secret` prints one"
        )


def _database_url(value: str) -> None:
    if not value.startswith(("sqlite:///", "postgresql://")):
        raise ValidationError(
            "must start with sqlite:/// (a file) or postgresql:// (a server); no other database is supported"
        )


_name = validate.Regexp(
    r"^[a-z0-9][a-z0-9._-]{0,62}$", error="must be lower-case letters, digits, '.', '_' or '-'"
)
_host = validate.Regexp(
    r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$", error="must be a host name like www.acme.example"
)


def _region(value: str) -> None:
    if value and value not in phonenumbers.SUPPORTED_REGIONS:
        raise ValidationError("must be a country of ISO 3166-1 in capitals, like GB")


def _locale(value: str) -> None:
    known = assets.locales()
    if value not in known:
        meant = next((tag for tag in known if tag.lower() == value.lower().replace("_", "-")), "")
        cure = f"write '{meant}'" if meant else f"there are {', '.join(known)}"
        raise ValidationError(f"there are no texts in '{value}': {cure}")


def _no_locale_twice(value: tuple[str, ...]) -> None:
    if len(set(value)) < len(value):
        raise ValidationError("names one twice")


def _country(value: str) -> None:
    if value != ANY_COUNTRY:
        _region(value)


class _ServerSchema(Section):
    target = Server
    public_url = fields.String(required=True, validate=_url)
    internal_url = fields.String(load_default="", validate=_internal_url)
    trusted_hops = Whole(load_default=0, validate=validate.Range(0, 5))
    secret_keys = Strings(
        SecretField(validate=plain(_secret_key)),
        required=True,
        validate=validate.Length(
            1, 10, error="needs at least one key, newest first; `passwordless config secret` prints one"
        ),
    )
    log_level = fields.String(
        load_default="info", validate=validate.OneOf(["debug", "info", "warning", "error"])
    )
    embedded_worker = fields.Boolean(load_default=True)
    geoip_database = fields.String(load_default="")

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Server:
        return Server(**{**data, "internal_url": data["internal_url"] or data["public_url"]})


class _DatabaseSchema(Section):
    target = Database
    url = SecretField(load_default=lambda: Secret("sqlite:///passwordless.db"), validate=plain(_database_url))


class _RetentionSchema(Section):
    target = Retention
    challenges_days = Whole(load_default=7, validate=validate.Range(1, 3650))
    messages_days = Whole(load_default=7, validate=validate.Range(1, 3650))
    # Failures in a row are counted as far back as events go: much less, and a patient guesser starts from zero.
    events_days = Whole(load_default=90, validate=validate.Range(30, 3650))


class _MetricsSchema(Section):
    target = Metrics
    bind = fields.String(
        load_default="",
        validate=validate.Regexp(
            r"^(([A-Za-z0-9.-]+|\[[0-9a-f:]+\]):[0-9]{1,5})?$",
            error="must be ADDRESS:PORT, like 127.0.0.1:9100",
        ),
    )


class _TracesSchema(Section):
    target = Traces
    otlp_endpoint = fields.String(load_default="", validate=_internal_url)


class _KeycloakSchema(Section):
    target = Keycloak
    url = fields.String(required=True, validate=_url)
    internal_url = fields.String(load_default="", validate=_internal_url)
    timeout_s = Whole(load_default=5, validate=validate.Range(1, 60))

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Keycloak:
        return Keycloak(**{**data, "internal_url": data["internal_url"] or data["url"]})


class _SdkSchema(Section):
    target = Sdk
    default_realm = fields.String(load_default="")


class _LimitsSchema(Section):
    target = Limits
    # NIST SP 800-63B-4 §3.2.2 allows 100 failures in a row; five a code and ten an hour stay far below it.
    tries_per_code = Whole(load_default=5, validate=validate.Range(1, 10))
    failures_per_hour = Whole(load_default=10, validate=validate.Range(1, 50))
    failures_in_a_row = Whole(load_default=100, validate=validate.Range(10, 100))
    failures_per_network_per_hour = Whole(load_default=30, validate=validate.Range(5, 1_000_000))
    failures_per_connection_per_hour = Whole(load_default=100, validate=validate.Range(10, 1_000_000))
    failures_per_client_per_hour = Whole(load_default=50, validate=validate.Range(5, 1_000_000))
    messages_per_hour = Whole(load_default=5, validate=validate.Range(1, 1000))
    messages_per_day = Whole(load_default=10, validate=validate.Range(1, 10000))
    starts_per_network_per_hour = Whole(load_default=50, validate=validate.Range(1, 1_000_000))
    open_challenges = Whole(load_default=2, validate=validate.Range(1, 10))
    resend_after_s = Whole(load_default=30, validate=validate.Range(5, 300))


class _PumpingSchema(Section):
    target = Pumping
    messages_per_prefix_per_hour = Whole(load_default=20, validate=validate.Range(1, 1_000_000))
    messages_per_country_per_hour = Whole(load_default=200, validate=validate.Range(1, 1_000_000))
    messages_per_client_per_hour = Whole(load_default=500, validate=validate.Range(1, 1_000_000))
    messages_per_day = Whole(load_default=1000, validate=validate.Range(1, 10_000_000))
    conversion_sample = Whole(load_default=20, validate=validate.Range(5, 10_000))
    conversion_percent = Whole(load_default=20, validate=validate.Range(1, 100))


class _ConnectionSchema(Section):
    target = Connection
    id = fields.String(required=True, data_key=OWN_NAME)
    strategy = fields.String(required=True, validate=validate.OneOf(["email", "sms"]))
    display_name = fields.String(load_default="")
    method = fields.String(load_default="code", validate=validate.OneOf(["code", "link", "both"]))
    digits = Whole(load_default=6, validate=validate.Range(6, 8))
    lifetime_s = Whole(load_default=300, validate=validate.Range(120, 600))
    signup = fields.Boolean(load_default=True)
    linking = fields.String(
        load_default="prompt", validate=validate.OneOf(["prompt", "verified", "separate"])
    )
    countries = Strings(fields.String(validate=_country), load_default=())
    idle_days = Whole(load_default=365, validate=validate.Range(0, 3650))
    providers = Strings(fields.String(), required=True, validate=validate.Length(1))
    limits = fields.Nested(_LimitsSchema, load_default=lambda: _LimitsSchema().load({}))
    pumping = fields.Nested(_PumpingSchema, load_default=lambda: _PumpingSchema().load({}))
    test_addresses = fields.Dict(keys=fields.String(), values=fields.Nested(PinnedSchema), load_default=dict)

    @validates_schema(skip_on_field_errors=True)
    def _links_go_by_mail(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["strategy"] == "sms" and data["method"] != "code":
            raise ValidationError('must be "code" with strategy = "sms": a link goes by email only', "method")

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Connection:
        pinned = canonical(data["strategy"], data["digits"], data["test_addresses"])
        return Connection(**{**data, "test_addresses": pinned})


class _RealmSchema(Section):
    target = Realm
    name = fields.String(required=True, data_key=OWN_NAME)
    display_name = fields.String(load_default="")
    passwords = fields.Boolean(load_default=True)
    step_up = fields.Boolean(load_default=False)
    service_account = fields.Boolean(load_default=False)
    unverified_holder = fields.String(load_default="stop", validate=validate.OneOf(["stop", "strip"]))
    passkeys = fields.String(
        load_default="off", validate=validate.OneOf(["off", "allow", "offer", "require"])
    )
    passkey_ask_again_days = Whole(load_default=30, validate=validate.Range(1, 365))
    account_page = fields.Boolean(load_default=False)
    login_page = fields.String(load_default="universal", validate=validate.OneOf(["universal", "classic"]))
    admin_api = fields.Boolean(load_default=False)
    locales = Strings(
        fields.String(validate=_locale),
        load_default=lambda: ("en", "de"),
        validate=[validate.Length(1), _no_locale_twice],
    )
    default_region = fields.String(load_default="", validate=_region)
    templates = fields.String(load_default=None, allow_none=True)
    link_hosts = Strings(fields.String(validate=_host), load_default=())
    sdk_hosts = Strings(fields.String(validate=_host), load_default=())
    connections = fields.Dict(
        keys=fields.String(validate=_name),
        values=fields.Nested(_ConnectionSchema),
        required=True,
        validate=validate.Length(
            1, error="needs at least one connection, like [realms.NAME.connections.email]"
        ),
    )
    branding = fields.Nested(BrandingSchema, load_default=lambda: BrandingSchema().load({}))
    clients = fields.Dict(keys=fields.String(), values=fields.Nested(ClientSchema), load_default=dict)

    @validates_schema(skip_on_field_errors=True)
    def _offering_passkeys_takes_an_account(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["passkeys"] in {"offer", "require"} and not data["service_account"]:
            raise ValidationError(
                f'is "{data["passkeys"]}", which takes an account of the sidecar in the realm: set service_account ='
                f' true and run `passwordless bootstrap {data["name"]}`, or write "allow"',
                "passkeys",
            )

    @validates_schema(skip_on_field_errors=True)
    def _the_account_page_can_change_users(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["account_page"] and not data["service_account"]:
            raise ValidationError(
                "needs service_account = true: the page looks users up in Keycloak and changes them there",
                "account_page",
            )
        if data["account_page"] and "account" in data["connections"]:
            raise ValidationError(
                "and a connection 'account' would have the same address: rename the connection",
                "account_page",
            )

    @validates_schema(skip_on_field_errors=True)
    def _an_id_names_one_client(self, data: Mapping[str, Any], **_: Any) -> None:
        seen: dict[str, str] = {}
        for client in data["clients"].values():
            if client.id and (other := seen.setdefault(client.id, client.client_id)) != client.client_id:
                raise ValidationError(f"is the id of '{other}' too", f"clients.{client.client_id}.id")

    @validates_schema(skip_on_field_errors=True)
    def _linking_needs_an_account(self, data: Mapping[str, Any], **_: Any) -> None:
        for connection in data["connections"].values():
            if connection.linking != "prompt" and not data["service_account"]:
                raise ValidationError(
                    f'is "{connection.linking}", which needs to look at the realm\'s users: set service_account = true'
                    ' in the realm and run `passwordless bootstrap`, or set "prompt"',
                    f"connections.{connection.id}.linking",
                )

    @validates_schema(skip_on_field_errors=True)
    def _connections_of_clients_are_there(self, data: Mapping[str, Any], **_: Any) -> None:
        for client in data["clients"].values():
            if client.connection and client.connection not in data["connections"]:
                where = f"clients.{client.client_id}.connection"
                raise ValidationError(f"must be one of {', '.join(sorted(data['connections']))}", where)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Realm:
        templates = data["templates"]
        name = data["name"]
        return Realm(
            **{
                **data,
                "display_name": data["display_name"] or name,
                "templates": Path(templates) if templates else None,
            }
        )


class SettingsSchema(Section):
    target = Settings
    server = fields.Nested(_ServerSchema, required=True)
    database = fields.Nested(_DatabaseSchema, load_default=lambda: _DatabaseSchema().load({}))
    retention = fields.Nested(_RetentionSchema, load_default=lambda: _RetentionSchema().load({}))
    metrics = fields.Nested(_MetricsSchema, load_default=lambda: _MetricsSchema().load({}))
    traces = fields.Nested(_TracesSchema, load_default=lambda: _TracesSchema().load({}))
    keycloak = fields.Nested(_KeycloakSchema, required=True)
    sdk = fields.Nested(_SdkSchema, load_default=lambda: _SdkSchema().load({}))
    providers = fields.Dict(keys=fields.String(validate=_name), values=ProviderField(), required=True)
    realms = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(_RealmSchema),
        required=True,
        validate=validate.Length(1, error="needs at least one realm, like [realms.demo]"),
    )

    @validates_schema(skip_on_field_errors=True)
    def _the_sdks_realm_exists(self, data: Mapping[str, Any], **_: Any) -> None:
        by_host(data["sdk"], data["realms"])

    @validates_schema(skip_on_field_errors=True)
    def _login_pages_reach_us(self, data: Mapping[str, Any], **_: Any) -> None:
        require_possible(data["keycloak"].url, data["server"].public_url, data["realms"].values())

    @validates_schema(skip_on_field_errors=True)
    def _test_addresses_end(self, data: Mapping[str, Any], **_: Any) -> None:
        """Where people sign in, a code that never changes must not outlive its purpose."""
        if urlsplit(data["server"].public_url).hostname in _THIS_MACHINE:
            return
        for realm in data["realms"].values():
            for connection in realm.connections.values():
                for address, pinned in connection.test_addresses.items():
                    key = f"realms.{realm.name}.connections.{connection.id}.test_addresses.{address}.until"
                    require_end(key, pinned)

    @validates_schema(skip_on_field_errors=True)
    def _providers_exist(self, data: Mapping[str, Any], **_: Any) -> None:
        is_at_home = urlsplit(data["server"].public_url).hostname in _THIS_MACHINE
        for realm in data["realms"].values():
            for connection in realm.connections.values():
                key = f"realms.{realm.name}.connections.{connection.id}.providers"
                if len(set(connection.providers)) < len(connection.providers):
                    raise ValidationError("names one twice", key)
                for name in connection.providers:
                    provider = data["providers"].get(name)
                    if provider is None:
                        raise ValidationError(f"names '{name}', but there is no [providers.{name}]", key)
                    if provider.type == "console" and not is_at_home:
                        raise ValidationError(
                            f"names '{name}', which only prints messages: that is for a server.public_url on"
                            " localhost",
                            key,
                        )
                    if connection.strategy not in provider.carries:
                        raise ValidationError(
                            f"names '{name}', but a provider of type {provider.type} carries no"
                            f" {_MESSAGES_OF[connection.strategy]}",
                            key,
                        )
                patience_s = sum(data["providers"][name].timeout_s for name in connection.providers)
                if len(connection.providers) > 1 and patience_s > CLAIM_S:
                    raise ValidationError(
                        f"could take {patience_s} seconds to get to the last of them, and a message has {CLAIM_S}:"
                        " lower the providers' timeout_s",
                        key,
                    )
