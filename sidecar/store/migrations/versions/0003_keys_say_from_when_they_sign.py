"""Keys say from when they sign, and under which secret they are wrapped."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The keys there are go: under which secret they are wrapped is not known here, and the processes make new ones when they start.
    op.drop_table("signing_keys")
    op.create_table(
        "signing_keys",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("public_jwk", sa.Text(), nullable=False),
        sa.Column("wrapped_private_jwk", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("signs_from", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "kid", name=op.f("pk_signing_keys")),
    )
