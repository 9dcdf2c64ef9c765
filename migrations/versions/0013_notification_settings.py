"""What a person chose about notices: quiet hours, switched-off channels (R23)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import core.types

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notification_setting",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "quiet_from",
            sa.SmallInteger(),
            nullable=True,
            comment="hour of the Japanese day; equal to the end: never quiet",
        ),
        sa.Column("quiet_until", sa.SmallInteger(), nullable=True),
        sa.Column(
            "off",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
            comment="topic:channel that is switched off",
        ),
        sa.Column("changed_at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(quiet_from is null) = (quiet_until is null)"
            " and coalesce(quiet_from, 0) between 0 and 23"
            " and coalesce(quiet_until, 0) between 0 and 23",
            name=op.f("ck_notification_setting_quiet"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_notification_setting_person_id_person")
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_notification_setting")),
    )


def downgrade() -> None:
    op.drop_table("notification_setting")
