"""Text messages and what they cost, links beside codes, and what providers say of a message later."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # Challenges that are open meanwhile brought a code.
    op.add_column("challenges", sa.Column("method", sa.Text(), nullable=False, server_default="code"))
    op.add_column("messages", sa.Column("reference", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("receipt", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("receipt_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "sms_sends",
        sa.Column("id", _ROW_ID, sa.Identity(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("challenge_id", sa.Text(), nullable=False),
        sa.Column("is_known", sa.Boolean(), nullable=False),
        sa.Column("converted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_sends")),
    )
    op.create_index("ix_sms_sends_at", "sms_sends", ["realm", "connection", "at"])
    op.create_index("ix_sms_sends_challenge_id", "sms_sends", ["challenge_id"])
    op.create_index("ix_sms_sends_address", "sms_sends", ["realm", "address"])
    op.create_table(
        "stopped_connections",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "connection", name=op.f("pk_stopped_connections")),
    )
