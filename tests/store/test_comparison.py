"""The database compares as we do: byte by byte, whatever its own idea of alike (threat C7)."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from sidecar.store.tables import addresses, challenges, devices, metadata, subjects
from tests.ledger import rows

ALIKE = [
    "ada@example.org",
    "ADA@example.org",
    "Ada@Example.org",
    "adá@example.org",
    "ada\u0301@example.org",
    "ａda@example.org",
    "ada@example.org ",
    " ada@example.org",
    "ada\u200b@example.org",
    "ad\u0430@example.org",
    "straße@example.org",
    "strasse@example.org",
    "mıke@example.org",
    "mike@example.org",
]


def test_what_looks_alike_is_not_the_same_to_the_database(parts):
    """C7: fourteen spellings are fourteen keys, and each finds itself alone."""
    with parts.database.write() as connection:
        for number, address in enumerate(ALIKE):
            subject = {"id": f"email.{number}", "realm": "acme", "connection": "email"}
            connection.execute(insert(subjects).values(**subject, created_at=0))
            connection.execute(
                insert(addresses).values(
                    realm="acme", connection="email", address=address, destination=address,
                    subject_id=f"email.{number}", proven_at=0,
                )
            )  # fmt: skip

    with parts.database.read() as connection:
        for number, address in enumerate(ALIKE):
            found = connection.execute(
                select(addresses.c.subject_id).where(addresses.c.address == address)
            ).scalars()
            assert [f"email.{number}"] == list(found)
    assert len(ALIKE) == len(rows(parts, addresses))


@pytest.mark.parametrize("column", [challenges.c.address, devices.c.address, addresses.c.address], ids=str)
def test_no_column_has_a_collation_of_its_own(column):
    assert column.type.collation is None
    assert {column.name} <= {each.name for each in metadata.tables[column.table.name].c}
