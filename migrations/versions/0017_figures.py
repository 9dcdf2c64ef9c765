"""Figures: what each local government counts at night, and what is published of it (R17)."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "figure_count",
        sa.Column("lg_code", sa.String(length=6), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("figure", sa.String(length=24), nullable=False),
        sa.Column("cell", sa.String(length=24), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lg_code", "day", "figure", "cell", name=op.f("pk_figure_count")),
    )
    op.create_index(op.f("ix_figure_count_day"), "figure_count", ["day"], unique=False)
    op.create_table(
        "open_figure",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=6), nullable=False),
        sa.Column("figure", sa.String(length=24), nullable=False),
        sa.Column("cell", sa.String(length=24), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=True, comment="empty: hidden"),
        sa.CheckConstraint(
            "level in ('body', 'prefecture', 'nation')", name=op.f("ck_open_figure_level")
        ),
        sa.PrimaryKeyConstraint(
            "day", "level", "code", "figure", "cell", name=op.f("pk_open_figure")
        ),
    )


def downgrade() -> None:
    op.drop_table("open_figure")
    op.drop_index(op.f("ix_figure_count_day"), table_name="figure_count")
    op.drop_table("figure_count")
