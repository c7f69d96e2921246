"""Indexes to find what is over: for retention and the fence."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_challenges_expires_at", "challenges", ["expires_at"])
    op.create_index("ix_auth_codes_expires_at", "auth_codes", ["expires_at"])
    op.create_index("ix_messages_deadline_at", "messages", ["deadline_at"])
