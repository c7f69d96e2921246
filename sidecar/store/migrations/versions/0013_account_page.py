"""Challenges of more than one purpose, and the account page: who is signed in to it, and what was changed on it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("challenges", sa.Column("purpose", sa.Text(), nullable=False, server_default="login"))
    op.add_column("challenges", sa.Column("account", sa.Text(), nullable=True))
    op.add_column("challenges", sa.Column("change_id", sa.Text(), nullable=True))
    op.create_table(
        "account_sessions",
        sa.Column("session_mac", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("auth_time", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session_mac", name=op.f("pk_account_sessions")),
    )
    op.create_index("ix_account_sessions_expires_at", "account_sessions", ["expires_at"])
    op.create_index("ix_account_sessions_account", "account_sessions", ["realm", "account"])
    op.create_table(
        "account_changes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("proven_at", sa.BigInteger(), nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_changes")),
    )
    op.create_index("ix_account_changes_account", "account_changes", ["realm", "account", "at"])
    op.create_index("ix_account_changes_at", "account_changes", ["at"])
