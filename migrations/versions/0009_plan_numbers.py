"""By which numbers nights were planned, so that a change of them is seen (R33)."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plan_numbers",
        sa.Column("lg_code", sa.String(length=6), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("is_stale", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["lg_code"],
            ["local_government.code"],
            name=op.f("fk_plan_numbers_lg_code_local_government"),
        ),
        sa.PrimaryKeyConstraint("lg_code", name=op.f("pk_plan_numbers")),
    )
    op.create_index(
        "ix_plan_numbers_stale", "plan_numbers", ["lg_code"], postgresql_where="is_stale"
    )


def downgrade() -> None:
    op.drop_table("plan_numbers")
