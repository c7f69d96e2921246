"""An authorization code says which claims Keycloak must not get, because another user has what they say."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("auth_codes", sa.Column("withheld", sa.Text(), nullable=False, server_default=""))
