"""passkeys and devices"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import core.types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('passkey_challenge',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('binding_hash', sa.String(length=64), nullable=False),
    sa.Column('challenge', sa.LargeBinary(), nullable=False),
    sa.Column('purpose', sa.String(length=8), nullable=False, comment='register, sign_in or confirm'),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('session_hash', sa.String(length=64), nullable=True, comment='whose, unless for signing in'),
    sa.Column('address_hash', sa.String(length=64), nullable=False),
    sa.Column('created_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_passkey_challenge')),
    sa.UniqueConstraint('binding_hash', name=op.f('uq_passkey_challenge_binding_hash'))
    )
    op.create_index(op.f('ix_passkey_challenge_address_hash_created_at'), 'passkey_challenge', ['address_hash', 'created_at'], unique=False)
    op.create_table('passkey',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('account_id', sa.UUID(), nullable=False),
    sa.Column('credential_id', sa.LargeBinary(), nullable=False),
    sa.Column('public_key', sa.LargeBinary(), nullable=False, comment='COSE'),
    sa.Column('sign_count', sa.BigInteger(), nullable=False, comment='0 for ever where devices sync'),
    sa.Column('name', core.types.PersonalText(), nullable=False, comment='as its owner calls it'),
    sa.Column('device_type', sa.String(length=16), nullable=False, comment='single_device, or multi_device where it may be synced'),
    sa.Column('backed_up', sa.Boolean(), nullable=False),
    sa.Column('aaguid', sa.String(length=36), nullable=False, comment='the make of the authenticator'),
    sa.Column('transports', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='how a browser reaches it'),
    sa.Column('created_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', core.types.UtcDateTime(timezone=True), nullable=True),
    sa.Column('blocked_at', core.types.UtcDateTime(timezone=True), nullable=True, comment='its counter went back: somebody may hold a copy'),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_passkey_account_id_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_passkey')),
    sa.UniqueConstraint('credential_id', name=op.f('uq_passkey_credential_id'))
    )
    op.create_index(op.f('ix_passkey_account_id'), 'passkey', ['account_id'], unique=False)
    op.add_column('web_session', sa.Column('id', sa.UUID(), server_default=sa.text('gen_random_uuid()'), nullable=False, comment='names it in lists'))
    op.add_column('web_session', sa.Column('method', sa.String(length=8), server_default='code', nullable=False, comment='code or passkey'))
    op.add_column('web_session', sa.Column('user_verified_at', core.types.UtcDateTime(timezone=True), nullable=True, comment='a passkey last verified who holds the device: sign-in or step-up'))
    op.add_column('web_session', sa.Column('device_hash', sa.String(length=64), server_default='', nullable=False, comment="the browser's own mark"))
    op.create_unique_constraint(op.f('uq_web_session_id'), 'web_session', ['id'])


def downgrade() -> None:
    op.drop_constraint(op.f('uq_web_session_id'), 'web_session', type_='unique')
    op.drop_column('web_session', 'device_hash')
    op.drop_column('web_session', 'user_verified_at')
    op.drop_column('web_session', 'method')
    op.drop_column('web_session', 'id')
    op.drop_index(op.f('ix_passkey_account_id'), table_name='passkey')
    op.drop_table('passkey')
    op.drop_index(op.f('ix_passkey_challenge_address_hash_created_at'), table_name='passkey_challenge')
    op.drop_table('passkey_challenge')
