"""A renewed term may ask for a new check of identity (R12).

Who was checked before has no day of it with the bodies yet, and is asked at the next renewal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "registration",
        sa.Column(
            "identity_checked_on", sa.Date(), nullable=True, comment="of the last check (R12)"
        ),
    )
    op.add_column(
        "term",
        sa.Column(
            "identity_asked_on",
            sa.Date(),
            nullable=True,
            comment="a renewed term asks for a new check of identity from this day (R12)",
        ),
    )


def downgrade() -> None:
    op.drop_column("term", "identity_asked_on")
    op.drop_column("registration", "identity_checked_on")
