"""Passkeys that are offered between a proof and its authorization code, and what became of each offer."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "auth_codes", sa.Column("is_held", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        "passkey_offers",
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("declined_at", sa.BigInteger(), nullable=True),
        sa.Column("wanted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_passkey_offers")),
    )
    op.create_index("ix_passkey_offers_wanted_at", "passkey_offers", ["wanted_at"])
