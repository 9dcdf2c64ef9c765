"""Policies that local governments try, with what the model answered."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import core.types

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "policy_trial",
        sa.Column("lg_code", sa.String(length=6), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("state", sa.String(length=6), nullable=False),
        sa.Column(
            "question",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="counts and settings, as the model reads",
        ),
        sa.Column("asked_by", sa.String(length=80), nullable=False),
        sa.Column("asked_at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column(
            "claimed_until",
            core.types.UtcDateTime(timezone=True),
            nullable=True,
            comment="of the machine's own time",
        ),
        sa.Column("answered_at", core.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("page", sa.Text(), nullable=True, comment="the same as a page to keep"),
        sa.Column("failure", sa.String(length=8), nullable=True),
        sa.Column("forget_on", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "(state = 'ready') = (result is not null)", name=op.f("ck_policy_trial_answered")
        ),
        sa.CheckConstraint(
            "state in ('asked', 'ready', 'failed')", name=op.f("ck_policy_trial_state")
        ),
        sa.ForeignKeyConstraint(
            ["lg_code"],
            ["local_government.code"],
            name=op.f("fk_policy_trial_lg_code_local_government"),
        ),
        sa.PrimaryKeyConstraint("lg_code", "id", name=op.f("pk_policy_trial")),
    )
    op.create_index(
        "uq_policy_trial_running",
        "policy_trial",
        ["lg_code"],
        unique=True,
        postgresql_where="state = 'asked'",
    )


def downgrade() -> None:
    op.drop_index(
        "uq_policy_trial_running", table_name="policy_trial", postgresql_where="state = 'asked'"
    )
    op.drop_table("policy_trial")
