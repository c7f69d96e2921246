"""A challenge says who asked, roughly: browser, system and place. Nothing of a header, no address of a network."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("browser", "system", "city", "country"):
        op.add_column("challenges", sa.Column(f"asked_{name}", sa.Text(), nullable=True))
