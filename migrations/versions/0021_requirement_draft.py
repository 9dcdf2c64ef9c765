"""requirement draft"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import core.types

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('requirement_draft',
    sa.Column('lg_code', sa.String(length=6), nullable=False),
    sa.Column('tree', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('edits', sa.Integer(), server_default='0', nullable=False),
    sa.Column('written_by', sa.String(length=80), nullable=False),
    sa.Column('written_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['lg_code'], ['local_government.code'], name=op.f('fk_requirement_draft_lg_code_local_government')),
    sa.PrimaryKeyConstraint('lg_code', name=op.f('pk_requirement_draft'))
    )


def downgrade() -> None:
    op.drop_table('requirement_draft')
