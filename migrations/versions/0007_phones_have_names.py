"""A phone that shows a card has a name, and ends with the sign-in that had it certified."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('card', sa.Column('device_name', sa.String(length=40), nullable=True, comment='what the owner tells their phones apart by'))
    op.add_column('card', sa.Column('sign_in_ref', sa.String(length=64), nullable=True, comment='which sign-in certified it, said differently to each body'))


def downgrade() -> None:
    op.drop_column('card', 'sign_in_ref')
    op.drop_column('card', 'device_name')
