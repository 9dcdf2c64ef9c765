"""duplicate pairs"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import core.types

revision = '0028'
down_revision = '0027'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('duplicate_pair',
    sa.Column('lg_code', sa.String(length=6), nullable=False),
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('first_id', sa.UUID(), nullable=False),
    sa.Column('second_id', sa.UUID(), nullable=False),
    sa.Column('reasons', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='what is alike: codes, no values'),
    sa.Column('state', sa.String(length=9), nullable=False),
    sa.Column('found_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('decided_at', core.types.UtcDateTime(timezone=True), nullable=True),
    sa.Column('decided_by', sa.String(length=80), nullable=True),
    sa.CheckConstraint("state in ('open', 'same', 'different')", name=op.f('ck_duplicate_pair_state')),
    sa.CheckConstraint('first_id < second_id', name=op.f('ck_duplicate_pair_order')),
    sa.ForeignKeyConstraint(['lg_code', 'first_id'], ['registration.lg_code', 'registration.id'], name=op.f('fk_duplicate_pair_lg_code_first_id_registration')),
    sa.ForeignKeyConstraint(['lg_code', 'second_id'], ['registration.lg_code', 'registration.id'], name=op.f('fk_duplicate_pair_lg_code_second_id_registration')),
    sa.ForeignKeyConstraint(['lg_code'], ['local_government.code'], name=op.f('fk_duplicate_pair_lg_code_local_government')),
    sa.PrimaryKeyConstraint('lg_code', 'id', name=op.f('pk_duplicate_pair')),
    sa.UniqueConstraint('lg_code', 'first_id', 'second_id', name=op.f('uq_duplicate_pair_lg_code_first_id_second_id'))
    )
    op.create_index(op.f('ix_duplicate_pair_lg_code_second_id'), 'duplicate_pair', ['lg_code', 'second_id'], unique=False)
    op.create_index('ix_duplicate_pair_open', 'duplicate_pair', ['lg_code', 'found_at'], unique=False, postgresql_where="state = 'open'")
    op.add_column('registration', sa.Column('alike_due_on', sa.Date(), nullable=True, comment='the night of this day looks whether the person is registered twice (C42)'))
    op.create_index('ix_registration_alike', 'registration', ['lg_code', 'alike_due_on'], unique=False, postgresql_where='alike_due_on is not null')


def downgrade() -> None:
    op.drop_index('ix_registration_alike', table_name='registration', postgresql_where='alike_due_on is not null')
    op.drop_column('registration', 'alike_due_on')
    op.drop_index('ix_duplicate_pair_open', table_name='duplicate_pair', postgresql_where="state = 'open'")
    op.drop_index(op.f('ix_duplicate_pair_lg_code_second_id'), table_name='duplicate_pair')
    op.drop_table('duplicate_pair')
