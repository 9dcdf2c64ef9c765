"""Local governments, their values, requirement and staff."""

from datetime import date, datetime
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
from core.types import LgCode, PersonalText


class LocalGovernment(Base):
    """One of 1,741 municipalities or 47 prefectures, by 全国地方公共団体コード (R01)."""

    __tablename__ = "local_government"
    __table_args__ = (
        CheckConstraint("kind in ('municipality', 'prefecture')", name="kind"),
        CheckConstraint(
            "state in ('none', 'preparing', 'trial', 'active', 'suspended', 'left')", name="state"
        ),
        Index(None, "prefecture_code"),
        {
            "info": rights(
                TableClass.NATIONAL,
                gate=("s", Reach.ALL),
                person=("s", Reach.ALL),
                body=("s", Reach.ALL),
                worker=("su", Reach.ALL),
                relay=("s", Reach.ALL),
                operator=("su", Reach.ALL),
            )
        },
    )

    code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    prefecture_code: Mapped[str] = mapped_column(LgCode)
    prefecture: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(String(20))
    kana: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10), default="none", server_default="none")
    joined_on: Mapped[date | None]
    message: Mapped[str] = mapped_column(String(400), default="", server_default="")


class BodyStep(Base):
    """A step of a local government's way in or out, planned or done, with its day (R01)."""

    __tablename__ = "body_step"
    __table_args__ = (
        CheckConstraint("state in ('planned', 'done', 'cancelled', 'failed')", name="state"),
        Index(
            "uq_body_step_planned",
            "lg_code",
            "on_day",
            unique=True,
            postgresql_where="state = 'planned'",
        ),
        {
            "info": rights(
                TableClass.BODY,
                body=("s", Reach.BODY),
                worker=("su", Reach.ALL),
                operator=("siu", Reach.ALL),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    before: Mapped[str | None] = mapped_column(String(10), comment="where it stood, once done")
    after: Mapped[str] = mapped_column(String(10))
    on_day: Mapped[date]
    reason: Mapped[str] = mapped_column(String(400), default="", server_default="")
    state: Mapped[str] = mapped_column(String(10))
    decided_by: Mapped[str] = mapped_column(String(80))
    decided_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class BodyValue(Base):
    """A local government's own value of a parameter, from a date, with who decided it (R07, R15)."""

    __tablename__ = "body_value"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "confirmation_id"], ["confirmation.lg_code", "confirmation.id"]
        ),
        UniqueConstraint("lg_code", "confirmation_id"),
        {
            "info": rights(
                TableClass.BODY,
                person=("s", Reach.ALL),
                body=("si", Reach.BODY),
                worker=("s", Reach.ALL),
                operator=("s", Reach.ALL),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    key: Mapped[str] = mapped_column(String(48), primary_key=True)
    since: Mapped[date] = mapped_column(primary_key=True)
    decided_at: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(type_=Base.type_annotation_map[dict[str, Any]])
    decided_by: Mapped[str] = mapped_column(String(80))
    confirmation_id: Mapped[UUID | None]


class RequirementVersion(Base):
    """A requirement for premium with the date from which it holds (R07, R33)."""

    __tablename__ = "requirement_version"
    __table_args__ = (
        UniqueConstraint("lg_code", "effective_from"),
        ForeignKeyConstraint(
            ["lg_code", "confirmation_id"], ["confirmation.lg_code", "confirmation.id"]
        ),
        UniqueConstraint("lg_code", "confirmation_id"),
        {
            "info": rights(
                TableClass.BODY,
                person=("s", Reach.ALL),
                body=("si", Reach.BODY),
                worker=("s", Reach.ALL),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    effective_from: Mapped[date]
    announced_on: Mapped[date]
    tree: Mapped[dict[str, Any]]
    decided_by: Mapped[str] = mapped_column(String(80))
    confirmation_id: Mapped[UUID | None]


class RequirementDraft(Base):
    """A requirement that managers are putting together; one a local government, until announced.

    `tree` may have empty groups. Who looks at an older draft, or at one that was dropped since, is
    told so: each edit adds one to `edits`, and a later draft is another one by its instant.
    """

    __tablename__ = "requirement_draft"
    __table_args__ = ({"info": rights(TableClass.BODY, body=("siud", Reach.BODY))},)

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    tree: Mapped[dict[str, Any]]
    edits: Mapped[int] = mapped_column(default=0, server_default="0")
    written_by: Mapped[str] = mapped_column(String(80))
    written_at: Mapped[datetime]

    @property
    def stamp(self) -> str:
        """What tells this draft, as it stands, from any other of this local government."""
        return f"{self.edits}@{self.written_at.isoformat()}"


class StaffRole(Base):
    """What a member of staff may do in one local government."""

    __tablename__ = "staff_role"
    __table_args__ = (
        CheckConstraint("role in ('viewer', 'clerk', 'approver', 'manager')", name="role"),
        ForeignKeyConstraint(
            ["lg_code", "confirmation_id"], ["confirmation.lg_code", "confirmation.id"]
        ),
        UniqueConstraint("lg_code", "confirmation_id"),
        {
            "info": rights(
                TableClass.BODY,
                gate=("s", Reach.ALL),
                body=("siu", Reach.BODY),
                worker=("s", Reach.BODY),
                operator=("siu", Reach.ALL),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(10), primary_key=True)
    name: Mapped[str] = mapped_column(PersonalText)
    granted_at: Mapped[datetime]
    confirmation_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]
