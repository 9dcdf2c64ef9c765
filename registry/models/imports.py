"""Files a local government brings along; those of fan clubs are kept apart from persons (R27)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import Reach, TableClass, rights
from core.types import PersonalText


class MemberImport(Base):
    """A file with an existing list or calendar: seen first, confirmed by somebody, forgotten after its days."""

    __tablename__ = "member_import"
    __table_args__ = (
        UniqueConstraint("lg_code", "file_hash"),
        CheckConstraint("state in ('preview', 'begun', 'confirmed')", name="state"),
        CheckConstraint("kind in ('people', 'calendar')", name="kind"),
        {
            "info": rights(
                TableClass.BODY,
                {"imports_end": "state = 'preview' and forget_on <= {as_of}"},
                body=("siud", Reach.BODY),
                worker=("sd", Reach.BODY),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(
        String(10), default="people", server_default="people", comment="what its lines are"
    )
    file_name: Mapped[str] = mapped_column(String(120))
    file_hash: Mapped[str] = mapped_column(String(64))
    file_sealed: Mapped[str | None] = mapped_column(
        Text, comment="until it is confirmed, for another choice of columns"
    )
    state: Mapped[str] = mapped_column(String(10))
    headers: Mapped[list[Any]]
    columns: Mapped[dict[str, Any]]
    defaults: Mapped[dict[str, Any]] = mapped_column(
        default=dict, server_default=text("'{}'"), comment="what stands for empty cells"
    )
    uploaded_by: Mapped[str] = mapped_column(String(80))
    uploaded_at: Mapped[datetime]
    forget_on: Mapped[date]
    confirmed_at: Mapped[datetime | None]


class MemberImportRow(Base):
    """One line of a list: not a person, and never one unless they agree themselves."""

    __tablename__ = "member_import_row"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "import_id"],
            ["member_import.lg_code", "member_import.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("lg_code", "import_id", "line"),
        UniqueConstraint("token_hash"),
        Index(None, "lg_code", "email_key"),
        Index("ix_member_import_row_open", "lg_code", "state", "answer_by"),
        CheckConstraint(
            "state in ('error', 'known', 'ready', 'to_mail', 'asked', 'agreed', 'expired')",
            name="state",
        ),
        {
            "info": rights(
                TableClass.BODY,
                {
                    "imports": "state = 'to_mail'",
                    "imports_end": "state = 'asked' and answer_by < {as_of}",
                },
                gate=("su", Reach.ALL),
                body=("siud", Reach.BODY),
                worker=("sud", Reach.BODY),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    import_id: Mapped[UUID]
    line: Mapped[int]
    state: Mapped[str] = mapped_column(String(8))
    problems: Mapped[list[Any]]
    name: Mapped[str | None] = mapped_column(PersonalText)
    email: Mapped[str | None] = mapped_column(PersonalText)
    email_key: Mapped[str | None] = mapped_column(String(64))
    joined_on: Mapped[date | None]
    token_hash: Mapped[str | None] = mapped_column(String(64))
    asked_at: Mapped[datetime | None]
    answer_by: Mapped[date | None]
    answered_at: Mapped[datetime | None]
