"""Events name the application that called through the API; starts of the API may be asked for again."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_IS_OF_CLIENT = sa.text("client IS NOT NULL")


def upgrade() -> None:
    op.add_column("events", sa.Column("client", sa.Text()))
    op.create_index(
        "ix_events_client",
        "events",
        ["realm", "client", "type", "at"],
        sqlite_where=_IS_OF_CLIENT,
        postgresql_where=_IS_OF_CLIENT,
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("key_mac", sa.Text(), nullable=False),
        sa.Column("body_mac", sa.Text(), nullable=False),
        sa.Column("challenge_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_mac", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
