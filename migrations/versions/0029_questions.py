"""questions"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import core.types

revision = '0029'
down_revision = '0028'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('question',
    sa.Column('lg_code', sa.String(length=6), nullable=False),
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('registration_id', sa.UUID(), nullable=False),
    sa.Column('person_id', sa.UUID(), nullable=False),
    sa.Column('text', core.types.PersonalText(), nullable=False),
    sa.Column('asked_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('answer_by', sa.Date(), nullable=False, comment='working days after it was asked'),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('answer', core.types.PersonalText(), nullable=True),
    sa.Column('answered_at', core.types.UtcDateTime(timezone=True), nullable=True),
    sa.Column('answered_by', sa.String(length=80), nullable=True),
    sa.Column('closed_at', core.types.UtcDateTime(timezone=True), nullable=True, comment='needed no answer any more'),
    sa.CheckConstraint("(state = 'answered') = (answered_at is not null)", name=op.f('ck_question_answered')),
    sa.CheckConstraint("state in ('open', 'answered', 'closed')", name=op.f('ck_question_state')),
    sa.ForeignKeyConstraint(['lg_code', 'registration_id'], ['registration.lg_code', 'registration.id'], name=op.f('fk_question_lg_code_registration_id_registration')),
    sa.ForeignKeyConstraint(['lg_code'], ['local_government.code'], name=op.f('fk_question_lg_code_local_government')),
    sa.PrimaryKeyConstraint('lg_code', 'id', name=op.f('pk_question'))
    )
    op.create_index(op.f('ix_question_lg_code_registration_id_asked_at'), 'question', ['lg_code', 'registration_id', 'asked_at'], unique=False)
    op.create_index('ix_question_open', 'question', ['lg_code', 'answer_by'], unique=False, postgresql_where="state = 'open'")
    op.create_index(op.f('ix_question_person_id_asked_at'), 'question', ['person_id', 'asked_at'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_question_person_id_asked_at'), table_name='question')
    op.drop_index('ix_question_open', table_name='question', postgresql_where="state = 'open'")
    op.drop_index(op.f('ix_question_lg_code_registration_id_asked_at'), table_name='question')
    op.drop_table('question')
