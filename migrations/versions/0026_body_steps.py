"""body steps"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import core.types

revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('body_step',
    sa.Column('lg_code', sa.String(length=6), nullable=False),
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('before', sa.String(length=10), nullable=True, comment='where it stood, once done'),
    sa.Column('after', sa.String(length=10), nullable=False),
    sa.Column('on_day', sa.Date(), nullable=False),
    sa.Column('reason', sa.String(length=400), server_default='', nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('decided_by', sa.String(length=80), nullable=False),
    sa.Column('decided_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('done_at', core.types.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state in ('planned', 'done', 'cancelled', 'failed')", name=op.f('ck_body_step_state')),
    sa.ForeignKeyConstraint(['lg_code'], ['local_government.code'], name=op.f('fk_body_step_lg_code_local_government')),
    sa.PrimaryKeyConstraint('lg_code', 'id', name=op.f('pk_body_step'))
    )
    op.create_index('uq_body_step_planned', 'body_step', ['lg_code', 'on_day'], unique=True, postgresql_where="state = 'planned'")


def downgrade() -> None:
    op.drop_index('uq_body_step_planned', table_name='body_step', postgresql_where="state = 'planned'")
    op.drop_table('body_step')
