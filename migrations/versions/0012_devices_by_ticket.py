"""A phone becomes a scanner by a one-time ticket; devices end by themselves (C23, C27)."""

import sqlalchemy as sa
from alembic import op

import core.types

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    op.create_table(
        "device_ticket",
        sa.Column("lg_code", sa.String(length=6), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("organisation_id", sa.UUID(), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column(
            "offered_by", sa.String(length=80), nullable=False, comment="who answers for the device"
        ),
        sa.Column("created_at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column(
            "ends_at",
            core.types.UtcDateTime(timezone=True),
            nullable=False,
            comment="until when the device may work",
        ),
        sa.Column("used_at", core.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("device_id", sa.UUID(), nullable=True),
        sa.ForeignKeyConstraint(
            ["lg_code", "organisation_id"],
            ["organisation.lg_code", "organisation.id"],
            name=op.f("fk_device_ticket_lg_code_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("lg_code", "id", name=op.f("pk_device_ticket")),
    )
    op.add_column(
        "scanner_device",
        sa.Column(
            "ends_at",
            core.types.UtcDateTime(timezone=True),
            nullable=True,
            comment="ends by itself at this instant",
        ),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_column("scanner_device", "ends_at")
    op.drop_table("device_ticket")
