"""The database: SQLite in a file, or PostgreSQL. SQLAlchemy Core, here only.

Everything that decides is in one SQL database: challenges, the ledger that budgets count over, authorization codes,
subjects, signing keys, used assertions, messages to send. Every guard is a condition inside the statement that
writes, every time is the database's clock, and zero rows means refused.

    engine.py      connections, transactions, what an error of the database becomes
    one_of.py      IN lists that a statement built once can hold
    clock.py       the database's clock as an SQL expression, and the one that tests move
    tables.py      the tables
    ledger.py      events, and budgets as counts over them
    challenges.py  open, find, send again, retire        (login.ports.Challenges)
    verification.py count a try, spend                    (login.ports.Verification)
    auth_codes.py  spend an authorization code            (login.ports.AuthCodes)
    complaints.py  mutes, and what takes them back           (login.ports.Complaints)
    outbox.py      messages to send                       (delivery.ports.Outbox)
    key_shelf.py   signing keys, wrapped                  (oidc.ports.KeyShelf)
    assertions.py  client assertions used once            (oidc.ports.UsedAssertions)
    links.py       users linked in bulk                   (users.ports.Links)
    candidates.py  whom a run would link, on disk          (users.ports.Candidates)
    merges.py      users merged into others                (users.ports.Merges)
    voiding.py     end what is open: the fence, and a leaked secret
    retention.py   delete what is over
    records.py     all that is held of an address: export, erase
    waiting.py     how long messages wait
    prepared.py    statements compiled once, run on the driver
    revision.py    which tables this version needs
    migration.py   Alembic, from code
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sidecar.store.revision import check

if TYPE_CHECKING:
    from sidecar.store.migration import migrate

__all__ = ["check", "migrate"]


def __getattr__(name: str) -> Any:
    """Alembic comes when it is needed: 10 MB and a third of a second that a server can spare."""
    if name == "migrate":
        return import_module("sidecar.store.migration").migrate
    raise AttributeError(name)
