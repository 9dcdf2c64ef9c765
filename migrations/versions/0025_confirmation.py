"""confirmation"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import core.types

revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None


#: Who asked and who answered is whoever the transaction works for, and what is asked stays (P19).
TWO_PEOPLE = """
create function furusato_two_people() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'open' or new.asked_by is distinct from furusato_actor() then
            raise insufficient_privilege using message = 'asked in somebody else''s name';
        end if;
    elsif old.state <> 'open' or new.answered_by is distinct from furusato_actor()
        or (new.lg_code, new.id, new.kind, new.subject, new.facts, new.name, new.asked_by,
            new.asked_at, new.expires_at)
        is distinct from (old.lg_code, old.id, old.kind, old.subject, old.facts, old.name,
            old.asked_by, old.asked_at, old.expires_at) then
        raise insufficient_privilege using message = 'answered in somebody else''s name';
    end if;
    return new;
end $$
"""
#: What a local government's own role writes needs the confirmation that its second person gave.
CONFIRMED = """
create function furusato_confirmed() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
declare
    given confirmation;
    fits boolean;
begin
    select * into given from confirmation
        where lg_code = new.lg_code and id = new.confirmation_id and state = 'confirmed'
        and answered_by = furusato_actor();
    if not found then
        fits := false;
    elsif tg_table_name = 'requirement_version' then
        fits := given.kind = 'requirement' and given.facts -> 'tree' = new.tree
            and given.subject = new.effective_from::text and given.asked_by = new.decided_by;
    elsif tg_table_name = 'body_value' then
        fits := given.kind = 'auto_mode' and given.facts ->> 'since' <= new.since::text
            and given.subject = new.key and given.asked_by = new.decided_by;
    else
        fits := given.kind = 'manager_role' and given.subject = 'staff:' || new.account_id
            and (tg_op = 'INSERT' or old.confirmation_id is distinct from new.confirmation_id);
    end if;
    if not fits then
        raise insufficient_privilege using message = 'a second person has to confirm this';
    end if;
    return new;
end $$
"""
BODY = "current_user = 'furusato_body'"
TRIGGERS = (
    "create trigger two_people before insert or update on confirmation"
    " for each row execute function furusato_two_people()",
    "create trigger confirmed before insert or update on requirement_version"
    f" for each row when ({BODY}) execute function furusato_confirmed()",
    "create trigger confirmed before insert or update on body_value"
    f" for each row when ({BODY} and new.key like 'decision.mode%' and new.value = '\"auto\"')"
    " execute function furusato_confirmed()",
    "create trigger confirmed before insert on staff_role"
    f" for each row when ({BODY} and new.role = 'manager' and new.ended_at is null)"
    " execute function furusato_confirmed()",
    "create trigger confirmed_again before update on staff_role"
    f" for each row when ({BODY} and new.role = 'manager' and new.ended_at is null"
    " and (old.ended_at is not null or old.role <> 'manager'"
    " or old.account_id <> new.account_id or old.granted_at <> new.granted_at))"
    " execute function furusato_confirmed()",
)


def upgrade() -> None:
    op.create_table('confirmation',
    sa.Column('lg_code', sa.String(length=6), nullable=False),
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('subject', sa.String(length=80), nullable=False),
    sa.Column('facts', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('name', core.types.PersonalText(), nullable=True),
    sa.Column('state', sa.String(length=10), server_default='open', nullable=False),
    sa.Column('asked_by', sa.String(length=80), nullable=False),
    sa.Column('asked_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', core.types.UtcDateTime(timezone=True), nullable=False),
    sa.Column('answered_by', sa.String(length=80), nullable=True),
    sa.Column('answered_at', core.types.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state = 'open') = (answered_by is null)", name=op.f('ck_confirmation_answered')),
    sa.CheckConstraint("kind in ('requirement', 'auto_mode', 'manager_role')", name=op.f('ck_confirmation_kind')),
    sa.CheckConstraint("state <> 'confirmed' or answered_at <= expires_at", name=op.f('ck_confirmation_in_time')),
    sa.CheckConstraint("state in ('open', 'confirmed', 'declined', 'cancelled', 'expired')", name=op.f('ck_confirmation_state')),
    sa.CheckConstraint("state not in ('confirmed', 'declined') or (answered_by <> asked_by and answered_by <> subject)", name=op.f('ck_confirmation_two_people')),
    sa.ForeignKeyConstraint(['lg_code'], ['local_government.code'], name=op.f('fk_confirmation_lg_code_local_government')),
    sa.PrimaryKeyConstraint('lg_code', 'id', name=op.f('pk_confirmation'))
    )
    op.create_index('uq_confirmation_open', 'confirmation', ['lg_code', 'kind', 'subject'], unique=True, postgresql_where="state = 'open'")
    op.add_column('body_value', sa.Column('confirmation_id', sa.UUID(), nullable=True))
    op.create_unique_constraint(op.f('uq_body_value_lg_code_confirmation_id'), 'body_value', ['lg_code', 'confirmation_id'])
    op.create_foreign_key(op.f('fk_body_value_lg_code_confirmation_id_confirmation'), 'body_value', 'confirmation', ['lg_code', 'confirmation_id'], ['lg_code', 'id'])
    op.add_column('requirement_version', sa.Column('confirmation_id', sa.UUID(), nullable=True))
    op.create_unique_constraint(op.f('uq_requirement_version_lg_code_confirmation_id'), 'requirement_version', ['lg_code', 'confirmation_id'])
    op.create_foreign_key(op.f('fk_requirement_version_lg_code_confirmation_id_confirmation'), 'requirement_version', 'confirmation', ['lg_code', 'confirmation_id'], ['lg_code', 'id'])
    op.add_column('staff_role', sa.Column('confirmation_id', sa.UUID(), nullable=True))
    op.create_unique_constraint(op.f('uq_staff_role_lg_code_confirmation_id'), 'staff_role', ['lg_code', 'confirmation_id'])
    op.create_foreign_key(op.f('fk_staff_role_lg_code_confirmation_id_confirmation'), 'staff_role', 'confirmation', ['lg_code', 'confirmation_id'], ['lg_code', 'id'])
    for statement in (TWO_PEOPLE, CONFIRMED, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    for table, name in (
        ("staff_role", "confirmed_again"),
        ("staff_role", "confirmed"),
        ("body_value", "confirmed"),
        ("requirement_version", "confirmed"),
        ("confirmation", "two_people"),
    ):
        op.execute(f"drop trigger {name} on {table}")
    op.execute("drop function furusato_confirmed()")
    op.execute("drop function furusato_two_people()")
    op.drop_constraint(op.f('fk_staff_role_lg_code_confirmation_id_confirmation'), 'staff_role', type_='foreignkey')
    op.drop_constraint(op.f('uq_staff_role_lg_code_confirmation_id'), 'staff_role', type_='unique')
    op.drop_column('staff_role', 'confirmation_id')
    op.drop_constraint(op.f('fk_requirement_version_lg_code_confirmation_id_confirmation'), 'requirement_version', type_='foreignkey')
    op.drop_constraint(op.f('uq_requirement_version_lg_code_confirmation_id'), 'requirement_version', type_='unique')
    op.drop_column('requirement_version', 'confirmation_id')
    op.drop_constraint(op.f('fk_body_value_lg_code_confirmation_id_confirmation'), 'body_value', type_='foreignkey')
    op.drop_constraint(op.f('uq_body_value_lg_code_confirmation_id'), 'body_value', type_='unique')
    op.drop_column('body_value', 'confirmation_id')
    op.drop_index('uq_confirmation_open', table_name='confirmation', postgresql_where="state = 'open'")
    op.drop_table('confirmation')
