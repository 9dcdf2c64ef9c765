"""R18: whom a host calls for a minor, on the day; the bodies' own copies follow (R25)."""

import sqlalchemy as sa
from alembic import op

from core.types import PersonalText

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OF_MINORS = "of minors (R18)"


def upgrade() -> None:
    """Two columns with the person, two with each body's copy."""
    op.add_column(
        "person",
        sa.Column(
            "emergency_name",
            PersonalText(),
            nullable=True,
            comment="whom a host calls for a minor, on the day (R18)",
        ),
    )
    op.add_column("person", sa.Column("emergency_phone", PersonalText(), nullable=True))
    for name in ("emergency_name", "emergency_phone"):
        op.add_column(
            "registration", sa.Column(name, PersonalText(), nullable=True, comment=OF_MINORS)
        )


def downgrade() -> None:
    """As it was."""
    for table in ("registration", "person"):
        op.drop_column(table, "emergency_phone")
        op.drop_column(table, "emergency_name")
