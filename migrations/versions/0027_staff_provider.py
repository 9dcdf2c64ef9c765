"""staff provider"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import core.types

revision = '0027'
down_revision = '0026'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('staff_provider',
    sa.Column('lg_code', sa.String(length=6), nullable=False),
    sa.Column('issuer', sa.String(length=300), nullable=False),
    sa.Column('auth_url', sa.String(length=300), nullable=False),
    sa.Column('token_url', sa.String(length=300), nullable=False),
    sa.Column('certs_url', sa.String(length=300), nullable=False),
    sa.Column('client_id', sa.String(length=200), nullable=False),
    sa.Column('secret_sealed', sa.Text(), nullable=False),
    sa.Column('algorithm', sa.String(length=5), nullable=False),
    sa.Column('verified_acr', sa.String(length=200), server_default='', nullable=False),
    sa.Column('set_by', sa.String(length=80), nullable=False),
    sa.Column('set_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.CheckConstraint("algorithm in ('ES256', 'RS256')", name=op.f('ck_staff_provider_algorithm')),
    sa.ForeignKeyConstraint(['lg_code'], ['local_government.code'], name=op.f('fk_staff_provider_lg_code_local_government')),
    sa.PrimaryKeyConstraint('lg_code', name=op.f('pk_staff_provider'))
    )
    op.create_table('staff_visit',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('lg_code', sa.String(length=6), nullable=False),
    sa.Column('state_hash', sa.String(length=64), nullable=False),
    sa.Column('binding_hash', sa.String(length=64), nullable=False),
    sa.Column('nonce_sealed', sa.Text(), nullable=False),
    sa.Column('verifier_sealed', sa.Text(), nullable=False),
    sa.Column('wanted', sa.String(length=300), nullable=False),
    sa.Column('address_hash', sa.String(length=64), nullable=False),
    sa.Column('begun_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('used_at', core.types.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['lg_code'], ['local_government.code'], name=op.f('fk_staff_visit_lg_code_local_government')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_staff_visit')),
    sa.UniqueConstraint('state_hash', name=op.f('uq_staff_visit_state_hash'))
    )
    op.create_index(op.f('ix_staff_visit_address_hash_begun_at'), 'staff_visit', ['address_hash', 'begun_at'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_staff_visit_address_hash_begun_at'), table_name='staff_visit')
    op.drop_table('staff_visit')
    op.drop_table('staff_provider')
