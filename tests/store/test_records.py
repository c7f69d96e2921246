"""All that is held of an address can be handed over and erased; of nobody else anything (GDPR Art. 15, 17)."""

from __future__ import annotations

import json

from sqlalchemy import select, update

from sidecar.login.verify import verify
from sidecar.store import records
from sidecar.store.tables import addresses, metadata, subjects
from tests.flow import caller, right_code, start
from tests.ledger import rows

WHO = {"realm": "acme", "address": "ada@example.org"}


def log_in(parts, name: str = "ada", realm: str = "acme") -> str:
    challenge = start(parts, f"{name}@example.org", by=caller(name), realm=realm)
    code = right_code(parts, challenge)
    verify(parts.room(), challenge=challenge, unverified_code=code, caller=caller(name))
    return code


def traces(parts, name: str, realm: str) -> dict[str, int]:
    """How many rows of each table name the address, in that realm, in any column."""
    found = {}
    with parts.database.read() as connection:
        for table in metadata.sorted_tables:
            if "realm" in table.c:
                of_realm = connection.execute(select(table).where(table.c.realm == realm)).all()
                found[table.name] = sum(f"{name}@example.org" in map(str, row) for row in of_realm)
    return {table: number for table, number in found.items() if number}


def test_an_erased_address_leaves_no_trace_and_others_keep_theirs(parts):
    log_in(parts)
    log_in(parts, "grace")
    log_in(parts, realm="other")
    before = traces(parts, "grace", "acme"), traces(parts, "ada", "other")

    counted = records.count(parts.database, **WHO)
    gone = records.erase(parts.database, **WHO)

    assert counted == gone
    assert gone["subjects"] == gone["addresses"] == gone["messages"] == 1
    assert {} == traces(parts, "ada", "acme")
    assert before == (traces(parts, "grace", "acme"), traces(parts, "ada", "other"))
    assert 2 == len(rows(parts, subjects))


def test_a_subject_that_another_address_has_too_stays(parts):
    log_in(parts)
    log_in(parts, "grace")
    with parts.database.write() as connection:
        shared = connection.execute(select(addresses.c.subject_id).limit(1)).scalar_one()
        connection.execute(update(addresses).values(subject_id=shared))

    records.erase(parts.database, **WHO)

    assert shared in {row.id for row in rows(parts, subjects)}


def test_an_erased_address_that_comes_back_is_somebody_new(parts):
    log_in(parts)
    (before,) = rows(parts, subjects)
    records.erase(parts.database, **WHO)

    log_in(parts)

    assert before.id not in {row.id for row in rows(parts, subjects)}


def test_an_export_holds_every_row_and_no_secret(parts):
    code = log_in(parts)
    found = records.export(parts.database, **WHO)

    assert {table: len(held) for table, held in found.items()} == records.count(parts.database, **WHO)
    text = json.dumps(found)
    assert code not in {str(value) for held in found.values() for row in held for value in row.values()}
    assert "seed" not in text
    assert "mac" not in text
    assert "ada@example.org" in text


def test_it_is_decided_of_every_column_whether_an_export_shows_it():
    """A column that is added must be put on one of the two lists."""
    shown = {
        *("id", "realm", "connection", "address", "destination", "subject_id", "challenge_id", "client_id"),
        *(
            "at",
            "created_at",
            "expires_at",
            "last_sent_at",
            "used_at",
            "retired_at",
            "proven_at",
            "auth_time",
        ),
        *("due_at", "deadline_at", "finished_at", "taken_until", "taken_by", "remembered_at"),
        *("type", "network", "detail", "template", "status", "attempts", "provider", "reason", "amr"),
        *(
            "digits",
            "locale",
            "tries",
            "max_tries",
            "is_suppressed",
            "is_unknown",
            "is_about_recipient",
            "redirect_uri",
        ),
        *("method", "reference", "receipt", "receipt_at", "prefix", "country", "client", "is_known"),
        *("purpose", "account", "change_id", "kind", "before", "undone_at"),
        *("is_held", "declined_at", "wanted_at", "reserved_until"),
        *("application", "converted_at"),
        *("asked_browser", "asked_system", "asked_city", "asked_country"),
    }
    tables = [table for table, _ in records._rows_of("acme", "ada@example.org")]
    columns = {column.name for table in tables for column in table.c}

    assert columns - shown - records.WITHHELD == set()
