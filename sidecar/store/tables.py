"""The tables. Times are milliseconds since the epoch by the database's clock.

No column holds a code, a link, a cookie, an authorization code or a key that opens anything by itself: what is
looked up is stored as a MAC under a server key, what is sent is derived when it is sent.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    and_,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only in a column of type INTEGER.
_RowId = BigInteger().with_variant(Integer(), "sqlite")

challenges = Table(
    "challenges",
    metadata,
    Column("id", Text, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("browser_mac", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("seed", LargeBinary, nullable=False),
    Column("digits", Integer, nullable=False),
    Column("locale", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("last_sent_at", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("max_tries", Integer, nullable=False),
    # What its message brings: a code, a link or both.
    Column("method", Text, nullable=False, server_default="code"),
    Column("is_suppressed", Boolean, nullable=False),
    # Suppressed only because sign-up is off and nobody has proven the address here; Keycloak may know it.
    Column("is_unknown", Boolean, nullable=False, server_default=false(), default=False),
    Column("used_at", BigInteger),
    Column("retired_at", BigInteger),
    # Off a closed list, and from the operator's database of places: nothing that whoever asked wrote.
    Column("asked_browser", Text),
    Column("asked_system", Text),
    Column("asked_city", Text),
    Column("asked_country", Text),
    # What its code is good for; whose account it is for, and which change of it a notice tells of.
    Column("purpose", Text, nullable=False, server_default="login"),
    Column("account", Text),
    Column("change_id", Text),
    # Until when its right code is kept for the client's next call, and the browser that may come without being asked.
    Column("reserved_until", BigInteger),
    Column("reserved_by", Text),
)
Index("ix_challenges_expires_at", challenges.c.expires_at)
Index("ix_challenges_address", challenges.c.realm, challenges.c.address, challenges.c.expires_at)

events = Table(
    "events",
    metadata,
    Column("id", _RowId, Identity(), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("realm", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("address", Text),
    Column("network", Text),
    # The browser's MAC where the address knows it; null for strangers.
    Column("device", Text),
    Column("challenge_id", Text),
    Column("detail", Text, nullable=False, default=""),
    # The application that called through the API, by its id in Keycloak.
    Column("client", Text),
)
Index("ix_events_address", events.c.realm, events.c.address, events.c.type, events.c.at)
# Networks are counted for strangers only. In full, PostgreSQL takes it for the events of one address at times, and
# walks through those of the whole realm.
_OF_STRANGERS = and_(events.c.device.is_(None), events.c.network.is_not(None))
Index(
    "ix_events_network",
    events.c.realm,
    events.c.network,
    events.c.type,
    events.c.at,
    sqlite_where=_OF_STRANGERS,
    postgresql_where=_OF_STRANGERS,
)
_IS_WRONG = text("type = 'code_wrong'")
Index(
    "ix_events_wrong",
    events.c.realm,
    events.c.connection,
    events.c.at,
    sqlite_where=_IS_WRONG,
    postgresql_where=_IS_WRONG,
)

_IS_OF_CLIENT = text("client IS NOT NULL")
Index(
    "ix_events_client",
    events.c.realm,
    events.c.client,
    events.c.type,
    events.c.at,
    sqlite_where=_IS_OF_CLIENT,
    postgresql_where=_IS_OF_CLIENT,
)

devices = Table(
    "devices",
    metadata,
    Column("realm", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("browser_mac", Text, nullable=False),
    Column("remembered_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("realm", "address", "browser_mac"),
)

subjects = Table(
    "subjects",
    metadata,
    Column("id", Text, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

addresses = Table(
    "addresses",
    metadata,
    Column("realm", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("subject_id", Text, ForeignKey("subjects.id"), nullable=False),
    Column("proven_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("realm", "connection", "address"),
)
Index("ix_addresses_subject_id", addresses.c.subject_id)

auth_codes = Table(
    "auth_codes",
    metadata,
    Column("code_mac", Text, primary_key=True),
    Column("challenge_id", Text, nullable=False),
    Column("realm", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("code_challenge", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("subject_id", Text, ForeignKey("subjects.id"), nullable=False),
    Column("address", Text, nullable=False),
    Column("amr", Text, nullable=False),
    #: Claims that Keycloak must not get, between spaces.
    Column("withheld", Text, nullable=False, server_default=""),
    Column("auth_time", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    # While a passkey is offered, the code waits: nobody has it, and the answer makes it anew.
    Column("is_held", Boolean, nullable=False, server_default=false()),
)
Index("ix_auth_codes_expires_at", auth_codes.c.expires_at)

# What a challenge that was met through the API is worth, until an authorization code is made of it.
tickets = Table(
    "tickets",
    metadata,
    Column("ticket_mac", Text, primary_key=True),
    Column("challenge_id", Text, nullable=False),
    Column("realm", Text, nullable=False),
    Column("connection", Text, nullable=False),
    # The client's id in Keycloak: a ticket signs in to nothing else.
    Column("application", Text, nullable=False),
    # The browser that holds it; null while only the client does.
    Column("browser_mac", Text),
    Column("subject_id", Text, ForeignKey("subjects.id"), nullable=False),
    Column("address", Text, nullable=False),
    Column("amr", Text, nullable=False),
    # Claims that Keycloak must not get.
    Column("withheld", Text, nullable=False),
    Column("auth_time", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)
Index("ix_tickets_expires_at", tickets.c.expires_at)
Index("ix_tickets_challenge_id", tickets.c.challenge_id)

# Applications that may call the API.
api_clients = Table(
    "api_clients",
    metadata,
    Column("realm", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("application", Text, nullable=False),
    Column("is_public", Boolean, nullable=False),
    # A JSON list.
    Column("origins", Text, nullable=False),
    Column("enabled_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("realm", "client_id"),
)

# Starts of the API that may be asked for again, by the MAC of whose they are and of the caller's key.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key_mac", Text, primary_key=True),
    # Of what was asked for.
    Column("body_mac", Text, nullable=False),
    Column("challenge_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
Index("ix_idempotency_keys_created_at", idempotency_keys.c.created_at)

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("challenge_id", Text, ForeignKey("challenges.id"), nullable=False),
    Column("template", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("taken_until", BigInteger),
    Column("taken_by", Text),
    Column("deadline_at", BigInteger, nullable=False),
    Column("provider", Text),
    # What the provider calls the message.
    Column("reference", Text),
    # What it said of it later: delivered or undelivered.
    Column("receipt", Text),
    Column("receipt_at", BigInteger),
    Column("reason", Text),
    Column("is_about_recipient", Boolean, nullable=False, default=False),
    Column("finished_at", BigInteger),
)
Index("ix_messages_deadline_at", messages.c.deadline_at)
Index("ix_messages_challenge_id", messages.c.challenge_id, messages.c.created_at)
Index(
    "ix_messages_open",
    messages.c.due_at,
    sqlite_where=messages.c.finished_at.is_(None),
    postgresql_where=messages.c.finished_at.is_(None),
)

# What text messages cost, by what pumping them would show in; beside the ledger, which has no numbers taken apart.
sms_sends = Table(
    "sms_sends",
    metadata,
    Column("id", _RowId, Identity(), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("realm", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("challenge_id", Text, nullable=False),
    # Whether the address knows the browser that asked.
    Column("is_known", Boolean, nullable=False),
    # When its code was accepted.
    Column("converted_at", BigInteger),
)
Index("ix_sms_sends_at", sms_sends.c.realm, sms_sends.c.connection, sms_sends.c.at)
Index("ix_sms_sends_challenge_id", sms_sends.c.challenge_id)
Index("ix_sms_sends_address", sms_sends.c.realm, sms_sends.c.address)

# Connections that an operator has stopped: they send nothing.
stopped_connections = Table(
    "stopped_connections",
    metadata,
    Column("realm", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("stopped_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("realm", "connection"),
)

# What became of the offer of a passkey to a subject. No foreign key: it goes with the subject's address, or outlives
# the subject by an opaque name.
passkey_offers = Table(
    "passkey_offers",
    metadata,
    Column("subject_id", Text, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("connection", Text, nullable=False),
    # When the answer was no.
    Column("declined_at", BigInteger),
    # When the answer was yes, until Keycloak's required action is known to be gone.
    Column("wanted_at", BigInteger),
)
Index("ix_passkey_offers_wanted_at", passkey_offers.c.wanted_at)

# Who is signed in to the account page: by the MAC of a cookie, with Keycloak's id of the user.
account_sessions = Table(
    "account_sessions",
    metadata,
    Column("session_mac", Text, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("account", Text, nullable=False),
    # When the user proved to Keycloak who they are.
    Column("auth_time", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
Index("ix_account_sessions_expires_at", account_sessions.c.expires_at)
Index("ix_account_sessions_account", account_sessions.c.realm, account_sessions.c.account)

# What was changed about an account's addresses, to be taken back by whom a notice reached.
account_changes = Table(
    "account_changes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("realm", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    # Of a removed address: when it was proven. Of a primary one: which was before it, in Keycloak.
    Column("proven_at", BigInteger),
    Column("before", Text),
    Column("at", BigInteger, nullable=False),
    Column("undone_at", BigInteger),
)
Index("ix_account_changes_account", account_changes.c.realm, account_changes.c.account, account_changes.c.at)
Index("ix_account_changes_at", account_changes.c.at)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("realm", Text, nullable=False),
    Column("kid", Text, nullable=False),
    Column("public_jwk", Text, nullable=False),
    Column("wrapped_private_jwk", Text, nullable=False),
    # The server secret that it is wrapped under.
    Column("key_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("signs_from", BigInteger, nullable=False),
    PrimaryKeyConstraint("realm", "kid"),
)

used_assertions = Table(
    "used_assertions",
    metadata,
    Column("realm", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("jti_mac", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    UniqueConstraint("realm", "connection", "jti_mac"),
)
Index("ix_used_assertions_expires_at", used_assertions.c.expires_at)

# Users of Keycloak, by its ids: who was merged into whom.
merges = Table(
    "merges",
    metadata,
    Column("realm", Text, nullable=False),
    Column("from_user", Text, nullable=False),
    Column("into_user", Text, nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    PrimaryKeyConstraint("realm", "from_user"),
)
