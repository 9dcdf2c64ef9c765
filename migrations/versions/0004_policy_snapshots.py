"""Numbers that judgements were made with are kept once, not with each judgement."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_POLICY = "((inputs -> 'policy') - 'day')"
_DIGEST = f"encode(sha256(convert_to({_POLICY}::text, 'UTF8')), 'hex')"


def upgrade() -> None:
    op.create_table(
        "policy_snapshot",
        sa.Column("lg_code", sa.String(length=6), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column(
            "policy",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="each value with the day it holds from and its source",
        ),
        sa.PrimaryKeyConstraint("lg_code", "digest", name=op.f("pk_policy_snapshot")),
    )
    op.add_column(
        "judgement",
        sa.Column("policy_day", sa.Date(), comment="the day whose numbers were used"),
    )
    op.add_column("judgement", sa.Column("policy_digest", sa.String(length=64)))
    # The rights are installed anew, and forced again, after the migrations.
    op.execute("alter table judgement no force row level security")
    op.execute(
        "insert into policy_snapshot (lg_code, digest, policy)"
        f" select distinct lg_code, {_DIGEST}, {_POLICY} from judgement"
    )
    op.execute(
        f"update judgement set policy_digest = {_DIGEST},"
        " policy_day = cast(inputs -> 'policy' ->> 'day' as date), inputs = inputs -> 'facts'"
    )
    op.alter_column("judgement", "policy_day", nullable=False)
    op.alter_column("judgement", "policy_digest", nullable=False)
    op.alter_column(
        "judgement",
        "inputs",
        existing_type=postgresql.JSONB(astext_type=sa.Text()),
        comment="the facts it was made from",
        existing_nullable=False,
    )
    op.create_foreign_key(
        op.f("fk_judgement_lg_code_policy_digest_policy_snapshot"),
        "judgement",
        "policy_snapshot",
        ["lg_code", "policy_digest"],
        ["lg_code", "digest"],
    )
    _no_overlap("registration_id with =")


def downgrade() -> None:
    op.execute("alter table judgement no force row level security")
    op.execute("alter table policy_snapshot no force row level security")
    op.execute(
        "update judgement j set inputs = jsonb_build_object('facts', j.inputs, 'policy',"
        " s.policy || jsonb_build_object('day', j.policy_day)) from policy_snapshot s"
        " where s.lg_code = j.lg_code and s.digest = j.policy_digest"
    )
    op.drop_constraint(
        op.f("fk_judgement_lg_code_policy_digest_policy_snapshot"), "judgement", type_="foreignkey"
    )
    op.drop_column("judgement", "policy_digest")
    op.drop_column("judgement", "policy_day")
    op.drop_table("policy_snapshot")
    _no_overlap("lg_code with =, registration_id with =")


def _no_overlap(keys: str) -> None:
    """Terms of one registration never overlap; a shorter key halves what each term costs."""
    op.execute("alter table term drop constraint ex_term_no_overlap")
    op.execute(
        f"alter table term add constraint ex_term_no_overlap exclude using gist ({keys},"
        " daterange(first_day, last_day, '[]') with &&) where (state <> 'annulled')"
    )
