"""Of a long calendar some dates are made before the others: it has begun."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

NAME = op.f("ck_member_import_state")


def upgrade() -> None:
    op.drop_constraint(NAME, "member_import")
    op.create_check_constraint(
        NAME, "member_import", "state in ('preview', 'begun', 'confirmed')"
    )
    _reach_all_rows()
    op.execute(
        "update member_import set state = 'begun' where state = 'preview' and exists"
        " (select from calendar_row where calendar_row.lg_code = member_import.lg_code"
        " and calendar_row.import_id = member_import.id and calendar_row.state = 'made')"
    )


def downgrade() -> None:
    _reach_all_rows()
    op.execute("update member_import set state = 'preview' where state = 'begun'")
    op.drop_constraint(NAME, "member_import")
    op.create_check_constraint(NAME, "member_import", "state in ('preview', 'confirmed')")


def _reach_all_rows() -> None:
    """The rights are installed anew, and forced again, after the migrations."""
    for table in ("member_import", "calendar_row"):
        op.execute(f"alter table {table} no force row level security")
