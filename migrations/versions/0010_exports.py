"""exports"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import core.types

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('export_file',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('person_id', sa.UUID(), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('row_count', sa.Integer(), nullable=False),
    sa.Column('asked_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('ready_at', core.types.UtcDateTime(timezone=True), nullable=True),
    sa.Column('expires_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('data_sealed', sa.Text(), nullable=True, comment='JSON, packed and sealed'),
    sa.Column('sheet_sealed', sa.Text(), nullable=True, comment='PDF, packed and sealed'),
    sa.CheckConstraint("state in ('asked', 'ready')", name=op.f('ck_export_file_state')),
    sa.ForeignKeyConstraint(['person_id'], ['account.id'], name=op.f('fk_export_file_person_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_export_file'))
    )
    op.create_index('ix_export_file_open', 'export_file', ['state', 'expires_at'], unique=False)
    op.create_index(op.f('ix_export_file_person_id_asked_at'), 'export_file', ['person_id', 'asked_at'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_export_file_person_id_asked_at'), table_name='export_file')
    op.drop_index('ix_export_file_open', table_name='export_file')
    op.drop_table('export_file')
