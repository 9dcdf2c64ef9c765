"""Who stands by whom in a family has an end, and a name to be called by (R18)."""

import sqlalchemy as sa
from alembic import op

import core.types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "guardianship",
        sa.Column(
            "until", sa.Date(), nullable=True, comment="first day on which it no longer holds"
        ),
    )
    op.add_column(
        "guardianship",
        sa.Column(
            "guardian_name",
            core.types.PersonalText(),
            nullable=True,
            comment="as the guardian or helper is called, for the person to read",
        ),
    )
    op.alter_column(
        "guardianship",
        "scope",
        existing_type=sa.VARCHAR(length=10),
        comment="basic, premium, managed or helper",
        existing_comment="basic or premium",
        existing_nullable=False,
    )
    op.create_index(
        "ix_guardianship_until",
        "guardianship",
        ["until"],
        postgresql_where="until is not null and state in ('invited', 'living')",
    )


def downgrade() -> None:
    op.drop_index("ix_guardianship_until", table_name="guardianship")
    op.alter_column(
        "guardianship",
        "scope",
        existing_type=sa.VARCHAR(length=10),
        comment="basic or premium",
        existing_comment="basic, premium, managed or helper",
        existing_nullable=False,
    )
    op.drop_column("guardianship", "guardian_name")
    op.drop_column("guardianship", "until")
