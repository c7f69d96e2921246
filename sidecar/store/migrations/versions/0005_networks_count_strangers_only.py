"""A smaller index of networks, which PostgreSQL can't take for the events of an address.

It walked through every login of the realm for those of one address while the tables had no statistics.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OF_STRANGERS = sa.text("device IS NULL AND network IS NOT NULL")


def upgrade() -> None:
    op.drop_index("ix_events_network", "events")
    op.create_index(
        "ix_events_network",
        "events",
        ["realm", "network", "type", "at"],
        sqlite_where=_OF_STRANGERS,
        postgresql_where=_OF_STRANGERS,
    )
