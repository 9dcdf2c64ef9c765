"""Two registrations of one local government that may be one person's (C42)."""

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
from core.tenancy import BODY_ONLY, TableClass, rights


class DuplicatePair(Base):
    """A pair that looks alike: stored once, looked at by somebody, never merged by itself."""

    __tablename__ = "duplicate_pair"
    __table_args__ = (
        ForeignKeyConstraint(["lg_code", "first_id"], ["registration.lg_code", "registration.id"]),
        ForeignKeyConstraint(["lg_code", "second_id"], ["registration.lg_code", "registration.id"]),
        UniqueConstraint("lg_code", "first_id", "second_id"),
        Index("ix_duplicate_pair_open", "lg_code", "found_at", postgresql_where="state = 'open'"),
        Index(None, "lg_code", "second_id"),
        CheckConstraint("state in ('open', 'same', 'different')", name="state"),
        CheckConstraint("first_id < second_id", name="order"),
        {"info": rights(TableClass.BODY, **BODY_ONLY)},
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    first_id: Mapped[UUID]
    second_id: Mapped[UUID]
    reasons: Mapped[list[Any]] = mapped_column(comment="what is alike: codes, no values")
    state: Mapped[str] = mapped_column(String(9), default="open")
    found_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(80))
