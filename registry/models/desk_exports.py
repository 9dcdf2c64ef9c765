"""Files that staff take out of the desk: asked for, made by a worker, gone after a day (C52)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import Reach, TableClass, rights


class DeskExport(Base):
    """A file for the one member of staff who asked; its row stays some days longer than it."""

    __tablename__ = "desk_export"
    __table_args__ = (
        CheckConstraint("kind in ('members', 'participations', 'audit')", name="kind"),
        CheckConstraint("form in ('csv', 'xlsx')", name="form"),
        CheckConstraint("state in ('waits', 'asked', 'ready', 'failed', 'ended')", name="state"),
        # P19: many rows leave when a second person has let them, whatever asks.
        CheckConstraint("released_by is null or released_by <> asked_by", name="two_people"),
        CheckConstraint(
            "state in ('waits', 'ended') or most <= 1000 or released_by is not null",
            name="released",
        ),
        Index(None, "lg_code", "asked_by", "asked_at"),
        Index("ix_desk_export_open", "lg_code", "state", "expires_at"),
        {
            "info": rights(
                TableClass.BODY,
                {
                    "desk_exports": "(state = 'asked' or forget_at <= {at}"
                    " or (state <> 'ended' and expires_at <= {at}))"
                },
                body=("siu", Reach.BODY),
                worker=("sud", Reach.BODY),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(16))
    form: Mapped[str] = mapped_column(String(4))
    wanted: Mapped[dict[str, Any]] = mapped_column(comment="codes, days and ids; no typed words")
    purpose: Mapped[str] = mapped_column(String(20))
    language: Mapped[str] = mapped_column(String(8))
    most: Mapped[int] = mapped_column(comment="rows that the role of whoever asked may take")
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(6))
    released_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    tries: Mapped[int] = mapped_column(server_default="0")
    row_count: Mapped[int]
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    forget_at: Mapped[datetime]
    taken_at: Mapped[datetime | None] = mapped_column(comment="the last time")
    file_sealed: Mapped[str | None] = mapped_column(
        Text, comment="packed and sealed", deferred=True
    )
