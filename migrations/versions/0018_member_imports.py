"""member imports"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import core.types

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('member_import',
    sa.Column('lg_code', sa.String(length=6), nullable=False),
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('file_name', sa.String(length=120), nullable=False),
    sa.Column('file_hash', sa.String(length=64), nullable=False),
    sa.Column('file_sealed', sa.Text(), nullable=True, comment='until it is confirmed, for another choice of columns'),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('headers', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('columns', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('uploaded_by', sa.String(length=80), nullable=False),
    sa.Column('uploaded_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('forget_on', sa.Date(), nullable=False),
    sa.Column('confirmed_at', core.types.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state in ('preview', 'confirmed')", name=op.f('ck_member_import_state')),
    sa.ForeignKeyConstraint(['lg_code'], ['local_government.code'], name=op.f('fk_member_import_lg_code_local_government')),
    sa.PrimaryKeyConstraint('lg_code', 'id', name=op.f('pk_member_import')),
    sa.UniqueConstraint('lg_code', 'file_hash', name=op.f('uq_member_import_lg_code_file_hash'))
    )
    op.create_table('member_import_row',
    sa.Column('lg_code', sa.String(length=6), nullable=False),
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('import_id', sa.UUID(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('problems', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('name', core.types.PersonalText(), nullable=True),
    sa.Column('email', core.types.PersonalText(), nullable=True),
    sa.Column('email_key', sa.String(length=64), nullable=True),
    sa.Column('joined_on', sa.Date(), nullable=True),
    sa.Column('token_hash', sa.String(length=64), nullable=True),
    sa.Column('asked_at', core.types.UtcDateTime(timezone=True), nullable=True),
    sa.Column('answer_by', sa.Date(), nullable=True),
    sa.Column('answered_at', core.types.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state in ('error', 'known', 'ready', 'to_mail', 'asked', 'agreed', 'expired')", name=op.f('ck_member_import_row_state')),
    sa.ForeignKeyConstraint(['lg_code', 'import_id'], ['member_import.lg_code', 'member_import.id'], name=op.f('fk_member_import_row_lg_code_import_id_member_import'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['lg_code'], ['local_government.code'], name=op.f('fk_member_import_row_lg_code_local_government')),
    sa.PrimaryKeyConstraint('lg_code', 'id', name=op.f('pk_member_import_row')),
    sa.UniqueConstraint('lg_code', 'import_id', 'line', name=op.f('uq_member_import_row_lg_code_import_id_line')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_member_import_row_token_hash'))
    )
    op.create_index(op.f('ix_member_import_row_lg_code_email_key'), 'member_import_row', ['lg_code', 'email_key'], unique=False)
    op.create_index('ix_member_import_row_open', 'member_import_row', ['lg_code', 'state', 'answer_by'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_member_import_row_open', table_name='member_import_row')
    op.drop_index(op.f('ix_member_import_row_lg_code_email_key'), table_name='member_import_row')
    op.drop_table('member_import_row')
    op.drop_table('member_import')
