"""A challenge says whether it is suppressed only because nobody has proven the address here."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "challenges", sa.Column("is_unknown", sa.Boolean(), nullable=False, server_default=sa.false())
    )
