"""Calendars of activities that are brought along as files (R09)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import core.types

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('calendar_row',
    sa.Column('lg_code', sa.String(length=6), nullable=False),
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('import_id', sa.UUID(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=5), nullable=False),
    sa.Column('problems', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('host', sa.String(length=120), nullable=False, comment='as the line says it'),
    sa.Column('organisation_id', sa.UUID(), nullable=True),
    sa.Column('category', sa.String(length=40), nullable=False),
    sa.Column('texts', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='taken over as they were written'),
    sa.Column('starts_at', core.types.UtcDateTime(timezone=True), nullable=True),
    sa.Column('ends_at', core.types.UtcDateTime(timezone=True), nullable=True),
    sa.Column('capacity', sa.Integer(), nullable=True),
    sa.Column('key', sa.String(length=64), nullable=False, comment='the same date of the same activity, whatever file it stands in'),
    sa.Column('activity_id', sa.UUID(), nullable=True),
    sa.Column('session_id', sa.UUID(), nullable=True),
    sa.CheckConstraint("state in ('error', 'known', 'ready', 'made')", name=op.f('ck_calendar_row_state')),
    sa.ForeignKeyConstraint(['lg_code', 'import_id'], ['member_import.lg_code', 'member_import.id'], name=op.f('fk_calendar_row_lg_code_import_id_member_import'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['lg_code'], ['local_government.code'], name=op.f('fk_calendar_row_lg_code_local_government')),
    sa.PrimaryKeyConstraint('lg_code', 'id', name=op.f('pk_calendar_row')),
    sa.UniqueConstraint('lg_code', 'import_id', 'line', name=op.f('uq_calendar_row_lg_code_import_id_line'))
    )
    op.create_index('uq_calendar_row_made', 'calendar_row', ['lg_code', 'key'], unique=True, postgresql_where="state = 'made'")
    op.add_column('member_import', sa.Column('kind', sa.String(length=10), server_default='people', nullable=False, comment='what its lines are'))
    op.add_column('member_import', sa.Column('defaults', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False, comment='what stands for empty cells'))
    op.create_check_constraint(op.f('ck_member_import_kind'), 'member_import', "kind in ('people', 'calendar')")


def downgrade() -> None:
    op.drop_constraint(op.f('ck_member_import_kind'), 'member_import')
    op.drop_column('member_import', 'defaults')
    op.drop_column('member_import', 'kind')
    op.drop_index('uq_calendar_row_made', table_name='calendar_row', postgresql_where="state = 'made'")
    op.drop_table('calendar_row')
