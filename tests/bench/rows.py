"""A database with a history: identities, and the challenges, messages and events of their past logins."""

from __future__ import annotations

import psycopg

from tests.bench.house import CONNECTION, REALM

# Spread over this many days up to an hour ago, so that the day's budgets count over some of them.
DAYS = 20
_FILL = {
    "subjects": """
        INSERT INTO subjects (id, realm, connection, created_at)
        SELECT %(c)s || '.' || md5(n::text), %(r)s, %(c)s, 1700000000000
        FROM generate_series(0, %(identities)s - 1) n""",
    "addresses": """
        INSERT INTO addresses (realm, connection, address, destination, subject_id, proven_at)
        SELECT %(r)s, %(c)s, 'user' || n || '@example.org', 'user' || n || '@example.org',
          %(c)s || '.' || md5(n::text), 1700000000000
        FROM generate_series(0, %(identities)s - 1) n""",
    "challenges": """
        INSERT INTO challenges (id, realm, connection, address, destination, browser_mac, key_id, seed, digits,
          locale, request, created_at, expires_at, last_sent_at, tries, max_tries, is_suppressed, used_at)
        SELECT left(md5(n::text), 22), %(r)s, %(c)s, address, address, repeat(md5(address), 2), 'k',
          decode(repeat(md5(n::text), 2), 'hex'), 6, 'en', %(request)s, at, at + 300000, at, 1, 5, false, at + 20000
        FROM (SELECT n, 'user' || (n::bigint * 7919) %% %(identities)s || '@example.org' AS address,
          %(now)s - 3600000 - (%(span)s * (1 - n::float8 / %(past)s))::bigint AS at
          FROM generate_series(0, %(past)s - 1) n) AS made""",
    "messages": """
        INSERT INTO messages (id, challenge_id, template, status, attempts, created_at, due_at, taken_by,
          deadline_at, provider, is_about_recipient, finished_at)
        SELECT left(md5('m' || n), 22), left(md5(n::text), 22), 'login_email', 'sent', 1, at, at, 'host/1/00000000',
          at + 300000, 'smtp', false, at + 50
        FROM (SELECT n, %(now)s - 3600000 - (%(span)s * (1 - n::float8 / %(past)s))::bigint AS at
          FROM generate_series(0, %(past)s - 1) n) AS made""",
    "events": """
        INSERT INTO events (at, realm, connection, type, address, network, challenge_id, detail)
        SELECT at, %(r)s, %(c)s,
          (ARRAY['challenge_started', 'message_sent', 'code_tried', 'code_accepted'])[1 + n %% 4],
          'user' || (n::bigint / 4 * 7919) %% %(identities)s || '@example.org',
          '10.' || (n / 4 >> 16 & 255) || '.' || (n / 4 >> 8 & 255) || '.' || (n / 4 & 255),
          left(md5((n / 4)::text), 22), ''
        FROM (SELECT n, %(now)s - 3600000 - (%(span)s * (1 - n::float8 / %(past)s))::bigint AS at
          FROM generate_series(0, %(past)s - 1) n) AS made""",
}
_REQUEST = (
    '{"client_id":"keycloak","redirect_uri":"http://localhost:8080/realms/acme/broker/email/endpoint",'
    '"state":"0123456789012345678901234567890123456789.ABCDEFGHIJK.account","nonce":"0123456789abcdef",'
    '"code_challenge":"0123456789012345678901234567890123456789012","ui_locales":"en","login_hint":""}'
)
_SECONDARY = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    JOIN pg_class ON pg_class.oid = indrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = 'public' AND NOT indisunique"""
# Foreign keys first: they hang on the keys of other tables.
_CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid),
      CASE contype WHEN 'f' THEN 'NOT VALID' ELSE '' END FROM pg_constraint
    WHERE contype IN ('f', 'p', 'u') AND connamespace = 'public'::regnamespace
    ORDER BY contype <> 'f'"""


def fill(database_url: str, *, identities: int, past: int) -> None:
    """As many identities, and as many past challenges, messages and events each; then the indexes and ANALYZE."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for setting in ("synchronous_commit = off", "maintenance_work_mem = '1GB'"):
            connection.execute(f"SET {setting}")
        indexes = connection.execute(_SECONDARY).fetchall()
        constraints = connection.execute(_CONSTRAINTS).fetchall()
        for table, name, *_ in constraints:
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        now = connection.execute("SELECT (extract(epoch FROM now()) * 1000)::bigint").fetchone()[0]
        values = {
            "r": REALM,
            "c": CONNECTION,
            "identities": identities,
            "past": past,
            "now": now,
            "span": DAYS * 86_400_000,
            "request": _REQUEST,
        }
        for table, statement in _FILL.items():
            print(f"  filling {table} ...", flush=True)
            connection.execute(statement, values)
        print("  building indexes ...", flush=True)
        for _, definition in indexes:
            connection.execute(definition)
        for table, name, definition, suffix in reversed(constraints):
            connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition} {suffix}")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def sizes(database_url: str) -> dict[str, tuple[int, str]]:
    """Rows (as the planner estimates them) and bytes with indexes, by table."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT relname, reltuples::bigint, pg_size_pretty(pg_total_relation_size(oid)) FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
        )
        return {name: (count, size) for name, count, size in rows}
