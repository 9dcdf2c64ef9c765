"""Browsers that show notices: Web Push (R23)."""

import sqlalchemy as sa
from alembic import op

import core.types

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "push_subscription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint", core.types.PersonalText(), nullable=False),
        sa.Column("endpoint_hash", sa.String(length=64), nullable=False),
        sa.Column("p256dh", core.types.PersonalText(), nullable=False),
        sa.Column("auth", core.types.PersonalText(), nullable=False),
        sa.Column(
            "session_hash",
            sa.String(length=64),
            nullable=False,
            comment="the sign-in it was made with; signing out ends it",
        ),
        sa.Column(
            "device",
            sa.String(length=80),
            nullable=False,
            comment="browser and system, as lists say it",
        ),
        sa.Column("created_at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_push_subscription_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_subscription")),
        sa.UniqueConstraint(
            "person_id", "endpoint_hash", name=op.f("uq_push_subscription_person_id_endpoint_hash")
        ),
    )
    op.create_index(
        op.f("ix_push_subscription_endpoint_hash"), "push_subscription", ["endpoint_hash"]
    )
    op.create_index(
        op.f("ix_push_subscription_session_hash"), "push_subscription", ["session_hash"]
    )


def downgrade() -> None:
    op.drop_table("push_subscription")
