"""Certificates that anybody may check (R22)."""

import sqlalchemy as sa
from alembic import op

import core.types

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certificate",
        sa.Column("lg_code", sa.String(length=6), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "number",
            sa.String(length=10),
            nullable=False,
            comment="random; below the code of the body",
        ),
        sa.Column("registration_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("issued_at", core.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("tier", sa.String(length=8), nullable=False),
        sa.Column("premium_until", sa.Date(), nullable=True),
        sa.Column(
            "counted",
            sa.Integer(),
            nullable=False,
            comment="participations in the year up to that day",
        ),
        sa.Column("minutes", sa.Integer(), nullable=False, comment="of those"),
        sa.Column("revoked_at", core.types.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("tier in ('basic', 'premium')", name=op.f("ck_certificate_tier")),
        sa.ForeignKeyConstraint(
            ["lg_code", "registration_id"],
            ["registration.lg_code", "registration.id"],
            name=op.f("fk_certificate_lg_code_registration_id_registration"),
        ),
        sa.PrimaryKeyConstraint("lg_code", "id", name=op.f("pk_certificate")),
        sa.UniqueConstraint("lg_code", "number", name=op.f("uq_certificate_lg_code_number")),
    )
    op.create_index(
        op.f("ix_certificate_lg_code_registration_id"),
        "certificate",
        ["lg_code", "registration_id"],
    )


def downgrade() -> None:
    op.drop_table("certificate")
