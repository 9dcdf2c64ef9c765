"""Lines of a calendar that a local government brings along, before and after they are dates (R09)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import Reach, TableClass, rights


class CalendarRow(Base):
    """One line of a calendar: looked at first, then one date of an activity."""

    __tablename__ = "calendar_row"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "import_id"],
            ["member_import.lg_code", "member_import.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("lg_code", "import_id", "line"),
        Index(
            "uq_calendar_row_made", "lg_code", "key", unique=True, postgresql_where="state = 'made'"
        ),
        CheckConstraint("state in ('error', 'known', 'ready', 'made')", name="state"),
        {"info": rights(TableClass.HOST, body=("siud", Reach.BODY), worker=("sd", Reach.BODY))},
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    import_id: Mapped[UUID]
    line: Mapped[int]
    state: Mapped[str] = mapped_column(String(5))
    problems: Mapped[list[Any]]
    host: Mapped[str] = mapped_column(String(120), comment="as the line says it")
    organisation_id: Mapped[UUID | None]
    category: Mapped[str] = mapped_column(String(40))
    texts: Mapped[dict[str, Any]] = mapped_column(comment="taken over as they were written")
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    capacity: Mapped[int | None]
    key: Mapped[str] = mapped_column(
        String(64), comment="the same date of the same activity, whatever file it stands in"
    )
    activity_id: Mapped[UUID | None]
    session_id: Mapped[UUID | None]
