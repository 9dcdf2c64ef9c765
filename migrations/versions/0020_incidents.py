"""What the operator tells of a disturbance; operators find their own acts in the record."""

import sqlalchemy as sa
from alembic import op

from core.types import UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_OWN_ACTS = "starts_with(actor, 'operator:')"


def upgrade() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("text_ja", sa.String(length=200), nullable=False),
        sa.Column("text_en", sa.String(length=300), nullable=False),
        sa.Column("begins_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("told_by", sa.String(length=80), nullable=False),
        sa.CheckConstraint("ends_at >= begins_at", name=op.f("ck_incident_ends_later")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index(op.f("ix_incident_ends_at"), "incident", ["ends_at"], unique=False)
    op.create_index(
        "ix_audit_event_operators", "audit_event", ["at"], postgresql_where=_OWN_ACTS
    )


def downgrade() -> None:
    op.drop_index("ix_audit_event_operators", table_name="audit_event")
    op.drop_index(op.f("ix_incident_ends_at"), table_name="incident")
    op.drop_table("incident")
