"""Tables of the figures: what a local government counts, and what everybody may know."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import Reach, TableClass, rights
from core.types import LgCode

#: The code that stands for the nation.
NATION = "000000"

#: Distinct people, which no local government can count: numbers are all that leaves the database.
#: Once a prefecture and once for the nation, in one pass over people.
DISTINCT_PEOPLE = """
with one as (
    select r.person_id, g.prefecture_code, bool_or(starts_with(r.identity_level, 'mnc')) as verified
      from registration r join local_government g on g.code = r.lg_code
     where r.status = 'active' and r.direct and not r.residence_related group by 1, 2
)
select prefecture_code::text, case when verified then 'verified' else 'unverified' end, count(*)
  from one group by 1, 2
union all
select '000000', case when verified then 'verified' else 'unverified' end, count(*)
  from (select person_id, bool_or(verified) as verified from one group by 1) v group by 2
"""


class FigureCount(Base):
    """A cell of a figure of one local government on one day, as counted: for its own desk."""

    __tablename__ = "figure_count"
    __table_args__ = (
        Index(None, "day"),
        {
            "info": rights(
                TableClass.BODY,
                body=("s", Reach.BODY),
                worker=[("id", Reach.BODY), ("s", Reach.ALL)],
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    figure: Mapped[str] = mapped_column(String(24), primary_key=True)
    cell: Mapped[str] = mapped_column(String(24), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


class OpenFigure(Base):
    """A cell as it is published, of a local government, a prefecture's area or the nation (R17)."""

    __tablename__ = "open_figure"
    __table_args__ = (
        CheckConstraint("level in ('body', 'prefecture', 'nation')", name="level"),
        {
            "info": rights(
                TableClass.NATIONAL,
                None,
                "",
                {"people": DISTINCT_PEOPLE},
                person=("s", Reach.ALL),
                body=("s", Reach.ALL),
                worker=("sid", Reach.ALL),
                operator=("s", Reach.ALL),
            )
        },
    )

    day: Mapped[date] = mapped_column(primary_key=True)
    level: Mapped[str] = mapped_column(String(10), primary_key=True)
    code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    figure: Mapped[str] = mapped_column(String(24), primary_key=True)
    cell: Mapped[str] = mapped_column(String(24), primary_key=True)
    value: Mapped[int | None] = mapped_column(BigInteger, comment="empty: hidden")


class PolicyTrial(Base):
    """A policy a local government tries on its own counts, and what the model answered; no person in it."""

    __tablename__ = "policy_trial"
    __table_args__ = (
        CheckConstraint("state in ('asked', 'ready', 'failed')", name="state"),
        CheckConstraint("(state = 'ready') = (result is not null)", name="answered"),
        Index(
            "uq_policy_trial_running",
            "lg_code",
            unique=True,
            postgresql_where="state = 'asked'",
        ),
        {
            "info": rights(
                TableClass.BODY,
                {
                    "trials": "state = 'asked'"
                    # Claims are of the machine's own time.
                    " and (claimed_until is null or claimed_until < now())",
                    "retention": "forget_on <= {as_of}",
                },
                body=("si", Reach.BODY),
                worker=("sud", Reach.BODY),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    state: Mapped[str] = mapped_column(String(6), default="asked")
    question: Mapped[dict[str, Any]] = mapped_column(
        comment="counts and settings, as the model reads"
    )
    asked_by: Mapped[str] = mapped_column(String(80))
    asked_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[datetime | None] = mapped_column(comment="of the machine's own time")
    answered_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None]
    page: Mapped[str | None] = mapped_column(Text, comment="the same as a page to keep")
    failure: Mapped[str | None] = mapped_column(String(8))
    forget_on: Mapped[date]
