"""A challenge says until when its right code is kept for its client's next call, and for which browser."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("challenges", sa.Column("reserved_until", sa.BigInteger()))
    op.add_column("challenges", sa.Column("reserved_by", sa.Text()))
