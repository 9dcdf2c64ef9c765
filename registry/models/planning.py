"""When a night has to look at a row again."""

from datetime import date

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.tenancy import Reach, TableClass, rights

#: A row that no night has planned yet: the next night looks at it.
UNPLANNED = date(2000, 1, 1)


class PlanNumbers(Base):
    """By which numbers the rows of a local government were planned; stale: by others than today's."""

    __tablename__ = "plan_numbers"
    __table_args__ = (
        Index("ix_plan_numbers_stale", "lg_code", postgresql_where="is_stale"),
        {"info": rights(TableClass.MACHINERY, {"replan": "is_stale"}, worker=("siu", Reach.ALL))},
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    is_stale: Mapped[bool] = mapped_column(default=False)
