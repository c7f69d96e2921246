"""Browsers that an address knows, and events by them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "devices",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("browser_mac", sa.Text(), nullable=False),
        sa.Column("remembered_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "address", "browser_mac", name=op.f("pk_devices")),
    )
    op.add_column("events", sa.Column("device", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("events", "device")
    op.drop_table("devices")
