"""The night on which somebody is reminded of the first questionnaire (R04).

Whoever registered before has never been reminded: the first night looks at all of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OPEN = "status = 'active' and direct and survey_due_on is not null"


def upgrade() -> None:
    op.add_column(
        "registration",
        sa.Column(
            "survey_due_on",
            sa.Date(),
            server_default=sa.text("'2000-01-01'"),
            nullable=True,
            comment="the night of this day reminds of the first questionnaire; empty: never again",
        ),
    )
    op.create_index(
        "ix_registration_survey",
        "registration",
        ["lg_code", "survey_due_on"],
        postgresql_where=OPEN,
    )


def downgrade() -> None:
    op.drop_index("ix_registration_survey", table_name="registration")
    op.drop_column("registration", "survey_due_on")
