"""All that is held of one address: to hand it over, and to erase it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, func, select

from sidecar.store.engine import Database
from sidecar.store.tables import (
    account_changes,
    addresses,
    auth_codes,
    challenges,
    idempotency_keys,
    messages,
    metadata,
    passkey_offers,
    subjects,
    tickets,
)

#: What an export leaves out: of use to nobody but us, or to whoever would misuse it.
WITHHELD = frozenset(
    {
        "seed",
        "key_id",
        "browser_mac",
        "reserved_by",
        "device",
        "code_mac",
        "ticket_mac",
        "key_mac",
        "body_mac",
        "code_challenge",
        "nonce",
        "request",
        "withheld",
    }
)


def export(database: Database, *, realm: str, address: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of the address in its realm, by table, without secrets. `address` is in its canonical form."""
    with database.read() as connection:
        return {
            table.name: [
                {name: value for name, value in row.items() if name not in WITHHELD}
                for row in connection.execute(select(table).where(condition)).mappings()
            ]
            for table, condition in _rows_of(realm, address)
        }


def count(database: Database, *, realm: str, address: str) -> dict[str, int]:
    """How many rows `erase` would delete, by table."""
    with database.read() as connection:
        return {
            table.name: connection.execute(
                select(func.count()).select_from(table).where(condition)
            ).scalar_one()
            for table, condition in _rows_of(realm, address)
        }


def erase(database: Database, *, realm: str, address: str) -> dict[str, int]:
    """Delete every row of the address in its realm, live ones too, in one transaction; how many, by table.

    Its subject goes as well, unless another address has it. If the address signs in again, it is somebody new.
    """
    with database.write() as connection:
        subject_ids = _subject_ids(connection, realm, address)
        gone = {
            table.name: connection.execute(delete(table).where(condition)).rowcount
            for table, condition in _rows_of(realm, address)
            if table is not subjects
        }
        gone[subjects.name] = connection.execute(
            delete(subjects).where(subjects.c.id.in_(subject_ids), _is_nobodys())
        ).rowcount
    return gone


def _rows_of(realm: str, address: str) -> list[tuple[Table, ColumnElement[bool]]]:
    """Tables and what of them is the address's, in the order in which they can be deleted.

    Every table with an address is one of them, so none that is added later is forgotten.
    """
    named = {
        table: (table.c.realm == realm) & (table.c.address == address)
        for table in metadata.sorted_tables
        if "address" in table.c
    }
    of_challenge = select(challenges.c.id).where(named[challenges])
    of_address = select(addresses.c.subject_id).where(named[addresses])
    also = {
        messages: messages.c.challenge_id.in_(of_challenge),
        subjects: subjects.c.id.in_(of_address),
        idempotency_keys: idempotency_keys.c.challenge_id.in_(of_challenge),
        passkey_offers: passkey_offers.c.subject_id.in_(of_address),
        # As the one before another became the primary one, too.
        account_changes: named[account_changes]
        | ((account_changes.c.realm == realm) & (func.lower(account_changes.c.before) == address)),
    }
    conditions = named | also
    # These are found by other rows, and hang on none: so they come first.
    found_by_others = [passkey_offers, idempotency_keys]
    order = [
        *found_by_others,
        *(it for it in reversed(metadata.sorted_tables) if it not in found_by_others),
    ]
    return [(table, conditions[table]) for table in order if table in conditions]


def _subject_ids(connection: Connection, realm: str, address: str) -> list[str]:
    return list(
        connection.execute(
            select(addresses.c.subject_id).where(addresses.c.realm == realm, addresses.c.address == address)
        ).scalars()
    )


def _is_nobodys() -> ColumnElement[bool]:
    holders = (addresses, auth_codes, tickets)
    return and_(*(~exists().where(table.c.subject_id == subjects.c.id) for table in holders))
