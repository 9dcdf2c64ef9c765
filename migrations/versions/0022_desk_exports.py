"""desk exports"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import core.types

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('desk_export',
    sa.Column('lg_code', sa.String(length=6), nullable=False),
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('form', sa.String(length=4), nullable=False),
    sa.Column('wanted', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='codes, days and ids; no typed words'),
    sa.Column('purpose', sa.String(length=20), nullable=False),
    sa.Column('language', sa.String(length=8), nullable=False),
    sa.Column('most', sa.Integer(), nullable=False, comment='rows that the role of whoever asked may take'),
    sa.Column('asked_by', sa.UUID(), nullable=False),
    sa.Column('asked_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=5), nullable=False),
    sa.Column('row_count', sa.Integer(), nullable=False),
    sa.Column('ready_at', core.types.UtcDateTime(timezone=True), nullable=True),
    sa.Column('expires_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('forget_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('taken_at', core.types.UtcDateTime(timezone=True), nullable=True, comment='the last time'),
    sa.Column('file_sealed', sa.Text(), nullable=True, comment='packed and sealed'),
    sa.CheckConstraint("form in ('csv', 'xlsx')", name=op.f('ck_desk_export_form')),
    sa.CheckConstraint("kind in ('members', 'participations', 'audit')", name=op.f('ck_desk_export_kind')),
    sa.CheckConstraint("state in ('asked', 'ready', 'ended')", name=op.f('ck_desk_export_state')),
    sa.ForeignKeyConstraint(['asked_by'], ['account.id'], name=op.f('fk_desk_export_asked_by_account')),
    sa.ForeignKeyConstraint(['lg_code'], ['local_government.code'], name=op.f('fk_desk_export_lg_code_local_government')),
    sa.PrimaryKeyConstraint('lg_code', 'id', name=op.f('pk_desk_export'))
    )
    op.create_index(op.f('ix_desk_export_lg_code_asked_by_asked_at'), 'desk_export', ['lg_code', 'asked_by', 'asked_at'], unique=False)
    op.create_index('ix_desk_export_open', 'desk_export', ['lg_code', 'state', 'expires_at'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_desk_export_open', table_name='desk_export')
    op.drop_index(op.f('ix_desk_export_lg_code_asked_by_asked_at'), table_name='desk_export')
    op.drop_table('desk_export')
