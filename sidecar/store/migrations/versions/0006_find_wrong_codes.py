"""An index of wrong codes alone, to count those of a connection over all addresses."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_IS_WRONG = sa.text("type = 'code_wrong'")


def upgrade() -> None:
    op.create_index(
        "ix_events_wrong",
        "events",
        ["realm", "connection", "at"],
        sqlite_where=_IS_WRONG,
        postgresql_where=_IS_WRONG,
    )
