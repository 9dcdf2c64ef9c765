"""News of towns (R23); how the place of an activity is, and whether newcomers are welcome."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import core.types

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "town_news",
        sa.Column("lg_code", sa.String(length=6), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("published_at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("written_by", sa.String(length=80), nullable=False),
        sa.Column("withdrawn_at", core.types.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "published = (withdrawn_at is null)", name=op.f("ck_town_news_published")
        ),
        sa.ForeignKeyConstraint(
            ["lg_code"],
            ["local_government.code"],
            name=op.f("fk_town_news_lg_code_local_government"),
        ),
        sa.PrimaryKeyConstraint("lg_code", "id", name=op.f("pk_town_news")),
    )
    op.create_index(
        "ix_town_news_published",
        "town_news",
        ["lg_code", "published_at"],
        postgresql_where="published",
    )
    op.add_column(
        "activity",
        sa.Column(
            "beginners",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="who has never done it is welcome",
        ),
    )
    op.add_column(
        "activity",
        sa.Column(
            "site",
            postgresql.JSONB(),
            server_default=sa.text("'[]'"),
            nullable=False,
            comment="how the place is, in codes",
        ),
    )
    op.add_column(
        "activity",
        sa.Column(
            "site_note",
            sa.String(length=400),
            server_default=sa.text("''"),
            nullable=False,
            comment="how to get there",
        ),
    )


def downgrade() -> None:
    op.drop_column("activity", "site_note")
    op.drop_column("activity", "site")
    op.drop_column("activity", "beginners")
    op.drop_table("town_news")
