"""two people for many rows"""

import sqlalchemy as sa
from alembic import op

revision = '0031'
down_revision = '0030'
branch_labels = None
depends_on = None

STATES = "state in ('waits', 'asked', 'ready', 'failed', 'ended')"
BEFORE = "state in ('asked', 'ready', 'ended')"


def upgrade() -> None:
    op.add_column('desk_export', sa.Column('released_by', sa.UUID(), nullable=True))
    op.add_column('desk_export', sa.Column('tries', sa.Integer(), server_default='0', nullable=False))
    op.create_foreign_key(op.f('fk_desk_export_released_by_account'), 'desk_export', 'account', ['released_by'], ['id'])
    op.alter_column('desk_export', 'state', type_=sa.String(length=6), existing_nullable=False)
    op.drop_constraint(op.f('ck_desk_export_state'), 'desk_export', type_='check')
    op.create_check_constraint(op.f('ck_desk_export_state'), 'desk_export', STATES)
    op.create_check_constraint(
        op.f('ck_desk_export_two_people'), 'desk_export', 'released_by is null or released_by <> asked_by'
    )
    # What one person took out alone before ends; smaller lists keep their day.
    op.execute("update desk_export set state = 'ended', file_sealed = null where row_count > 1000")
    op.execute("update desk_export set most = least(most, 1000) where state <> 'ended'")
    op.create_check_constraint(
        op.f('ck_desk_export_released'),
        'desk_export',
        "state in ('waits', 'ended') or most <= 1000 or released_by is not null",
    )


def downgrade() -> None:
    op.execute("update desk_export set state = 'ended', file_sealed = null where state in ('waits', 'failed')")
    for name in ('released', 'two_people', 'state'):
        op.drop_constraint(op.f(f'ck_desk_export_{name}'), 'desk_export', type_='check')
    op.create_check_constraint(op.f('ck_desk_export_state'), 'desk_export', BEFORE)
    op.alter_column('desk_export', 'state', type_=sa.String(length=5), existing_nullable=False)
    op.drop_constraint(op.f('fk_desk_export_released_by_account'), 'desk_export', type_='foreignkey')
    op.drop_column('desk_export', 'tries')
    op.drop_column('desk_export', 'released_by')
